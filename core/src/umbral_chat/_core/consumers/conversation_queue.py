"""The conversations that a consumer has to process, and which of them now. Pure: the caller passes the time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Literal

from umbral_chat.transport_kit.backoff import Backoff

LIMIT = 10_000
"""Conversations in one queue. When it is full, the scan waits, and a wake-up is dropped: the scan finds it again."""

PauseReason = Literal["failed", "held", "unavailable"]

PAUSES: dict[PauseReason, Callable[[], Backoff]] = {
    # The entry may never be accepted, or what its handler needs may be down: tried ever more rarely, without end.
    "failed": lambda: Backoff(initial=1.0, maximum=300.0),
    # Another instance holds the lease: it may be done at any moment, or dead until its lease expires.
    "held": lambda: Backoff(initial=0.5, maximum=10.0),
    "unavailable": lambda: Backoff(initial=0.5, maximum=30.0),
}


@dataclass(slots=True)
class _Job:
    state: Literal["ready", "running", "paused"] = "ready"
    activity: datetime | None = None
    """Time of the oldest activity that may be unhandled; None: not known before the next scan."""
    urgent: bool = False
    again: bool = False
    """Woken or found while it ran."""
    reason: PauseReason | None = None
    backoff: Backoff | None = None


class ConversationQueue:
    """Conversations to process: first those that were woken, then those that a scan found; some paused until later."""

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
        """Whether no further conversation can be added."""
        return len(self._jobs) >= self._limit

    @property
    def oldest(self) -> datetime | None:
        """Time of the oldest known activity that may be unhandled."""
        return min((job.activity for job in self._jobs.values() if job.activity is not None), default=None)

    def wake(self, conversation: str) -> bool:
        """Add it as urgent, because it has new entries. False: the queue is full, and a scan must find it."""
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

    def add_found(self, conversation: str, activity: datetime) -> None:
        """Add it because a scan saw `activity` that may be unhandled. To be called while the queue is not full."""
        job = self._jobs.get(conversation)
        if job is None:
            job = self._jobs[conversation] = _Job()
            self._backlog.append(conversation)
        elif job.state == "running":
            job.again = True
        job.activity = activity if job.activity is None else min(job.activity, activity)

    def take(self, now: float) -> str | None:
        """The next one to process, or None. It is running from now on, until `done`, `requeue` or `pause`."""
        while self._paused and self._paused[0][0] <= now:
            conversation = heapq.heappop(self._paused)[2]
            self._jobs[conversation].state = "ready"
            self._backlog.append(conversation)
        for queue in (self._urgent, self._backlog):
            while queue:
                conversation = queue.popleft()
                # One that was in both queues was taken from the other.
                if (job := self._jobs.get(conversation)) is not None and job.state == "ready":
                    job.state, job.urgent, job.again = "running", False, False
                    return conversation
        return None

    def next_due(self) -> float | None:
        """The time at which the next paused one is due."""
        return self._paused[0][0] if self._paused else None

    def done(self, conversation: str) -> None:
        """It was processed to its end: remove it, or queue it again when it was woken or found meanwhile."""
        job = self._jobs[conversation]
        if not job.again:
            del self._jobs[conversation]
            return
        # Its activity stays: what it was woken for may be older than what the newest scan saw.
        job.reason = job.backoff = None
        job.state, job.urgent = "ready", True
        self._urgent.append(conversation)

    def requeue(self, conversation: str) -> None:
        """It has more entries: queue it again behind the others."""
        job = self._jobs[conversation]
        job.reason = job.backoff = None
        job.state = "ready"
        self._backlog.append(conversation)

    def pause(self, conversation: str, reason: PauseReason, now: float, *, progress: bool = False) -> float:
        """Pause it, longer each time for the same reason unless there was `progress`; the seconds."""
        job = self._jobs[conversation]
        if job.backoff is None or job.reason != reason or progress:
            job.reason, job.backoff = reason, PAUSES[reason]()
        job.state = "paused"
        seconds = job.backoff.next()
        heapq.heappush(self._paused, (now + seconds, next(self._numbers), conversation))
        return seconds


__all__ = ["LIMIT", "PAUSES", "ConversationQueue", "PauseReason"]
