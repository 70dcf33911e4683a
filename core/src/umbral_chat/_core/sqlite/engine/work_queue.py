"""A bounded lane between the event loop and the threads that work for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.writes import Write

PATIENCE = 30.0
"""Seconds after which a caller is told that the store does not answer. Past every lock that is waited for, so only a
disk that hangs comes here."""

LINGER = 0.001
"""Longest wait for works that are expected, in seconds: less than the sync that they share then, and so little that a
caller for whom it is in vain does not notice it."""


@dataclass(slots=True, eq=False)
class Work:
    """One operation, from its caller to a thread and back."""

    future: asyncio.Future[Any]
    since: float
    run: Callable[[Any], Any]
    """Called in the thread with what the thread works on; what it raises is the answer."""
    write: Write | None = None
    """What it appends, so that a group can look everything up at once."""


Outcome = tuple[Work, Any]
"""A work and its answer; an exception instance is raised to the caller."""


class Lane:
    """Works handed in on the loop, taken by threads, answered on the loop. At most `limit` are under way.

    With `together` up to that many which the loop submits in one turn are handed over at once: a thread that woke at
    the first of them would fight for the interpreter with the loop that brings the rest, and commit it alone.
    """

    def __init__(self, limit: int, together: int = 1) -> None:
        self._limit = limit
        self._together = together
        self._queue: SimpleQueue[list[Work] | None] = SimpleQueue()
        self._gathered: list[Work] = []
        self._pending: set[Work] = set()
        self._peak = 0
        """Most works that were under way at once since a thread last took some."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Take works from now on, for the running loop."""
        self._loop = asyncio.get_running_loop()

    def close(self, threads: int = 1) -> None:
        """Take none any more; each of `threads` learns of it after the works that were handed in before."""
        self._loop, loop = None, self._loop
        if loop is not None:
            self._hand_over()
            for _ in range(threads):
                self._queue.put(None)

    async def submit(self, run: Callable[[Any], Any], write: Write | None = None) -> Any:
        """The answer of `run`, called in a thread. Raises HistoryUnavailable at once when the lane is full or shut."""
        loop = self._loop
        if loop is None:
            raise HistoryUnavailable("The history is not open.")
        if len(self._pending) >= self._limit:
            raise HistoryUnavailable(f"The history has {self._limit} calls waiting already.")
        work = Work(loop.create_future(), loop.time(), run, write)
        self._pending.add(work)
        if len(self._pending) > self._peak:
            self._peak = len(self._pending)
        if self._watch is None:
            self._watch = loop.call_later(PATIENCE / 8, self._look, loop)
        self._gathered.append(work)
        if len(self._gathered) >= self._together:
            self._hand_over()
        elif len(self._gathered) == 1:
            loop.call_soon(self._hand_over)
        return await work.future

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._queue.put(gathered)

    def take(self, most: int, timeout: float | None = None) -> list[Work] | None:
        """For a thread: what waits, up to `most` (and what was handed over with the last of these), waiting for the
        first; empty after `timeout`; None: closed. Each is to be answered; one whose future is done already (its caller
        went away) is answered without doing it.

        Of a lane that hands works over together it lingers for as many as were lately under way at once, at most
        `LINGER` seconds from the first one on. Callers whose answers come together ask again together, and would meet
        those who asked meanwhile as two groups that take turns for ever, with twice the commits.
        """
        works: list[Work] = []
        expected = min(self._peak, most) if self._together > 1 else 0
        self._peak = len(self._pending)
        try:
            handed = self._queue.get(timeout=timeout)
            until = time.monotonic() + LINGER if expected > 1 else 0.0
            while handed is not None:
                works += handed
                if len(works) >= most:
                    return works
                remaining = until - time.monotonic() if len(works) < expected else 0.0
                handed = self._queue.get(timeout=remaining) if remaining > 0 else self._queue.get_nowait()
        except Empty:
            return works
        if works:
            # The works before the end are done first; then the end is met again.
            self._queue.put(None)
            return works
        return None

    def answer(
        self, loop: asyncio.AbstractEventLoop, outcomes: Sequence[Outcome], then: Callable[[], None] | None = None
    ) -> None:
        """For a thread: hand all these answers to their callers with one call into the loop, which calls `then` too."""
        # A loop that is closed took everybody who waited with it.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._settle, outcomes, then)

    def _settle(self, outcomes: Sequence[Outcome], then: Callable[[], None] | None) -> None:
        for work, outcome in outcomes:
            self._pending.discard(work)
            if work.future.done():
                continue
            if isinstance(outcome, BaseException):
                work.future.set_exception(outcome)
            else:
                work.future.set_result(outcome)
        if then is not None:
            then()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell those who wait too long; a work that was not begun yet is not done any more."""
        self._watch = None
        late = loop.time() - PATIENCE
        for work in self._pending:
            # It keeps its place in the bound until the thread that hangs on it comes back.
            if work.since < late and not work.future.done():
                work.future.set_exception(HistoryUnavailable(f"The history has not answered for {PATIENCE:.0f} s."))
        if self._pending and not loop.is_closed():
            self._watch = loop.call_later(PATIENCE / 8, self._look, loop)


__all__ = ["PATIENCE", "Lane", "Outcome", "Work"]
