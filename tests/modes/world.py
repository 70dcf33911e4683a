"""Two instances of the service's own parts in virtual time, on one store in memory, with a hub between them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import umbral_chat_polling.plugin
from umbral_chat import hookimpl
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins import boot
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat._core.service import Service
from umbral_chat.context import Base
from umbral_chat.feed import EncodedEntry
from umbral_chat.model.conversations import Deleted
from umbral_chat.model.entries import Entry
from umbral_chat.providers.history import Storage
from umbral_chat.providers.store import RecentSignals, Record, SharedStore, StoredSignal
from umbral_chat.providers.transport import EntryHint, HeadHint
from umbral_chat.testing.instances import SwitchableTransport

from core.tests.feed.memory import Log, MemoryHistory
from core.tests.feed.virtual import LoopClock
from tests.modes.hub import Hub, HubTransport
from tests.modes.points import point

ROOM = "room"


class MemoryStore:
    """As much of a shared store as a service without consumers and tokens touches."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], Record] = {}
        self._signals: list[StoredSignal] = []

    async def get(self, namespace: str, key: str) -> Record | None:
        return self._records.get((namespace, key))

    async def put(self, namespace: str, key: str, value: bytes) -> Record:
        before = self._records.get((namespace, key))
        record = self._records[namespace, key] = Record(value, 1 + (before.version if before else 0))
        return record

    async def post(self, topic: str, payload: bytes) -> int:
        self._signals.append(StoredSignal(len(self._signals) + 1, topic, payload))
        return len(self._signals)

    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        return RecentSignals(len(self._signals), [] if after < 0 else self._signals[after:])


@dataclass(frozen=True)
class Instance:
    """One running service. Its plugs stand before the store."""

    services: ServiceParts
    bus: Bus
    plugs: tuple[SwitchableTransport, SwitchableTransport]

    @property
    def feeds(self) -> Any:
        return self.services.feeds

    @property
    def lifecycle(self) -> Any:
        return self.services.lifecycle

    @property
    def cut(self) -> bool:
        return self.plugs[0].unplugged

    def reach(self, store: bool) -> None:
        """Whether it reaches the store from now on."""
        for plug in self.plugs:
            plug.unplugged = not store


class World:
    """The store, the hub and the instances."""

    def __init__(self, rng: random.Random) -> None:
        self.random = rng
        self.history, self.store = MemoryHistory(), MemoryStore()
        self.history.delay = lambda: rng.choice([0.0, 0.0, 0.001, 0.02])
        self.hub = Hub(rng)
        self.instances: list[Instance] = []
        self.modes: set[str] = set()
        self.deletions = 0

    @property
    def now(self) -> tuple[str | None, int]:
        """Which log there is now, and how many there were before."""
        log = self.history.logs.get(ROOM)
        return None if log is None else log.epoch, self.deletions

    def wrote(self, instance: Instance, log: Log, entry: Entry) -> None:
        """An entry is durable: the writer's own bus knows, and the database tells the hub."""
        self.history.logs[ROOM] = log
        instance.bus.publish(LogChange(ROOM, log.epoch, [EncodedEntry.of(entry)]))
        self.hub.tell(EntryHint(ROOM, log.epoch, entry))

    def delete(self, instance: Instance) -> None:
        """The conversation is gone."""
        self.history.logs[ROOM] = None
        self.deletions += 1
        instance.bus.publish(LogChange(ROOM, "", []))
        self.hub.tell(HeadHint(ROOM, Deleted()))


class _Plugin:
    """Storage and transport of one instance."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.plugs = SwitchableTransport(world.history), SwitchableTransport(world.store)

    @hookimpl
    def umbral_chat_history(self, base: Base) -> Storage:
        history, store = (cast("Any", plug) for plug in self.plugs)
        history.name = "memory"
        return Storage("memory", history, cast("SharedStore", store), nullcontext())

    @hookimpl
    def umbral_chat_transport(self, base: Base, storage: Storage) -> HubTransport:
        return HubTransport(self._world.hub, storage.history, base.clock)


@asynccontextmanager
async def world(rng: random.Random, **environ: str) -> AsyncIterator[World]:
    """Two instances that run."""
    made = World(rng)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(made.hub.close)
        for _ in range(2):
            await _enter(stack, made, environ)
        yield made


async def _enter(stack: AsyncExitStack, made: World, environ: dict[str, str]) -> None:
    plugin = _Plugin(made)
    points = [point("memory", plugin), point("polling", umbral_chat_polling.plugin)]
    given = {"UMBRAL_CHAT_CONFIG": ""} | {f"UMBRAL_CHAT_{name}": value for name, value in environ.items()}
    settings, host = boot(None, given, entry_points=points)
    service = Service(settings, host, LoopClock())
    services = service.parts
    host.routes(services)
    await services.toggle.load()
    tasks = Tasks("service")
    stack.push_async_callback(services.feeds.close)
    stack.push_async_callback(tasks.close)
    service.start_loops(tasks)
    made.instances.append(Instance(services, service.bus, plugin.plugs))
    await asyncio.sleep(0)


__all__ = ["ROOM", "Instance", "World", "world"]
