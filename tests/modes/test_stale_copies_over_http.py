"""The same as `test_stale_copies.py` with nothing simulated: whole services, their real store, Realtime that is
switched, broken and mended meanwhile, and clients that know no more than the API."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from umbral_chat.model.entries import FoldedMessage, entry_decoder
from umbral_chat.model.fold import apply

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack
from tests.modes.deployment import Deployment, Instance, Realtime, deployment, reach

ROOM = "/v1/conversations/room"
WRITES = 80
Weather = Callable[[], Coroutine[Any, Any, None]]


async def history(instance: Instance) -> tuple[dict[str, FoldedMessage], str] | None:
    """Every message as it is now, page by page, and the cursor of the first page; None: it is deleted."""
    found: list[FoldedMessage] = []
    cursor, more = "", True
    while more:
        query = {"after": found[-1].seq if found else 0, "limit": 7}
        answer = await instance.client.get(f"{ROOM}/messages", params=query)
        if answer.status_code == 410:
            return None
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += msgspec.convert(page["messages"], list[FoldedMessage])
        cursor, more = cursor or page["cursor"], page["has_more"]
    return {message.message_id: message for message in found}, cursor


@dataclass
class Copy:
    """A client's copy, however stale. `paged` begins with the history's pages, and follows from the first one's
    cursor."""

    paged: bool
    random: random.Random
    cursor: str = "0"
    messages: dict[str, FoldedMessage] = field(default_factory=dict)
    gone: bool = False
    modes: set[str] = field(default_factory=set)

    async def visit(self, instance: Instance, *, wait: float = 0.0) -> None:
        """Read on from the cursor to the end."""
        if self.cursor == "0" and self.paged and (page := await history(instance)) is not None:
            self.messages, self.cursor = page
        while True:
            query: dict[str, Any] = {"after": self.cursor, "limit": self.random.choice([2, 9, 100]), "wait": wait}
            answer = await instance.client.get(f"{ROOM}/events", params=query)
            if answer.status_code == 410:
                self._start_over(answer)
                return
            assert answer.status_code == 200, answer.text
            self._take(answer.json())
            if not answer.json()["has_more"]:
                return

    def _take(self, told: dict[str, Any]) -> None:
        self.gone = False
        self.modes.add(told["mode"])
        seq = int(self.cursor.partition(".")[2] or 0)
        for entry in told["entries"]:
            seq += 1
            assert entry["seq"] == seq, (self.cursor, told)
            apply(self.messages, [entry_decoder.decode(msgspec.json.encode(entry))])
        assert told["cursor"] == "0" or told["cursor"].endswith(f".{seq}"), (self.cursor, told)
        self.cursor = told["cursor"]

    def _start_over(self, answer: httpx.Response) -> None:
        assert answer.json()["code"] in {"conversation_deleted", "cursor_expired"}
        self.gone = answer.json()["code"] == "conversation_deleted"
        self.cursor, self.messages = "0", {}

    async def follow(self, instances: tuple[Instance, ...]) -> None:
        """Read for a while, go away with the copy, come back anywhere; until cancelled."""
        while True:
            instance = self.random.choice(instances)
            for _ in range(self.random.randrange(1, 5)):
                await self.visit(instance, wait=self.random.choice([0.0, 0.3]))
            await asyncio.sleep(self.random.choice([0.0, 0.1, 0.5, 1.5]))


async def write(rng: random.Random, instance: Instance, number: int) -> None:
    """Something, whatever it is; a conversation that was deleted is made anew before long."""
    message = f"{ROOM}/messages/m{rng.randrange(max(1, number))}"
    calls: list[tuple[str, str, Any]] = [
        *[("POST", f"{ROOM}/messages", {"content": f"text {number}", "message_id": f"m{number}"})] * 4,
        *[("PATCH", message, {"content": f"edited {number}"})] * 3,
        ("DELETE", message, None),
        ("PATCH", ROOM, {"title": f"title {number}"}),
        ("POST", "/v1/conversations", {"id": "room"}),
        ("POST", "/v1/conversations", {"id": "room", "title": "anew"}),
    ]
    method, path, body = rng.choice(calls) if rng.random() > 0.04 else ("DELETE", ROOM, None)
    answer = await instance.client.request(method, path, json=body)
    assert answer.status_code in {200, 201, 204, 404, 409, 410}, answer.text


async def run(found: Deployment, seed: int, weather: Weather) -> set[str]:
    """Write, follow and change the weather; every copy ends equal. The modes that clients were told of."""
    rng, instances = random.Random(seed), (found.here, found.there)
    copies = [Copy(paged=bool(number % 2), random=random.Random(seed + number)) for number in range(6)]
    tasks = [asyncio.create_task(copy.follow(instances)) for copy in copies]
    changing = asyncio.create_task(weather())
    for number in range(WRITES):
        await write(rng, rng.choice(instances), number)
        await asyncio.sleep(rng.choice([0.0, 0.0, 0.02, 0.1]))
    await changing
    for task in tasks:
        assert not task.done(), task
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for copy in copies:
        await _ends_equal(copy, found.there)
    return {mode for copy in copies for mode in copy.modes}


async def _ends_equal(copy: Copy, instance: Instance) -> None:
    begun = time.monotonic()
    while True:
        await copy.visit(instance)
        fresh = await history(instance)
        if copy.gone == (fresh is None) and copy.messages == ({} if fresh is None else fresh[0]):
            return
        assert time.monotonic() - begun < 10, (copy, fresh)
        await asyncio.sleep(0.05)


@pytest.fixture
async def entered() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.mark.parametrize("seed", [1, 2])
async def test_polling_on_sqlite(entered: AsyncExitStack, tmp_path: Path, seed: int) -> None:
    found = await deployment(entered, CORE__DATABASE=str(tmp_path / "chat.sqlite3"))
    assert await run(found, seed, lambda: asyncio.sleep(0)) == {"polling"}


@pytest.mark.parametrize("seed", [4])
async def test_on_supabase_while_the_mode_changes(entered: AsyncExitStack, supabase: Stack, seed: int) -> None:
    await command(supabase, "realtime/reset")
    found = await deployment(entered, SUPABASE__URL=supabase.url, SUPABASE__KEY=supabase.secret_key)
    await reach(found.instances, "live")
    realtime = Realtime(supabase, found)

    async def weather() -> None:
        for how in itertools.islice(itertools.cycle(["broken", "mended", "off", "on"]), 6):
            await asyncio.sleep(0.3)
            await realtime.change(how)

    assert await run(found, seed, weather) == {"live", "polling"}
    await command(supabase, "realtime/reset")
