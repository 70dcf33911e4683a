"""A bounded queue between the event loop and the threads that work for it."""

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

TIMEOUT = 30.0
"""Seconds after which a caller is answered that the store does not respond. Longer than any wait for a lock, so only a
disk that hangs reaches it."""

LINGER = 0.001
"""Longest wait for items that are expected, in seconds: too short for a caller to notice when none arrive. It is no
longer than the last group took, of which it saves one: where a sync takes a fifth of this, calls that come by twos and
then alone would wait longer than they are written."""


@dataclass(slots=True, eq=False)
class WorkItem:
    """One operation, on its way from its caller to a thread and back."""

    future: asyncio.Future[Any]
    submitted_at: float
    run: Callable[[Any], Any]
    """Called in the thread with what the thread works on; what it raises is the answer."""
    write: Write | None = None
    """What it appends, so that a group can look everything up at once."""


Reply = tuple[WorkItem, Any]
"""An item and its answer; an exception instance is raised to the caller."""


class WorkQueue:
    """Items are submitted on the loop, taken by threads, and answered on the loop. At most `limit` are open at a time.

    With `together`, up to that many which the loop submits in one turn are dispatched at once: a thread that woke at
    the first of them would contend for the interpreter with the loop that brings the rest, and commit it alone.
    """

    def __init__(self, limit: int, together: int = 1) -> None:
        self._limit = limit
        self._together = together
        self._dispatched: SimpleQueue[list[WorkItem] | None] = SimpleQueue()
        self._batch: list[WorkItem] = []
        self._open: set[WorkItem] = set()
        """Submitted, and not answered by a thread yet."""
        self._taken_at = float("-inf")
        """When a thread last took items, by `time.monotonic`."""
        self._peak = 0
        """Most items that were open at once since a thread last took some."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Accept items from now on, for the running loop."""
        self._loop = asyncio.get_running_loop()

    def close(self, threads: int = 1) -> None:
        """Accept no more items; each of `threads` reads the end after the items that were submitted before."""
        self._loop, loop = None, self._loop
        if loop is not None:
            self._dispatch()
            for _ in range(threads):
                self._dispatched.put(None)

    async def submit(self, run: Callable[[Any], Any], write: Write | None = None) -> Any:
        """The answer of `run`, called in a thread. Raises HistoryUnavailable at once when it is full or closed."""
        loop = self._loop
        if loop is None:
            raise HistoryUnavailable("The history is not open.")
        if len(self._open) >= self._limit:
            raise HistoryUnavailable(f"The history has {self._limit} calls waiting already.")
        item = WorkItem(loop.create_future(), loop.time(), run, write)
        self._open.add(item)
        if len(self._open) > self._peak:
            self._peak = len(self._open)
        if self._timer is None:
            self._timer = loop.call_later(TIMEOUT / 8, self._time_out, loop)
        self._batch.append(item)
        if len(self._batch) >= self._together:
            self._dispatch()
        elif len(self._batch) == 1:
            loop.call_soon(self._dispatch)
        return await item.future

    def _dispatch(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            self._dispatched.put(batch)

    def take(self, limit: int, timeout: float | None = None) -> list[WorkItem] | None:
        """For a thread: the items that are queued, up to `limit` (and the rest of the last one's batch), waiting for
        the first. Empty after `timeout` seconds; None: closed. Each is to be answered; one whose future is done already
        (its caller was cancelled) is answered without being run.

        A queue that dispatches items together waits for as many as were lately open at once, from the first one on, at
        most `LINGER` seconds and no longer than what was taken before took. Callers that are answered together submit
        again together, and would otherwise form a second group beside those that submitted meanwhile: the two would
        alternate for ever, with twice the commits.
        """
        items: list[WorkItem] = []
        expected = min(self._peak, limit) if self._together > 1 else 0
        linger = min(LINGER, time.monotonic() - self._taken_at) if expected > 1 else 0.0
        self._peak = len(self._open)
        try:
            batch = self._dispatched.get(timeout=timeout)
            until = time.monotonic() + linger
            while batch is not None:
                items += batch
                if len(items) >= limit:
                    return items
                remaining = until - time.monotonic() if len(items) < expected else 0.0
                batch = self._dispatched.get(timeout=remaining) if remaining > 0 else self._dispatched.get_nowait()
        except Empty:
            return items
        finally:
            self._taken_at = time.monotonic()
        if items:
            # The items before the end are done first; then the end is read again.
            self._dispatched.put(None)
            return items
        return None

    def reply(
        self, loop: asyncio.AbstractEventLoop, replies: Sequence[Reply], then: Callable[[], None] | None = None
    ) -> None:
        """For a thread: answer all these callers with one call into the loop, which calls `then` too."""
        # When the loop is closed, no caller is left to be answered.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._resolve, replies, then)

    def _resolve(self, replies: Sequence[Reply], then: Callable[[], None] | None) -> None:
        for item, answer in replies:
            self._open.discard(item)
            if item.future.done():
                continue
            if isinstance(answer, BaseException):
                item.future.set_exception(answer)
            else:
                item.future.set_result(answer)
        if then is not None:
            then()

    def _time_out(self, loop: asyncio.AbstractEventLoop) -> None:
        """Fail the items that wait for too long; one that no thread has begun yet is not run any more."""
        self._timer = None
        oldest = loop.time() - TIMEOUT
        for item in self._open:
            # It counts against `limit` until the thread that hangs on it answers.
            if item.submitted_at < oldest and not item.future.done():
                item.future.set_exception(HistoryUnavailable(f"The history has not answered for {TIMEOUT:.0f} s."))
        if self._open and not loop.is_closed():
            self._timer = loop.call_later(TIMEOUT / 8, self._time_out, loop)


__all__ = ["LINGER", "TIMEOUT", "Reply", "WorkItem", "WorkQueue"]
