"""Two instances' consumers on SQLite and on Supabase: dead letters, ends, starts at now, and claims, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from umbral_chat import Entry, Sender, Storage, WriteMessage, WriteRedaction
from umbral_chat._core.consumers import Consumers
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat._core.settings.sections import ConsumerLimits
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import SystemClock
from umbral_chat.errors import ClaimExpired, Undeliverable
from umbral_chat.feed import EncodedEntry
from umbral_chat.providers.consumers import Claim, Claims
from umbral_chat.providers.edges import LogEnd
from umbral_chat.telemetry import Telemetry

from plugins.realtime_supabase.tests.conftest import opened
from tests.local_supabase.fixtures import empty
from tests.local_supabase.stack.api import Stack

BOUND = 30.0
"""Seconds in which everything happens, on a busy machine."""


class Instance(NamedTuple):
    consumers: Consumers
    storage: Storage
    bus: Bus

    async def say(self, conversation: str, content: str) -> str:
        """Append a message as the service does; its id."""
        write = WriteMessage(conversation=conversation, subject="me", sender=Sender("user"), content=content)
        appended = await self.storage.history.append(write)
        self.bus.publish(LogChange(conversation, appended.epoch, [EncodedEntry.of(appended.entry)]))
        return str(getattr(appended.entry, "message_id", ""))

    async def delete(self, conversation: str) -> None:
        await self.storage.history.delete(conversation)
        self.bus.publish(LogChange(conversation, "", []))


@asynccontextmanager
async def running(storage: Storage) -> AsyncIterator[Instance]:
    clock, bus = SystemClock(), Bus()
    base = cast("Any", SimpleNamespace(clock=clock, telemetry=Telemetry(None)))
    consumers = Consumers(storage, base, bus, Lifecycle(clock), ConsumerLimits(tries=2))
    task = asyncio.create_task(consumers.run())
    await asyncio.sleep(0)
    try:
        yield Instance(consumers, storage, bus)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=["sqlite", pytest.param("supabase", marks=pytest.mark.slow)])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Instance, Instance]]:
    """Two running instances on one store."""
    project: Stack | None = request.getfixturevalue("supabase_stack") if request.param == "supabase" else None
    if project is not None:
        empty(project)

    @asynccontextmanager
    async def instance() -> AsyncIterator[Instance]:
        if project is None:
            storage = open_storage(tmp_path / "chat.sqlite3", clock=SystemClock())
            async with storage.lifespan, running(storage) as one:
                yield one
        else:
            async with opened(project) as storage, running(storage) as one:
                yield one

    async with instance() as first, instance() as second:
        yield first, second


class Receiver:
    """Takes everything but what `refuses` holds, and the ends of logs; begins now."""

    name = "receiver"
    begins = "now"

    def __init__(self) -> None:
        self.taken: list[tuple[str, int, str]] = []
        self.ends: list[tuple[str, LogEnd]] = []
        self.refuses: set[str] = set()

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        content = str(getattr(entry, "content", ""))
        if content in self.refuses:
            raise Undeliverable("the receiver refused it")
        self.taken.append((conversation, entry.seq, content))

    async def handle_end(self, conversation: str, end: LogEnd) -> None:
        self.ends.append((conversation, end))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def test_what_is_refused_is_given_up_and_retried_from_another_instance(
    both: tuple[Instance, Instance],
) -> None:
    here, there = both
    receiver = Receiver()
    receiver.refuses = {"bad", "worse"}
    await here.say("room", "before")
    await here.consumers.start(receiver)
    await there.consumers.start(receiver)
    said = [await here.say("room", content) for content in ("bad", "good", "worse", "better")]
    await until(lambda: ("room", 5, "better") in receiver.taken)
    assert receiver.taken == [("room", 3, "good"), ("room", 5, "better")]
    letters = await there.consumers.dead_letters("receiver")
    assert [(letter.seq, letter.tries, letter.reason) for letter in letters] == [
        (2, 1, "the receiver refused it"),
        (4, 1, "the receiver refused it"),
    ]
    redaction = WriteRedaction(conversation="room", subject="me", sender=Sender("user"), message_id=said[0])
    await here.storage.history.append(redaction)
    receiver.refuses.clear()
    assert await there.consumers.retry("receiver", conversation="room", seq=2) == 1
    await until(lambda: ("room", 2, "") in receiver.taken)  # blank: it was redacted
    assert await there.consumers.drop("receiver") >= 1
    await here.delete("room")
    await until(lambda: bool(receiver.ends))
    assert receiver.ends == [("room", LogEnd(letters[0].epoch))]
    await here.consumers.forget("receiver")
    assert await here.storage.store.scan("consumer:receiver") == {}


class Worker:
    name = "worker"


async def one(claims: Claims, lease: float = 60.0) -> Claim:
    [claim] = await claims.claim(lease=lease, wait=BOUND)
    return claim


async def test_claims_are_given_by_one_instance_and_ended_at_another(both: tuple[Instance, Instance]) -> None:
    here, there = both
    claims, others = await here.consumers.claims(Worker()), await there.consumers.claims(Worker())
    waiting = asyncio.create_task(one(others))
    await asyncio.sleep(0)
    await here.say("room", "1")
    claim = await waiting  # at the other instance than the one that wrote it
    assert [entry.seq for entry in claim.entries] == [1]
    await here.say("room", "2")
    await here.say("room", "3")
    assert await claims.claim() == []
    await claims.ack([claim.id])
    late = await one(claims, lease=1.0)
    assert [entry.seq for entry in late.entries] == [2, 3]
    claim = await one(others)
    assert ([entry.seq for entry in claim.entries], claim.tries) == ([2], 1)
    for queue in (claims, others):
        with pytest.raises(ClaimExpired):
            await queue.ack([late.id])
    await claims.release([claim.id], failed="could not parse it")
    claim = await one(claims)
    assert [entry.seq for entry in claim.entries] == [3]
    assert [letter.reason for letter in await there.consumers.dead_letters("worker")] == ["could not parse it"]
    await others.ack([claim.id])
    await here.delete("room")
    claim = await one(claims)
    assert claim.end == LogEnd(claim.epoch)
    await others.ack([claim.id])
    assert await here.consumers.dead_letters("worker") == []
    assert not [key for key in await here.storage.store.scan("consumer:worker") if "/" not in key]
    assert await here.storage.store.scan("consumer-claims:worker") == {}
