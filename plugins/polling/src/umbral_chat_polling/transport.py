"""The polling transport: looks at the store again and again, as often as it is worth it."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets

from umbral_chat.clock import Clock
from umbral_chat.errors import UmbralChatError
from umbral_chat.model.signals import CHANNEL_SIGNALS, Signal
from umbral_chat.providers.history import Storage
from umbral_chat.providers.store import RecentSignals, Record
from umbral_chat.providers.transport import SignalHint, StateChanged, StateName, ToggleHint, TransportState
from umbral_chat.transport_kit import EventQueue, WatchList

from umbral_chat_polling.interval import DOWN_AFTER, Pace
from umbral_chat_polling.outbox import Outbox
from umbral_chat_polling.posted import pack, unpack
from umbral_chat_polling.settings import Polling
from umbral_chat_polling.tick import Seen, look

log = logging.getLogger(__name__)

TICK_TIMEOUT = 5.0
"""Seconds that one look may take: a store that hangs is noticed as fast as one that refuses."""

TOGGLE_EVERY = 1.5
"""Seconds between two reads of the toggle at most, also when nobody follows anything: whoever switches realtime off
is promised that every instance obeys within two seconds."""

LEAST_PAUSE = 0.1
"""Share of a pause that lies between an answer and the next look, however long the answer took."""

COALESCE = 0.02
"""Seconds in which those who come at once are gathered, so that a thousand clients who reconnect cost a few reads."""


BASELINE = -1
"""A position in the list of signals that asks for none, only for where to go on from."""


class PollingTransport:
    """A Transport for several processes on one store, of rank 0: whatever pushes is preferred.

    A tick asks for the head of every watched conversation, for recent signals and the toggle. A conversation that
    becomes watched is asked for at once, alone. With nobody watching only the toggle is read.
    """

    name = "polling"
    rank = 0

    def __init__(self, storage: Storage, settings: Polling, clock: Clock, *, queue: int = 10_000) -> None:
        self._storage = storage
        self._clock = clock
        self._queue = queue
        self._pace = Pace(start=settings.interval, lowest=settings.min_interval, highest=settings.max_interval)
        self._watched = WatchList()
        self._instance = secrets.token_hex(6)
        self._mailbox = EventQueue(queue)
        self._outbox = Outbox(storage.store, queue)
        self._state = TransportState("off", "not started", clock.now())
        self._tasks: list[asyncio.Task[None]] = []
        self._sleeper: asyncio.Task[None] | None = None
        self._random = random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._next_tick = self._next_toggle = self._next_glance = 0.0
        self._position = BASELINE
        self._toggle: Record | None = None
        self._toggle_told = False
        self._standing_by = False

    @property
    def state(self) -> TransportState:
        """What it says of itself now."""
        return self._state

    async def start(self) -> None:
        """Begin to tick; the first answer makes it live."""
        if self._tasks:
            return
        if self._mailbox.closed:
            self._mailbox = EventQueue(self._queue)
        self._watched.forget()
        self._pace.failures = 0
        self._position, self._toggle_told = BASELINE, False
        self._next_tick = self._clock.monotonic()
        self._become("connecting", "waiting for the store's first answer")
        self._tasks = [
            asyncio.create_task(self._run(), name="polling: ticks"),
            asyncio.create_task(self._outbox.run(), name="polling: outbox"),
        ]

    async def stop(self) -> None:
        """End the tasks and the events."""
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        self._become("off", "stopped")
        self._mailbox.close()
        self._outbox.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def publish(self, signal: Signal) -> None:
        """Put it on the store's short list soon; lost while the store does not answer, or when nothing runs."""
        if self._tasks and not isinstance(signal, CHANNEL_SIGNALS):
            self._outbox.put(signal.conversation, pack(self._instance, signal))

    def watch(self, conversation: str) -> None:
        """One follower more; with the first one the conversation is looked at at once."""
        idle, gathering = not self._watched, self._watched.fresh
        if not self._watched.watch(conversation) or self._standing_by:
            return
        now = self._clock.monotonic()
        if idle:
            # Signals of the time in which nobody was here to hear them would be news of the past.
            self._position = BASELINE
            self._pace.restart()
            if not self._pace.failures:
                self._next_tick = min(self._next_tick, now + self._pace.seconds)
        if not gathering:
            self._next_glance = now + COALESCE
            self._wake()

    def unwatch(self, conversation: str) -> None:
        """One follower fewer."""
        if self._watched.unwatch(conversation):
            self._mailbox.drop_head(conversation)

    def stand_by(self, standing: bool) -> None:
        """Rest while another transport is in use: only the toggle is read. Back at work it looks at once."""
        if standing == self._standing_by:
            return
        self._standing_by = standing
        if not standing:
            self._position = BASELINE
            self._pace.restart()
            if not self._pace.failures:
                self._next_tick = self._clock.monotonic()
            self._wake()

    def events(self) -> EventQueue:
        """What was learnt, until `stop`."""
        return self._mailbox

    async def _run(self) -> None:
        while True:
            await self._rest()
            full = bool(self._pace.failures) or self._clock.monotonic() >= self._next_tick
            if self._standing_by:
                asked, position, full = [], None, False
            else:
                asked = self._watched.take_all() if full else self._watched.take_fresh()
                position = self._position if self._watched else None
            began = self._clock.monotonic()
            try:
                seen = await look(self._storage, asked, position, within=TICK_TIMEOUT)
            except (UmbralChatError, TimeoutError) as error:
                self._failed(error)
            except Exception as error:
                # A third party's store may raise anything; ticking goes on all the same.
                log.exception("the store failed unexpectedly")
                self._failed(error)
            else:
                self._learn(asked, seen, began, full=full)

    async def _rest(self) -> None:
        """Sleep until a look is due; what makes one due earlier wakes it up."""
        while (seconds := self._due() - self._clock.monotonic()) > 0:
            self._sleeper = asyncio.create_task(self._clock.sleep(seconds), name="polling: rest")
            try:
                await asyncio.wait((self._sleeper,))
            finally:
                sleeper, self._sleeper = self._sleeper, None
                sleeper.cancel()
                await asyncio.wait((sleeper,))

    def _wake(self) -> None:
        if self._sleeper is not None:
            self._sleeper.cancel()

    def _due(self) -> float:
        if self._pace.failures or self._state.state == "connecting":
            return self._next_tick
        if self._standing_by or not self._watched:
            return self._next_toggle
        glance = self._next_glance if self._watched.fresh else self._next_tick
        return min(self._next_tick, self._next_toggle, glance)

    def _failed(self, error: Exception) -> None:
        self._pace.failed()
        self._next_tick = self._clock.monotonic() + self._pace.pause(self._random.random())
        reason = str(error) or f"the store did not answer within {TICK_TIMEOUT:g} s"
        self._become("down" if self._pace.failures >= DOWN_AFTER else "degraded", reason)

    def _learn(self, asked: list[str], seen: Seen, began: float, *, full: bool) -> None:
        hints, news = self._watched.learn(asked, seen.heads)
        for hint in hints:
            self._mailbox.put(hint)
        if seen.recent is not None:
            news = self._hear(seen.recent) or news
        if not self._toggle_told or seen.toggle != self._toggle:
            self._toggle, self._toggle_told = seen.toggle, True
            self._mailbox.put(ToggleHint(seen.toggle))
        if full:
            self._pace.succeeded(news=news)
        else:
            self._pace.glanced(news=news)
        now = self._clock.monotonic()
        # From look to look, so that the time an answer takes is not added to what a reader may wait.
        soon = _next(began, now, self._pace.seconds)
        self._next_tick = soon if full else min(soon, self._next_tick)
        self._next_toggle = _next(began, now, TOGGLE_EVERY)
        self._become("live", "the store answers")

    def _hear(self, recent: RecentSignals) -> bool:
        self._position = recent.position
        heard = False
        for stored in recent.signals:
            if stored.topic in self._watched and (signal := unpack(self._instance, stored)) is not None:
                self._mailbox.put(SignalHint(signal))
                heard = True
        return heard

    def _become(self, state: StateName, reason: str) -> None:
        if (state, reason) != (self._state.state, self._state.reason):
            since = self._state.since if state == self._state.state else self._clock.now()
            self._state = TransportState(state, reason, since)
            self._mailbox.put(StateChanged(self._state))


def _next(began: float, now: float, pause: float) -> float:
    return max(began + pause, now + pause * LEAST_PAUSE)


__all__ = ["COALESCE", "TICK_TIMEOUT", "TOGGLE_EVERY", "PollingTransport"]
