"""While an instance does not reach the history it answers what it remembers, which is the same, and says that it may be
stale; all else it refuses, and says when to come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from umbral_chat.testing.instances import SwitchableTransport

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack
from tests.modes.deployment import Deployment, Instance, Realtime, deployment, reach
from tests.modes.record import DIFFERS

ROOM = "/v1/conversations/room"
EVENTS = f"{ROOM}/events"

READS: list[dict[str, Any]] = [
    {},
    {"limit": 2},
    {"wait": 0.2},
    {"after": "3"},
    {"after": "last"},
    {"after": "last", "wait": 1.5},
]

REFUSED: list[tuple[str, str, Any]] = [
    ("POST", f"{ROOM}/messages", {"content": "x"}),
    ("PATCH", f"{ROOM}/messages/m0", {"content": "x"}),
    ("DELETE", f"{ROOM}/messages/m0", None),
    ("POST", "/v1/conversations", {"id": "room", "title": "x"}),
    ("PATCH", ROOM, {"title": "x"}),
    ("DELETE", ROOM, None),
    ("POST", f"{ROOM}/read", {"seq": 1}),
    ("POST", f"{ROOM}/connect", None),
    ("GET", ROOM, None),
    ("GET", f"{ROOM}/messages", None),
    ("GET", f"{ROOM}/transcript", None),
    ("GET", f"{ROOM}/context", None),
    ("GET", "/v1/conversations", None),
    ("GET", "/v1/conversations/unknown/events", None),
    ("GET", "/v1/conversations/unknown/events?wait=5", None),
]


@pytest.fixture(params=["polling on SQLite", "live", "switched off"])
async def found(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Instances that are in this mode."""
    async with AsyncExitStack() as stack:
        if request.param == "polling on SQLite":
            yield await deployment(stack, CORE__DATABASE=str(tmp_path / "chat.sqlite3"))
            return
        supabase: Stack = request.getfixturevalue("supabase")
        await command(supabase, "realtime/reset")
        found = await deployment(stack, SUPABASE__URL=supabase.url, SUPABASE__KEY=supabase.secret_key)
        await reach(found.instances, "live")
        if request.param == "switched off":
            await Realtime(supabase, found).change("off")
        yield found


def plug(instance: Instance) -> SwitchableTransport:
    """What stands between an instance and its history from now on."""
    history = cast("Any", instance.services.storage.history)
    history.wrapped = found = SwitchableTransport(history.wrapped)
    return found


async def send(instance: Instance, content: str, message_id: str) -> str:
    answer = await instance.client.post(f"{ROOM}/messages", json={"content": content, "message_id": message_id})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["cursor"])


async def arrives(instance: Instance, cursor: str) -> None:
    """Wait until it knows of everything up to here."""
    begun = time.monotonic()
    while (answer := await instance.client.get(EVENTS)).status_code != 200 or answer.json()["cursor"] != cursor:
        assert time.monotonic() - begun < 20, answer.text
        await asyncio.sleep(0.05)


async def read(instance: Instance, query: dict[str, Any], last: str, tag: str | None = None) -> dict[str, Any]:
    """Poll, and be answered with a body."""
    after = {"last": last, "3": last.partition(".")[0] + ".3"}.get(query.get("after", ""), "0")
    headers = {"If-None-Match": tag} if tag else {}
    answer = await instance.client.get(EVENTS, params=query | {"after": after}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert ("etag" in answer.headers) == ("stale_since" not in answer.json())
    told: dict[str, Any] = answer.json()
    return told


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in DIFFERS | {"stale_since"}}


async def test_what_is_remembered_is_the_same_and_all_else_is_refused(found: Deployment) -> None:
    here, there = found.here, found.there
    for number in range(5):
        last = await send(here, f"text {number}", f"m{number}")
    last = (await here.client.patch(f"{ROOM}/messages/m1", json={"content": "edited"})).json()["cursor"]
    await arrives(there, last)
    wanted = [plain(await read(there, query, last)) for query in READS]
    tag = (await there.client.get(EVENTS, params={"after": last})).headers["etag"]

    cut = plug(there)
    cut.unplugged = True
    for method, path, body in REFUSED:
        answer = await there.client.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "history_unavailable"), (method, path, answer.text)
        assert int(answer.headers["retry-after"]) >= 1
    for query, one in zip(READS, wanted, strict=True):
        told = await read(there, query, last, tag)
        assert (plain(told), "stale_since" in told) == (one, True), query
        assert told["poll_after_ms"] == (0 if told["has_more"] else 200), "slowly, since there is nothing to be had"

    newest = await send(here, "meanwhile", "m5")
    if there.services.failover.mode == "live":
        # What is pushed needs no history: it goes on arriving.
        await arrives(there, newest)
        assert "stale_since" in await read(there, {"after": "last"}, last)

    cut.unplugged = False
    await arrives(there, newest)
    for query in READS:
        told = await read(there, query, last)
        assert "stale_since" not in told
        assert plain(told) == plain(await read(here, query, last))
