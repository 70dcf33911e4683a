"""Two or more shared presences on a store in memory, with a wire between them that a test may break."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from umbral_chat.model.signals import Mode, RosterSignal, Signal
from umbral_chat.providers.presence import PresenceLink
from umbral_chat.telemetry import Telemetry
from umbral_chat.testing import ManualClock
from umbral_chat.testing.presence.rig import Side
from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.shared import SharedPresence

from .store import MemoryStore, Records


@dataclass
class Wire:
    """What carries signals between instances."""

    random: random.Random = field(default_factory=lambda: random.Random(1))
    lost: float = 0.0
    doubled: float = 0.0
    held: float = 0.0
    """Share of the signals that wait, and come in any order later."""
    instances: list[SharedPresence] = field(default_factory=list)
    waiting: list[RosterSignal] = field(default_factory=list)
    carried: int = 0

    def carry(self, signal: Signal) -> None:
        if not isinstance(signal, RosterSignal) or self.random.random() < self.lost:
            return
        if self.random.random() < self.held:
            self.waiting.append(signal)
            return
        for _ in range(2 if self.random.random() < self.doubled else 1):
            self._arrive(signal)

    def release(self) -> None:
        """What waited arrives, in any order."""
        self.random.shuffle(self.waiting)
        while self.waiting:
            self._arrive(self.waiting.pop())

    def _arrive(self, signal: RosterSignal) -> None:
        self.carried += 1
        for instance in self.instances:
            instance.learn(signal)


class Instance(Side):
    """One running instance. `crash` ends it as a power failure does: nothing more is stored or signalled."""

    def __init__(self, presence: SharedPresence, store: MemoryStore, clock: ManualClock, stack: AsyncExitStack) -> None:
        super().__init__(presence, clock)
        self.shared = presence
        self.store = store
        self.stack = stack
        self.mode: Mode = "polling"

    async def crash(self) -> None:
        self.store.away = True
        self.ears.wire = None
        await self.stack.aclose()

    async def stop(self) -> None:
        await self.stack.aclose()


class Deployment:
    """Instances that start, stop and crash."""

    def __init__(self, clock: ManualClock, settings: PresenceSettings, stack: AsyncExitStack) -> None:
        self.clock = clock
        self.settings = settings
        self.wire = Wire()
        self.records = Records(clock)
        self._stack = stack

    async def start(self, *, mode: Mode = "polling", settings: PresenceSettings | None = None) -> Instance:
        store = MemoryStore(self.records, self.clock)
        presence = SharedPresence(store.store, settings or self.settings, self.clock, Telemetry(None))
        own = AsyncExitStack()
        instance = Instance(presence, store, self.clock, own)
        instance.mode = mode
        instance.ears.wire = self.wire.carry
        link = instance.ears.link(mode)
        presence.attach(PresenceLink(link.publish, link.changed, lambda: instance.mode))
        await own.enter_async_context(presence.lifespan)
        self._stack.push_async_callback(own.aclose)
        self.wire.instances.append(presence)
        return instance

    async def elapse(self, seconds: float) -> None:
        await self.clock.elapse(seconds)

    def stored(self, prefix: str) -> list[str]:
        """Keys that are there now."""
        return sorted(key for _, key in self.records.live() if key.startswith(prefix))


@asynccontextmanager
async def deployment(settings: PresenceSettings | None = None) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        yield Deployment(ManualClock(), settings or PresenceSettings(), stack)


__all__ = ["Deployment", "Instance", "Wire", "deployment"]
