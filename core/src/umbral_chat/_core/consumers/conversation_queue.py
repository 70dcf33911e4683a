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

PauseReason = Literal["held", "unavailable"]

PAUSES: dict[PauseReason, Callable[[], Backoff]] = {
    # Another instance holds the lease: it may be done at any moment, or dead until its lease expires.
    "held": lambda: Backoff(initial=0.5, maximum=10.0),
    "unavailable": lambda: Backoff(initial=0.5, maximum=30.0),
}


@dataclass(slots=True)
class _Job:
    state: Literal["ready", "running", "paused"] = "ready"
    activity: datetime | None = None
    """Time of the oldest activity that may be unhandled; None: not known before the next scan."""
    since: datetime | None = None
    """When it was first woken or found, of what is not handled yet."""
    again_since: datetime | None = None
    urgent: bool = False
    again: bool = False
    """Woken or found while it ran."""
    reason: PauseReason | None = None
    backoff: Backoff | None = None
    pause: int = 0
    """Number of its pause."""


class ConversationQueue:
    """Conversations to process: first those that were woken, then those that a scan found; some paused until later."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._jobs: dict[str, _Job] = {}
        self._urgent: deque[str] = deque()
        self._backlog: deque[str] = deque()
        self._paused: list[tuple[float, int, str]] = []
        self._numbers = count(1)

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, conversation: str) -> bool:
        return conversation in self._jobs

    @property
    def full(self) -> bool:
        """Whether no further conversation can be added."""
        return len(self._jobs) >= self._limit

    @property
    def oldest(self) -> datetime | None:
        """Time of the oldest known activity that may be unhandled."""
        return min((job.activity for job in list(self._jobs.values()) if job.activity is not None), default=None)

    @property
    def waiting_since(self) -> datetime | None:
        """Since when the longest waiting one has waited, as far as is known."""
        return min((job.since for job in list(self._jobs.values()) if job.since is not None), default=None)

    def wake(self, conversation: str, at: datetime | None = None) -> bool:
        """Add it as urgent, because it has new entries, the first of them of `at`. False: the queue is full, and a scan
        must find it."""
        job = self._jobs.get(conversation)
        if job is None:
            if self.full:
                return False
            job = self._jobs[conversation] = _Job(since=at)
        if job.state == "running":
            job.again = True
            job.again_since = job.again_since or at
        elif job.state == "ready" and not job.urgent:
            job.urgent = True
            self._urgent.append(conversation)
        return True

    def add_found(self, conversation: str, activity: datetime) -> None:
        """Add it because a scan saw `activity` that may be unhandled. To be called while the queue is not full."""
        job = self._jobs.get(conversation)
        if job is None:
            job = self._jobs[conversation] = _Job(since=activity)
            self._backlog.append(conversation)
        elif job.state == "running":
            job.again = True
            job.again_since = job.again_since or activity
        job.activity = activity if job.activity is None else min(job.activity, activity)

    def take(self, now: float) -> str | None:
        """The next one to process, or None. It is running from now on, until `done`, `requeue` or a pause."""
        while self._paused and self._paused[0][0] <= now:
            _, number, conversation = heapq.heappop(self._paused)
            job = self._jobs.get(conversation)
            # Another number: that pause was ended before.
            if job is not None and job.state == "paused" and job.pause == number:
                job.state = "ready"
                self._backlog.append(conversation)
        for queue in (self._urgent, self._backlog):
            while queue:
                conversation = queue.popleft()
                # One that was in both queues was taken from the other.
                if (job := self._jobs.get(conversation)) is not None and job.state == "ready":
                    job.state, job.urgent, job.again, job.again_since = "running", False, False, None
                    return conversation
        return None

    def next_due(self) -> float | None:
        """The time at which the next paused one is due; it may be one whose pause was ended."""
        return self._paused[0][0] if self._paused else None

    def done(self, conversation: str) -> None:
        """It was processed to its end: remove it, or queue it again when it was woken or found meanwhile."""
        job = self._jobs[conversation]
        if not job.again:
            del self._jobs[conversation]
            return
        # Its activity stays: what it was woken for may be older than what the newest scan saw.
        job.since = job.again_since
        job.reason = job.backoff = None
        job.state, job.urgent = "ready", True
        self._urgent.append(conversation)

    def requeue(self, conversation: str) -> None:
        """It has more entries: queue it again behind the others."""
        job = self._jobs[conversation]
        job.reason = job.backoff = None
        job.state = "ready"
        self._backlog.append(conversation)

    def pause(self, conversation: str, reason: PauseReason, now: float) -> float:
        """Pause it, longer each time for the same reason; the seconds."""
        job = self._jobs[conversation]
        if job.backoff is None or job.reason != reason:
            job.reason, job.backoff = reason, PAUSES[reason]()
        seconds = job.backoff.next()
        self._pause(conversation, job, now + seconds)
        return seconds

    def pause_for(self, conversation: str, seconds: float, now: float, since: datetime | None = None) -> None:
        """Pause it for so long. `since`: the time of its oldest unhandled entry, where that is known now."""
        job = self._jobs[conversation]
        job.reason = job.backoff = None
        job.since = since or job.since
        self._pause(conversation, job, now + seconds)

    def resume(self, conversation: str) -> None:
        """End its pause, whatever the reason; does nothing for one that is not paused."""
        job = self._jobs.get(conversation)
        if job is not None and job.state == "paused":
            job.state, job.urgent = "ready", True
            self._urgent.append(conversation)

    def _pause(self, conversation: str, job: _Job, until: float) -> None:
        job.state, job.pause = "paused", next(self._numbers)
        heapq.heappush(self._paused, (until, job.pause, conversation))


__all__ = ["LIMIT", "PAUSES", "ConversationQueue", "PauseReason"]
