"""What clients are told of the mode: at once where they wait, by every answer, and by what they are offered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
import umbral_chat_polling.plugin
import umbral_chat_presence.plugin
from umbral_chat import hookimpl
from umbral_chat.context import Base
from umbral_chat.providers.edges import Offer
from umbral_chat.providers.history import Storage

from tests.modes.deployment import Instance, reach, start
from tests.modes.hub import Hub, HubTransport
from tests.modes.points import point

ROOM = "/v1/conversations/room"
EVENTS = f"{ROOM}/events"

MUCH_LESS = 8.0
"""Seconds that a busy machine may take, and far from the 30 that a poll would wait."""

HOWS = ["broken", "switched off"]


class _Plugin:
    """A live transport, an edge that needs it, and one that does not."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    @hookimpl
    def umbral_chat_transport(self, base: Base, storage: Storage) -> HubTransport:
        return HubTransport(self._hub, storage.history, base.clock)

    @hookimpl
    def umbral_chat_offers(self, conversation: str) -> Sequence[Offer]:
        return [
            Offer(edge="stream", rank=50, url=f"/stream/{conversation}"),
            Offer(edge="direct", rank=100, url=f"/direct/{conversation}", transport="hub"),
        ]


@dataclass(frozen=True)
class Pair:
    """Two instances on one file that are live by a hub."""

    here: Instance
    there: Instance
    hub: Hub

    async def change(self, how: str) -> None:
        """`broken` and `mended`, `switched off` and `on`; returns when both instances know."""
        if how in {"switched off", "on"}:
            answer = await self.here.client.put("/v1/admin/realtime", json={"enabled": how == "on"})
            assert answer.status_code == 200, answer.text
        else:
            self.hub.up = how == "mended"
        await reach((self.here, self.there), "live" if how in {"mended", "on"} else "polling", within=MUCH_LESS)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    hub = Hub(found_within=(0.0,))
    plugins = [
        point("hub", _Plugin(hub)),
        point("polling", umbral_chat_polling.plugin),
        point("presence", umbral_chat_presence.plugin),
    ]
    async with AsyncExitStack() as stack:
        environ = {"CORE__DATABASE": str(tmp_path / "chat.sqlite3")}
        found = Pair(await start(stack, plugins, **environ), await start(stack, plugins, **environ), hub)
        await reach((found.here, found.there), "live")
        yield found


async def send(instance: Instance, content: str = "hello") -> str:
    answer = await instance.client.post(f"{ROOM}/messages", json={"content": content})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["cursor"])


async def poll(instance: Instance, after: str, known: str | None = None, **query: Any) -> httpx.Response:
    headers = {} if known is None else {"If-None-Match": known}
    return await instance.client.get(EVENTS, params={"after": after} | query, headers=headers)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("tagged", [False, True])
async def test_who_waits_is_told_of_a_change_at_once_on_every_instance(pair: Pair, how: str, tagged: bool) -> None:
    cursor = await send(pair.here)
    polls = []
    for one in (pair.here, pair.there):
        answer = await poll(one, cursor)
        known = answer.headers["etag"] if tagged else None
        polls.append(asyncio.create_task(poll(one, cursor, known, wait=30)))
    await asyncio.sleep(1.3)  # of the first second signals are told together
    assert not any(one.done() for one in polls)
    began = monotonic()
    await pair.change(how)
    for answer in await asyncio.wait_for(asyncio.gather(*polls), MUCH_LESS):
        assert (answer.status_code, answer.json()["mode"], answer.json()["entries"]) == (200, "polling", [])
    assert monotonic() - began < MUCH_LESS


async def test_what_a_client_knows_of_another_mode_is_no_304(pair: Pair) -> None:
    cursor = await send(pair.here)
    tags: list[str] = []
    for how, mode in (("on", "live"), ("broken", "polling"), ("mended", "live"), ("switched off", "polling")):
        await pair.change(how)
        for known in tags:
            answer = await poll(pair.there, cursor, known)
            assert (answer.status_code, answer.json()["mode"]) == (200, mode)
        tags.append((await poll(pair.there, cursor)).headers["etag"])
        assert (await poll(pair.there, cursor, tags[-1])).status_code == 304
    assert len(set(tags)) == len(tags), "a tag of before its mode came back is not of now"


@pytest.mark.parametrize("how", ["mended", *HOWS])
async def test_when_to_come_back_follows_what_people_do(pair: Pair, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there, clock = pair.there, pair.there.services.base.clock
    cursor = await send(pair.here)
    assert (await poll(there, "0")).json()["cursor"] == cursor
    await pair.change(how)
    now, ahead = clock.monotonic, 3600.0
    monkeypatch.setattr(clock, "monotonic", lambda: now() + ahead)
    idle = await poll(there, cursor)
    assert (idle.json()["poll_after_ms"], idle.json()["mode"]) == (200, there.services.failover.mode)
    assert (await poll(there, cursor, idle.headers["etag"])).headers["poll-after-ms"] == "200"
    await send(pair.here, "somebody writes on the other instance")
    told = await poll(there, cursor, wait=20)
    assert len(told.json()["entries"]) == 1
    assert (await poll(there, told.json()["cursor"])).json()["poll_after_ms"] == 50
    draft = {"message_id": "d1", "offset": 0, "text": "I am wri"}
    ahead += 3600.0
    before = (await poll(there, told.json()["cursor"])).json()
    assert before["poll_after_ms"] == 200
    assert (await pair.here.client.post(f"{ROOM}/drafts", json=draft)).status_code == 200
    seen: dict[str, Any] = {"drafts": []}
    async with asyncio.timeout(MUCH_LESS):
        while not seen["drafts"]:
            # The draft may be known there before this poll begins: a client says what it was told.
            seen = (await poll(there, told.json()["cursor"], wait=20, signals=before["signals"])).json()
    assert seen["poll_after_ms"] == 0, "what it was ready to wait is taken off"
    assert (await poll(there, told.json()["cursor"])).json()["poll_after_ms"] == 50


async def offered(instance: Instance, room: str = ROOM) -> tuple[str, list[str]]:
    answer = (await instance.client.post(f"{room}/connect")).json()
    assert all("transport" not in offer for offer in answer["offers"])
    return answer["mode"], [offer["edge"] for offer in answer["offers"]]


async def test_connect_offers_what_works(pair: Pair) -> None:
    await send(pair.here)
    for one in (pair.here, pair.there):
        assert await offered(one) == ("live", ["direct", "stream", "poll"])
    for how, mode, edges in (
        ("broken", "polling", ["stream", "poll"]),
        ("mended", "live", ["direct", "stream", "poll"]),
        ("switched off", "polling", ["poll"]),
        ("on", "live", ["direct", "stream", "poll"]),
    ):
        await pair.change(how)
        for one in (pair.here, pair.there):
            assert await offered(one) == (mode, edges), how


async def test_a_conversation_with_realtime_off_is_offered_polling_alone(pair: Pair) -> None:
    await send(pair.here)
    assert (await pair.here.client.patch(ROOM, json={"realtime": "off"})).status_code == 200
    for one in (pair.here, pair.there):
        assert await offered(one) == ("live", ["poll"])
        assert await offered(one, "/v1/conversations/other") == ("live", ["direct", "stream", "poll"])
    assert (await pair.there.client.patch(ROOM, json={"realtime": "inherit"})).status_code == 200
    assert await offered(pair.here) == ("live", ["direct", "stream", "poll"])
