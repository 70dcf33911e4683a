"""A live transport in memory: what Realtime is to a project, with every way to fail that matters to a reader."""

from __future__ import annotations

import asyncio
import random

from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.signals import Signal
from umbral_chat.providers.history import History
from umbral_chat.providers.transport import (
    HeadHint,
    SignalHint,
    StateChanged,
    StateName,
    TransportEvent,
    TransportState,
)
from umbral_chat.transport_kit import EventQueue, WatchList


class Hub:
    """Where links of several instances meet. `up` False: nobody gets in, and who is in finds out before long; until
    then nothing arrives. `faulty`: what is told may be lost, late, doubled or out of order. `deaf`: all is well, and
    nothing ever arrives. A link finds out that it is dead after one of `found_within` seconds; Supabase's does within
    9.5 (docs/explanation/live-link.md)."""

    def __init__(self, rng: random.Random | None = None, found_within: tuple[float, ...] = (0.0, 0.5, 9.5)) -> None:
        self.up = True
        self.faulty = self.deaf = False
        self.links: list[HubTransport] = []
        self.random = rng or random.Random()
        self.found_within = found_within
        self.lost = 0
        self._late: set[asyncio.Task[None]] = set()

    def tell(self, event: TransportEvent, *, but: HubTransport | None = None) -> None:
        """Tell every link that is live, each with faults of its own."""
        for link in self.links:
            if link is but or link.state.state != "live":
                continue
            if self.deaf or not self.up:
                self.lost += 1
                continue
            choices = [(0.0,), (0.0,), (), (0.05,), (0.4,), (0.0, 0.7), (2.0,)] if self.faulty else [(0.0,)]
            delays = self.random.choice(choices)
            self.lost += not delays
            for delay in delays:
                self._deliver(link, event, delay)

    async def close(self) -> None:
        """Drop what is late."""
        late = list(self._late)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _deliver(self, link: HubTransport, event: TransportEvent, delay: float) -> None:
        if not delay:
            link.hear(event)
            return

        async def later() -> None:
            await asyncio.sleep(delay)
            link.hear(event)

        task = asyncio.create_task(later(), name="late hint")
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class HubTransport:
    """One instance's link. It calls itself live only after it was told where everything stands that is watched."""

    name, rank = "hub", 100

    def __init__(self, hub: Hub, history: History, clock: Clock) -> None:
        self._hub, self._history, self._clock = hub, history, clock
        self._mailbox, self._watched = EventQueue(1000), WatchList()
        self._task: asyncio.Task[None] | None = None
        self._glances: set[asyncio.Task[None]] = set()
        self.state = TransportState("off", "not started", clock.now())
        hub.links.append(self)

    async def start(self) -> None:
        if self._task is None:
            self._mailbox = EventQueue(1000)
            self._become("connecting", "starting")
            self._task = asyncio.create_task(self._run(), name="hub: link")

    async def stop(self) -> None:
        tasks = [*self._glances, *([self._task] if self._task else [])]
        self._task = None
        self._become("off", "stopped")
        self._mailbox.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def publish(self, signal: Signal) -> None:
        if self.state.state == "live":
            self._hub.tell(SignalHint(signal), but=self)

    def watch(self, conversation: str) -> None:
        if self._watched.watch(conversation) and self.state.state == "live":
            task = asyncio.create_task(self._glance(), name="hub: glance")
            self._glances.add(task)
            task.add_done_callback(self._glances.discard)

    def unwatch(self, conversation: str) -> None:
        self._watched.unwatch(conversation)

    def events(self) -> EventQueue:
        return self._mailbox

    def hear(self, event: TransportEvent) -> None:
        """The hub tells it something."""
        if self.state.state == "live":
            self._mailbox.put(event)

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(0.05)
            if not self._hub.up:
                self._become("down", "it refuses")
                continue
            try:
                await self._heads(self._watched.take_all())
            except HistoryUnavailable as error:
                self._become("degraded", str(error))
                continue
            self._become("live", "it hears")
            while self._hub.up:
                await self._clock.sleep(0.2)
            await self._clock.sleep(self._hub.random.choice(self._hub.found_within))
            self._become("degraded", "it was cut off")

    async def _heads(self, conversations: list[str]) -> None:
        for conversation, head in (await self._history.heads(conversations)).items():
            self._mailbox.put(HeadHint(conversation, head))

    async def _glance(self) -> None:
        try:
            await self._heads(self._watched.take_fresh())
        except HistoryUnavailable:
            return  # reconciling asks again

    def _become(self, state: StateName, reason: str) -> None:
        if state != self.state.state:
            self.state = TransportState(state, reason, self._clock.now())
            self._mailbox.put(StateChanged(self.state))


__all__ = ["Hub", "HubTransport"]
