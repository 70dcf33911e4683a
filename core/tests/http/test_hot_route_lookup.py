"""A hot route answers the same on the short way as through Litestar's own routing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.types import Scope
from umbral_chat._core.http.hot_route_lookup import HotRouteLookup

from .conftest import KEYS, Client, send, service

ORIGIN = "https://shop.example.com"


@pytest.fixture(autouse=True)
def _tidy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer has the same body, whatever the moment."""
    monkeypatch.setattr("umbral_chat_polling.edge.PollEdge._pause", lambda *_, **__: 1000)


def lookup(client: Client) -> HotRouteLookup:
    found: Any = client.app
    assert isinstance(found.front._hot_routes, HotRouteLookup)
    return found.front._hot_routes


async def both(client: Client, method: str, path: str, monkeypatch: pytest.MonkeyPatch, **given: Any) -> httpx.Response:
    """The answer of the short way, which is the one of the long way, too."""
    taken = 0
    way = lookup(client)
    find = way.find

    def counted(scope: Scope) -> Any:
        nonlocal taken
        found = find(scope)
        taken += found is not None
        return found

    with monkeypatch.context() as patched:
        patched.setattr(way, "find", counted)
        short = await client.request(method, path, **given)
    with monkeypatch.context() as patched:
        patched.setattr(way, "_paths", [])
        long = await client.request(method, path, **given)
    assert taken == 1
    assert (short.status_code, short.content) == (long.status_code, long.content)
    assert sorted(short.headers.multi_items()) == sorted(long.headers.multi_items())
    return short


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("GET", "room/messages", {}, 200),
        ("GET", "room/events", {}, 200),
        ("GET", "new/events", {}, 200),
        ("POST", "room/messages", {"json": {"content": "again", "client_id": "one"}}, 200),
        ("POST", "room/messages", {"json": {"content": ""}}, 400),
        ("POST", "room/messages", {"content": b"{"}, 400),
        ("POST", "room/messages", {}, 400),
        ("GET", "room/messages", {"params": {"unknown": "1"}}, 400),
        ("GET", "ro%00om/messages", {}, 400),
        ("GET", "room/messages", {"headers": {"authorization": "Bearer nobody's"}}, 401),
        ("PUT", "room/messages", {"json": {}}, 405),
        ("GET", "room/events", {"params": {"after": "aaaaaaaaaa.1"}}, 410),
    ],
)
async def test_an_answer_is_the_same(
    keyed: Client, monkeypatch: pytest.MonkeyPatch, method: str, path: str, given: dict[str, Any], status: int
) -> None:
    await send(keyed, "room", "again", client_id="one")
    answer = await both(keyed, method, f"/v1/conversations/{path}", monkeypatch, **given)
    assert answer.status_code == status, answer.text


async def test_a_failure_of_ours_is_logged_once_and_answered_by_the_same_place(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of ours")

    history: Any = client.app.state.services.storage.history
    monkeypatch.setattr(type(history), "messages", fail)
    answer = await client.get("/v1/conversations/room/messages")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert len([record for record in caplog.records if record.exc_info]) == 1


async def test_a_page_of_another_origin_is_answered_with_its_headers(tmp_path: Path) -> None:
    async with service(tmp_path, core__keys=json.dumps(KEYS), core__cors_origins=json.dumps([ORIGIN])) as client:
        headers = {"authorization": f"Bearer {KEYS[0]['key']}", "origin": ORIGIN}
        answer = await client.get("/v1/conversations/room/messages", headers=headers)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
