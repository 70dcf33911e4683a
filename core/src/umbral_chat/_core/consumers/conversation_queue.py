"""The agenda: which conversations a consumer has to look at, and which of them now. Pure: it is told the time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Literal

from umbral_chat.transport_kit.backoff import Backoff

LIMIT = 10_000
"""Conversations on one agenda. When it is full, the scan waits, and a wake-up is left to the scan to find again."""

Why = Literal["failed", "held", "unavailable"]

PAUSES: dict[Why, Callable[[], Backoff]] = {
    # The entry may never be taken, or whoever takes it may be down: patience, but no end of it.
    "failed": lambda: Backoff(initial=1.0, maximum=300.0),
    # Another instance is at it: it may be done any moment, or dead until its lease lapses.
    "held": lambda: Backoff(initial=0.5, maximum=10.0),
    "unavailable": lambda: Backoff(initial=0.5, maximum=30.0),
}


@dataclass(slots=True)
class _Job:
    state: Literal["ready", "running", "paused"] = "ready"
    activity: datetime | None = None
    """Time of the oldest activity that is perhaps not handled; None: not known yet, the next scan tells."""
    urgent: bool = False
    again: bool = False
    """Something came while it ran."""
    why: Why | None = None
    backoff: Backoff | None = field(default=None)


class Agenda:
    """Conversations to look at: those that something woke first, then what a scan found; some paused until later."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._jobs: dict[str, _Job] = {}
        self._urgent: deque[str] = deque()
        self._backlog: deque[str] = deque()
        self._paused: list[tuple[float, int, str]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def full(self) -> bool:
        """Whether there is no room for another conversation."""
        return len(self._jobs) >= self._limit

    @property
    def oldest(self) -> datetime | None:
        """The oldest known activity that is perhaps not handled."""
        return min((job.activity for job in self._jobs.values() if job.activity is not None), default=None)

    def wake(self, conversation: str) -> bool:
        """Something happened there. False: there is no room, and a scan must find it."""
        job = self._jobs.get(conversation)
        if job is None:
            if self.full:
                return False
            job = self._jobs[conversation] = _Job()
        if job.state == "running":
            job.again = True
        elif job.state == "ready" and not job.urgent:
            job.urgent = True
            self._urgent.append(conversation)
        return True

    def find(self, conversation: str, activity: datetime) -> None:
        """A scan found that it may have something unhandled since `activity`. To be called while there is room."""
        job = self._jobs.get(conversation)
        if job is None:
            job = self._jobs[conversation] = _Job()
            self._backlog.append(conversation)
        elif job.state == "running":
            job.again = True
        job.activity = activity if job.activity is None else min(job.activity, activity)

    def take(self, now: float) -> str | None:
        """The next one to look at, or None. It is running from now on, until `done`, `more` or `later`."""
        while self._paused and self._paused[0][0] <= now:
            conversation = heapq.heappop(self._paused)[2]
            self._jobs[conversation].state = "ready"
            self._backlog.append(conversation)
        for lane in (self._urgent, self._backlog):
            while lane:
                conversation = lane.popleft()
                # One that was in both lanes was taken from the other.
                if (job := self._jobs.get(conversation)) is not None and job.state == "ready":
                    job.state, job.urgent, job.again = "running", False, False
                    return conversation
        return None

    def next_due(self) -> float | None:
        """When the next paused one is due."""
        return self._paused[0][0] if self._paused else None

    def done(self, conversation: str) -> None:
        """It was looked at to the end. What came in the meantime puts it back."""
        job = self._jobs[conversation]
        if not job.again:
            del self._jobs[conversation]
            return
        # Its activity stays: what came may be older than what the newest scan saw.
        job.why = job.backoff = None
        job.state, job.urgent = "ready", True
        self._urgent.append(conversation)

    def more(self, conversation: str) -> None:
        """There is more of it, after others had their turn."""
        job = self._jobs[conversation]
        job.why = job.backoff = None
        job.state = "ready"
        self._backlog.append(conversation)

    def later(self, conversation: str, why: Why, now: float, *, progress: bool = False) -> float:
        """Pause it, longer each time for the same reason unless there was `progress`; the seconds."""
        job = self._jobs[conversation]
        if job.backoff is None or job.why != why or progress:
            job.why, job.backoff = why, PAUSES[why]()
        job.state = "paused"
        pause = job.backoff.next()
        heapq.heappush(self._paused, (now + pause, next(self._numbers), conversation))
        return pause


__all__ = ["LIMIT", "PAUSES", "Agenda", "Why"]
