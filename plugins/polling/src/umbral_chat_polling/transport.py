"""The polling transport: reads the store in ticks, whose interval follows activity."""

from __future__ import annotations

import asyncio
import logging
import secrets

from umbral_chat.clock import Clock
from umbral_chat.errors import UmbralChatError
from umbral_chat.model.signals import CHANNEL_SIGNALS, Signal
from umbral_chat.providers.history import Storage
from umbral_chat.providers.store import RecentSignals, Record
from umbral_chat.providers.transport import SignalHint, ToggleHint
from umbral_chat.transport_kit.base import TransportBase

from umbral_chat_polling.interval import DOWN_AFTER, TickInterval
from umbral_chat_polling.publisher import StorePublisher, decode
from umbral_chat_polling.settings import Polling
from umbral_chat_polling.tick import TickResult, read_store

log = logging.getLogger(__name__)

TICK_TIMEOUT = 5.0
"""Seconds that the reads of one tick may take: a store that hangs is noticed as fast as one that refuses."""

TOGGLE_INTERVAL = 1.5
"""Longest time in seconds between two reads of the toggle, also when nothing is watched: every instance obeys a switch
within two seconds."""

LEAST_PAUSE = 0.1
"""Share of an interval that lies between an answer and the next tick, however long the answer took."""

COALESCE = 0.02
"""Seconds in which newly watched conversations are gathered for one read, so that a thousand clients who reconnect
cost a few reads."""

BASELINE = -1
"""A position in the list of signals that asks for no signals, but for the position to continue from."""


class PollingTransport(TransportBase):
    """A Transport for several processes on one store, of rank 0: every transport that pushes is preferred.

    A tick reads the head of every watched conversation, recent signals and the toggle. A conversation that becomes
    watched is read at once, without the others. While nothing is watched only the toggle is read.
    """

    name = "polling"
    rank = 0

    def __init__(self, storage: Storage, settings: Polling, clock: Clock, *, queue: int = 10_000) -> None:
        super().__init__(clock, queue=queue)
        self._storage = storage
        self._interval = TickInterval(
            start=settings.interval, lowest=settings.min_interval, highest=settings.max_interval
        )
        self._instance = secrets.token_hex(6)
        self._publisher = StorePublisher(storage.store, self._instance, queue)
        self._sleeper: asyncio.Task[None] | None = None
        self._next_tick = self._next_toggle = self._next_partial = 0.0
        """When, in monotonic seconds, the next tick, the next read of the toggle and the next read of newly watched
        conversations are due."""
        self._position = BASELINE
        self._toggle: Record | None = None
        self._toggle_known = False
        self._standing_by = False

    async def start(self) -> None:
        """Start to tick; the first answer makes it live. Does nothing where it runs."""
        if self.running:
            return
        self._reopen()
        self._watched.forget()
        self._interval.forget_failures()
        self._position, self._toggle_known = BASELINE, False
        self._next_tick = self._clock.monotonic()
        self._set_state("connecting", "waiting for the store's first answer")
        self._tasks = [
            asyncio.create_task(self._run(), name="polling: ticks"),
            asyncio.create_task(self._publisher.run(), name="polling: signals"),
        ]

    async def stop(self) -> None:
        """Cancel the tasks, drop the signals that were not posted, and end the events. Does nothing where it does not
        run."""
        self._publisher.outbox.clear()
        await super().stop()

    async def publish(self, signal: Signal) -> None:
        """Queue the signal for the store's short list. It is lost while the store does not answer, and dropped when the
        transport does not run."""
        if self.running and not isinstance(signal, CHANNEL_SIGNALS):
            self._publisher.outbox.put(signal)

    def watch(self, conversation: str) -> None:
        """Count one follower more; with the first one the conversation's head is read at once."""
        idle, gathering = not self._watched, self._watched.fresh
        if not self._watched.watch(conversation) or self._standing_by:
            return
        now = self._clock.monotonic()
        if idle:
            # Signals from before anything was watched here are outdated.
            self._position = BASELINE
            self._interval.restart()
            if not self._interval.failures:
                self._next_tick = min(self._next_tick, now + self._interval.seconds)
        if not gathering:
            self._next_partial = now + COALESCE
            self._wake()

    def stand_by(self, standing: bool) -> None:
        """Read only the toggle while another transport is in use. Afterwards tick at once."""
        if standing == self._standing_by:
            return
        self._standing_by = standing
        if not standing:
            self._position = BASELINE
            self._interval.restart()
            if not self._interval.failures:
                self._next_tick = self._clock.monotonic()
            self._wake()

    async def _run(self) -> None:
        while True:
            await self._sleep_until_due()
            full = bool(self._interval.failures) or self._clock.monotonic() >= self._next_tick
            if self._standing_by:
                asked, position, full = [], None, False
            else:
                asked = self._watched.take_all() if full else self._watched.take_fresh()
                position = self._position if self._watched else None
            began = self._clock.monotonic()
            try:
                result = await read_store(self._storage, asked, position, within=TICK_TIMEOUT)
            except (UmbralChatError, TimeoutError) as error:
                self._failed(error)
            except Exception as error:
                # A third party's store may raise anything; ticking continues all the same.
                log.exception("the store failed unexpectedly")
                self._failed(error)
            else:
                self._succeeded(asked, result, began, full=full)

    async def _sleep_until_due(self) -> None:
        """Sleep until a read is due; `_wake` interrupts the sleep when one is due earlier."""
        while (seconds := self._due() - self._clock.monotonic()) > 0:
            self._sleeper = asyncio.create_task(self._clock.sleep(seconds), name="polling: sleep")
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
        if self._interval.failures or self._state.state == "connecting":
            return self._next_tick
        if self._standing_by or not self._watched:
            return self._next_toggle
        partial = self._next_partial if self._watched.fresh else self._next_tick
        return min(self._next_tick, self._next_toggle, partial)

    def _failed(self, error: Exception) -> None:
        pause = self._interval.failed()
        self._next_tick = self._clock.monotonic() + pause
        reason = str(error) or f"the store did not answer within {TICK_TIMEOUT:g} s"
        self._set_state("down" if self._interval.failures >= DOWN_AFTER else "degraded", reason)

    def _succeeded(self, asked: list[str], result: TickResult, began: float, *, full: bool) -> None:
        hints, news = self._watched.learn(asked, result.heads)
        for hint in hints:
            self._events.put(hint)
        if result.recent is not None:
            news = self._put_signals(result.recent) or news
        if not self._toggle_known or result.toggle != self._toggle:
            self._toggle, self._toggle_known = result.toggle, True
            self._events.put(ToggleHint(result.toggle))
        if full:
            self._interval.succeeded(news=news)
        else:
            self._interval.partly_read(news=news)
        now = self._clock.monotonic()
        # From tick to tick, so that the time an answer takes is not added to what a reader may wait.
        due = _next(began, now, self._interval.seconds)
        self._next_tick = due if full else min(due, self._next_tick)
        self._next_toggle = _next(began, now, TOGGLE_INTERVAL)
        self._set_state("live", "the store answers")

    def _put_signals(self, recent: RecentSignals) -> bool:
        """Put other instances' signals of watched conversations in the queue; whether there was any."""
        self._position = recent.position
        found = False
        for stored in recent.signals:
            if stored.topic in self._watched and (signal := decode(self._instance, stored)) is not None:
                self._events.put(SignalHint(signal))
                found = True
        return found


def _next(began: float, now: float, interval: float) -> float:
    return max(began + interval, now + interval * LEAST_PAUSE)


__all__ = ["COALESCE", "TICK_TIMEOUT", "TOGGLE_INTERVAL", "PollingTransport"]
