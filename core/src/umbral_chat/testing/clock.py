"""A clock that a test moves, for what waits on `Clock.sleep`."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count

TURNS = 25
"""Turns of the event loop in which whatever can go on without time passing has gone on."""


async def turns() -> None:
    """Let the event loop turn a few times."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class ManualClock:
    """A `Clock` whose time stands still but in `elapse`, which wakes the sleepers one after the other."""

    def __init__(self, *, quiet: Callable[[], Awaitable[None]] = turns) -> None:
        self._start = datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self.quiet = quiet
        """Wait until nothing goes on any more but what waits for time: called after each who was woken. Who does real
        I/O needs more than turns of the event loop."""

    def now(self) -> datetime:
        """See `Clock`."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """See `Clock`."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + max(0.0, seconds), next(self._order), woken))
        await woken

    async def elapse(self, seconds: float) -> None:
        """Let time pass."""
        end = self._elapsed + seconds
        await self.quiet()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._elapsed = max(self._elapsed, self._sleepers[0][0])
            woken = False
            while self._sleepers and self._sleepers[0][0] <= self._elapsed:
                _, _, sleeper = heapq.heappop(self._sleepers)
                if not sleeper.done():
                    sleeper.set_result(None)
                    woken = True
            if woken:
                await self.quiet()
        self._elapsed = end
        await self.quiet()


class ShiftedClock:
    """Another machine's clock: the same time passes, and its wall clock is so many seconds ahead."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        self._clock = clock
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        """See `Clock`."""
        return self._clock.now() + self._ahead

    def monotonic(self) -> float:
        """See `Clock`."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        await self._clock.sleep(seconds)


__all__ = ["ManualClock", "ShiftedClock", "turns"]
