"""`umbral-chat subscriptions`: what it sends, what it shows, and its error where the service has none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pytest_httpx import HTTPXMock
from umbral_chat._core.cli import cli

URL = "http://127.0.0.1:9"
ALL = f"{URL}/v1/subscriptions"

Run = Callable[..., Result]

TICKETS: dict[str, Any] = {
    "name": "tickets",
    "filter": {"roles": ["user"]},
    "start": "now",
    "imported": False,
    "push": {"url": "https://example.com/hook"},
    "paused": False,
    "created_at": "2026-11-22T09:00:00Z",
    "consumer": "subscription:tickets:0123",
    "lag": 12.4,
    "last_error": {"at": "2026-11-22T09:30:00Z", "reason": "The receiver answered 500.\x1b[2J"},
    "dead": 2,
    "blocked": False,
}

WORK = TICKETS | {"name": "work", "push": None, "paused": True, "lag": None, "last_error": None, "dead": None}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("UMBRAL_CHAT_URL", "UMBRAL_CHAT_KEY", "UMBRAL_CHAT_CONFIG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return lambda *args: CliRunner().invoke(cli, ["--url", URL, "subscriptions", *args], prog_name="umbral-chat")


def test_each_is_a_line(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=ALL, json={"subscriptions": [TICKETS, WORK]})
    result = run("list")
    assert result.exit_code == 0, result.output
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "2 subscriptions",
        "  tickets  to https://example.com/hook  lag 12 s  2 given up  The receiver answered 500.\\u001b[2J",
        "  work  claimed  paused",
    ]


def test_one_is_shown_whole(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{ALL}/tickets", json=TICKETS)
    result = run("show", "tickets")
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "tickets",
        "  to https://example.com/hook",
        '  filter {"roles":["user"]}',
        "  made 2026-11-22 09:00:00, starting now",
        "  consumer subscription:tickets:0123",
        "  lag 12 s",
        "  2 given up: umbral-chat consumers failed subscription:tickets:0123",
        "  last error 2026-11-22 09:30:00: The receiver answered 500.\\u001b[2J",
    ]


def test_its_open_claims_and_its_kind_are_shown(run: Run, httpx_mock: HTTPXMock) -> None:
    found = WORK | {"kind": "unread", "after": 2_592_000.0, "open_claims": 1}
    httpx_mock.add_response(url=f"{ALL}/work", json=found)
    lines = [line.strip() for line in run("show", "work").stdout.splitlines()]
    assert lines[1] == "unread after 2592000 s, claimed, paused"
    assert "1 open claim" in lines


def test_unread_answers_in_place_of_entries(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=ALL, status_code=201, json=WORK | {"secret": None})
    assert run("create", "work", "--unread-after", "600", "--role", "agent").exit_code == 0
    (request,) = httpx_mock.get_requests()
    assert json.loads(request.content) == {
        "name": "work",
        "kind": "unread",
        "after": 600,
        "filter": {"roles": ["agent"]},
        "start": "now",
        "imported": False,
    }
    assert run("create", "work", "--unread-after", "5").exit_code == 2


def test_what_is_made_and_its_secret_once(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=ALL, status_code=201, json=TICKETS | {"secret": "whsec_c2VjcmV0"})
    result = run(
        *("create", "tickets", "--push", "https://example.com/hook", "--prefix", "order-", "--kind", "message"),
        *("--role", "user", "--role", "agent", "--metadata", "tier=gold", "--metadata", "vip=true"),
        *("--start", "beginning", "--imported"),
    )
    assert result.exit_code == 0, result.output
    assert "secret whsec_c2VjcmV0  it is not shown again" in result.stdout
    (request,) = httpx_mock.get_requests()
    assert json.loads(request.content) == {
        "name": "tickets",
        "filter": {
            "prefix": "order-",
            "kinds": ["message"],
            "roles": ["user", "agent"],
            "metadata": {"tier": "gold", "vip": True},
        },
        "start": "beginning",
        "imported": True,
        "push": {"url": "https://example.com/hook"},
    }


def test_one_that_is_claimed_names_no_push(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=ALL, status_code=201, json=WORK | {"secret": None})
    result = run("create", "work", "--json")
    assert json.loads(result.stdout)["name"] == "work"
    (request,) = httpx_mock.get_requests()
    assert json.loads(request.content) == {"name": "work", "filter": {}, "start": "now", "imported": False}


def test_pause_resume_and_delete(run: Run, httpx_mock: HTTPXMock) -> None:
    for _ in range(2):
        httpx_mock.add_response(method="PATCH", url=f"{ALL}/work", json=WORK)
    httpx_mock.add_response(method="DELETE", url=f"{ALL}/a%2Fb", status_code=204)
    for args in (("pause", "work"), ("resume", "work"), ("delete", "a/b")):
        assert run(*args).exit_code == 0
    sent = [json.loads(one.content) for one in httpx_mock.get_requests() if one.method == "PATCH"]
    assert sent == [{"paused": True}, {"paused": False}]


def test_without_the_plugin_it_says_what_to_install(run: Run, httpx_mock: HTTPXMock) -> None:
    problem = {"type": "about:blank", "title": "Not Found", "status": 404, "code": "route_not_found", "detail": ""}
    httpx_mock.add_response(url=ALL, status_code=404, json=problem)
    result = run("list")
    assert result.exit_code != 0
    assert "pip install 'umbral-chat[subscriptions]'" in result.output


def test_what_is_no_pair_is_a_usage_error(run: Run) -> None:
    result = run("create", "work", "--metadata", "tier")
    assert result.exit_code == 2
    assert "KEY=VALUE" in result.output
