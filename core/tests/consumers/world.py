"""Consumers that record, and the instances that run them on one store in memory, in the running loop's time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import msgspec
from umbral_chat._core.consumers import Consumers
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat._core.settings.sections import ConsumerLimits
from umbral_chat.clock import Clock
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.entries import Entry
from umbral_chat.providers.consumers import Claim
from umbral_chat.providers.edges import Consumer, ConsumerSource, LogEnd
from umbral_chat.providers.history import Storage
from umbral_chat.providers.store import SharedStore
from umbral_chat.telemetry import Telemetry

from ..feed.memory import MemoryHistory  # noqa: TID252 - tests are no package
from ..feed.virtual import LoopClock  # noqa: TID252
from .store import MemoryStore


class Recorder:
    """Handles entries as slowly as `takes` says, and raises what `refuses` holds."""

    def __init__(self, name: str = "recorder") -> None:
        self.name = name
        self.taken: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.began: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.busy: set[str] = set()
        self.most_busy = 0
        self.takes = 0.0
        self.refuses: dict[tuple[str, int], BaseException] = {}

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        assert conversation not in self.busy, "two at a time"
        self.busy.add(conversation)
        self.most_busy = max(self.most_busy, len(self.busy))
        self.began[conversation, epoch].append(entry.seq)
        try:
            if self.takes:
                await asyncio.sleep(self.takes)
            if (refusal := self.refuses.get((conversation, entry.seq))) is not None:
                raise refusal
            self.taken[conversation, epoch].append(entry.seq)
        finally:
            self.busy.discard(conversation)


class EndRecorder(Recorder):
    """Takes the ends of logs, too: `ends` by conversation, `order` with the entries between them."""

    def __init__(self, name: str = "recorder") -> None:
        super().__init__(name)
        self.ends: dict[str, list[LogEnd]] = defaultdict(list)
        self.order: dict[str, list[str]] = defaultdict(list)
        self.refuses_ends: BaseException | None = None
        self.end_tries = 0
        self.ended = asyncio.Event()

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        await super().handle(conversation, epoch, entry)
        self.order[conversation].append(f"{epoch}.{entry.seq}")

    async def handle_end(self, conversation: str, end: LogEnd) -> None:
        self.end_tries += 1
        if self.refuses_ends is not None:
            raise self.refuses_ends
        self.ends[conversation].append(end)
        self.order[conversation].append(f"{end.epoch} {end.kind}")
        self.ended.set()


class Instance(NamedTuple):
    """One instance of the service."""

    consumers: Consumers
    bus: Bus
    lifecycle: Lifecycle


class World:
    """One store, and the instances that run on it."""

    def __init__(self) -> None:
        self.history = MemoryHistory()
        self.store = MemoryStore()
        self.telemetry = Telemetry(None)
        self.limits = ConsumerLimits()

    def instance(self, clock: Clock | None = None, store: SharedStore | None = None) -> Instance:
        """One that does not run yet; `store`: its own way to the store."""
        storage = Storage("memory", self.history.history, store or self.store.store, nullcontext())
        clock = clock or LoopClock()
        base = cast("Any", SimpleNamespace(clock=clock, telemetry=self.telemetry))
        bus, lifecycle = Bus(), Lifecycle(clock)
        return Instance(Consumers(storage, base, bus, lifecycle, self.limits), bus, lifecycle)

    @asynccontextmanager
    async def started(
        self, *consumers: Consumer | ConsumerSource, clock: Clock | None = None, store: SharedStore | None = None
    ) -> AsyncIterator[Instance]:
        """A running instance."""
        instance = self.instance(clock, store)
        task = asyncio.create_task(instance.consumers.run(consumers))
        await asyncio.sleep(0)
        try:
            yield instance
        finally:
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert isinstance(outcome, asyncio.CancelledError), outcome

    @asynccontextmanager
    async def running(self, *consumers: Consumer | ConsumerSource) -> AsyncIterator[Bus]:
        """The bus of a running instance."""
        async with self.started(*consumers) as instance:
            yield instance.bus

    def readings(self) -> set[tuple[str, float]]:
        """Every value of every gauge."""
        return {(gauge.metric.name, value) for gauge in self.telemetry._gauges.values() for _, value in gauge.read()}

    def delete(self, conversation: str = "room", bus: Bus | None = None) -> None:
        self.history.logs[conversation] = None
        if bus is not None:
            bus.publish(LogChange(conversation, "", []))

    def append(self, conversation: str = "room", times: int = 1, bus: Bus | None = None) -> None:
        log = self.history.log(conversation)
        for _ in range(times):
            entry = log.say()
            if bus is not None:
                bus.publish(LogChange(conversation, log.epoch, [EncodedEntry.of(entry)]))

    def key(self, conversation: str = "room") -> tuple[str, str]:
        return conversation, self.history.log(conversation).epoch

    def cursor(self, conversation: str = "room", consumer: str = "recorder") -> dict[str, Any] | None:
        record = self.store.records.get((f"consumer:{consumer}", conversation))
        return None if record is None else msgspec.json.decode(record.value)

    def heads(self, consumer: str = "recorder") -> dict[str, int]:
        """The stored heads at which a consumer began, by conversation."""
        found: dict[str, int] = {}
        for (namespace, key), record in self.store.records.items():
            if namespace == f"consumer:{consumer}" and key.startswith("/heads/"):
                found |= {name: seq for name, (_, seq) in msgspec.json.decode(record.value).items()}
        return found


@dataclass
class Worker:
    """What is claimed under a name."""

    name: str = "worker"


def small(tries: int = 3) -> World:
    """A world in which an entry is given up soon."""
    world = World()
    world.limits = ConsumerLimits(tries=tries)
    return world


def seqs(claim: Claim) -> list[int]:
    return [entry.seq for entry in claim.entries]


def upto(seq: int) -> list[int]:
    return list(range(1, seq + 1))


__all__ = ["EndRecorder", "Instance", "Recorder", "Worker", "World", "seqs", "small", "upto"]
