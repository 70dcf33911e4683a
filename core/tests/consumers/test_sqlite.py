"""Two instances on one SQLite file, in real time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from umbral_chat._core.consumers import Consumers
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat._core.settings.sections import ConsumerLimits
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import SystemClock
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.entries import Entry, Sender
from umbral_chat.model.writes import WriteMessage
from umbral_chat.telemetry import Telemetry

ROOMS = [f"room-{number}" for number in range(6)]
ENTRIES = 120


class Recorder:
    name = "recorder"

    def __init__(self) -> None:
        self.taken: dict[str, list[int]] = defaultdict(list)
        self.busy: set[str] = set()
        self.complete = asyncio.Event()

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        assert conversation not in self.busy, "two at a time"
        self.busy.add(conversation)
        await asyncio.sleep(0.002)
        self.taken[conversation].append(entry.seq)
        self.busy.discard(conversation)
        if sum(len(taken) for taken in self.taken.values()) >= ENTRIES:
            self.complete.set()


async def test_two_instances_on_one_file_handle_each_entry_once_and_in_order(tmp_path: Path) -> None:
    recorder = Recorder()
    async with AsyncExitStack() as stack:
        instances = []
        for _ in range(2):
            clock = SystemClock()
            storage = open_storage(tmp_path / "chat.sqlite3", clock=clock)
            await stack.enter_async_context(storage.lifespan)
            bus = Bus()
            base = cast("Any", SimpleNamespace(clock=clock, telemetry=Telemetry(None)))
            consumers = Consumers(storage, base, bus, Lifecycle(clock), ConsumerLimits())
            task = asyncio.create_task(consumers.run([recorder]))
            instances.append((storage, bus, task))
        for number in range(ENTRIES):
            storage, bus, _ = instances[number % 2]
            conversation = ROOMS[number % len(ROOMS)]
            appended = await storage.history.append(
                WriteMessage(conversation=conversation, subject="me", sender=Sender(role="user"), content="hello")
            )
            bus.publish(LogChange(conversation, appended.epoch, [EncodedEntry.of(appended.entry)]))
        async with asyncio.timeout(120):
            await recorder.complete.wait()
        for _, _, task in instances:
            task.cancel()
        await asyncio.gather(*(task for _, _, task in instances), return_exceptions=True)
        record = await instances[0][0].store.get("consumer:recorder", ROOMS[0])
        assert record is not None
        assert b'"seq":20' in record.value
    assert all(recorder.taken[room] == list(range(1, 21)) for room in ROOMS)
