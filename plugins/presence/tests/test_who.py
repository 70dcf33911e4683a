"""`umbral-chat who`: what it shows, live too, and its error where the service has no presence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pytest_httpx import HTTPXMock
from umbral_chat._core.cli import cli
from umbral_chat_presence.cli_view import lines

URL = "http://127.0.0.1:9"
PATH = f"{URL}/v1/conversations/demo/presence"

Run = Callable[..., Result]


def answer(**more: Any) -> dict[str, Any]:
    return {
        "conversation": "demo",
        "version": "v1",
        "count": 2,
        "counts": {"user": 1, "assistant": 0, "agent": 1, "system": 0},
        "listed": True,
        "people": [
            {
                "person": "p1",
                "role": "user",
                "name": "Ada\x1b[2J",
                "status": "online",
                "since": "2026-11-22T09:00:00Z",
                "id": "visitor",
                "devices": [{"device": "phone", "status": "away"}, {"device": "desk", "status": "online"}],
            },
            {"person": "p2", "role": "agent", "status": "busy", "since": "2026-11-22T10:00:00Z"},
        ],
        "typing": [{"person": "p2", "role": "agent"}, {"person": "p3", "role": "assistant", "name": "Bot"}],
        "last_seen": [{"person": "p4", "role": "agent", "name": "Grace", "last_seen": "2026-11-22T08:00:00Z"}],
    } | more


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("UMBRAL_CHAT_URL", "UMBRAL_CHAT_KEY", "UMBRAL_CHAT_CONFIG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return lambda *args: CliRunner().invoke(cli, ["--url", URL, "who", *args], prog_name="umbral-chat")


def test_everybody_stands_on_a_line_with_what_is_known(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=PATH, json=answer())
    result = run("demo", "--key", "secret")
    assert result.exit_code == 0, result.output
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "2 here (1 user, 1 agent)",
        "  user Ada\\u001b[2J (visitor)  online  since 2026-11-22 09:00:00  on phone (away), desk",
        "  agent p2  busy  since 2026-11-22 10:00:00  types",
        "  assistant Bot  types",
        "  agent Grace  last seen 2026-11-22 08:00:00",
    ]
    (request,) = httpx_mock.get_requests()
    assert request.headers["authorization"] == "Bearer secret"


def test_nobody_and_too_many_are_said(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=answer(count=0, people=[], typing=[], last_seen=[]))
    assert run("demo").stdout == "Nobody is here.\n"
    httpx_mock.add_response(json=answer(count=500, counts={"user": 500}, listed=False, people=[], typing=[]))
    assert "500 here (500 user): too many to be named" in run("demo").stdout


def test_json_is_the_answer_itself(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=answer())
    assert json.loads(run("demo", "--json").stdout) == answer()


@pytest.mark.parametrize("as_json", [True, False])
def test_watching_shows_each_change_once_and_an_absence(run: Run, httpx_mock: HTTPXMock, as_json: bool) -> None:
    refused = {"title": "Forbidden", "status": 403, "code": "forbidden", "detail": "no"}
    for told in (answer(), answer(), None, answer(version="v2", count=0, people=[], typing=[], last_seen=[])):
        httpx_mock.add_response(json=told or {"title": "Unavailable", "status": 503}, status_code=200 if told else 503)
    httpx_mock.add_response(json=refused, status_code=403)
    result = run("demo", "--watch", "--interval", "0.1", *(["--json"] if as_json else []))
    assert result.exit_code == 1
    assert "forbidden" in result.stderr
    if as_json:
        shown = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line.get("version") for line in shown] == ["v1", None, "v2"]
        assert "away_since" in shown[1]
    else:
        assert result.stdout.count("2 here") == 2, "once when it is current, once as the last known state"
        assert result.stdout.count("no answer since") == 1
        assert result.stdout.count("Nobody is here.") == 1


@pytest.mark.parametrize("how", [(), ("--watch",), ("--json",)])
def test_a_service_without_presence_is_said_with_the_mend(
    run: Run, httpx_mock: HTTPXMock, how: tuple[str, ...]
) -> None:
    httpx_mock.add_response(
        status_code=404,
        json={"title": "Not Found", "status": 404, "code": "route_not_found", "detail": "no such route"},
    )
    result = run("demo", *how)
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "pip install 'umbral-chat[presence]'" in said
    assert URL in said
    assert "umbral-chat status" in said


def test_another_problem_is_shown_as_it_is(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(
        status_code=410, json={"title": "Gone", "status": 410, "code": "conversation_deleted", "detail": "deleted"}
    )
    result = run("demo")
    assert result.exit_code == 1
    assert "conversation_deleted" in result.stderr


def test_a_name_that_is_none_is_wrong_usage(run: Run) -> None:
    assert run("no/name").exit_code == 2


@pytest.mark.parametrize(
    "strange",
    [
        None,
        [],
        {},
        {"count": 1, "counts": 7, "people": [1, {}], "typing": {}},
        {"count": 2, "people": [{"devices": [{}]}]},
    ],
)
def test_an_answer_of_another_version_is_shown_as_far_as_it_goes(strange: Any) -> None:
    assert list(lines(strange))
