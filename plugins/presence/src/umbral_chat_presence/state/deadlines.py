"""Deadlines: when which device, hold, typing or notification is to be checked. Pure."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Literal, NamedTuple

TOLERANCE = 0.001
"""Seconds by which each deadline is late, so that a report at the very moment of expiry wins."""


class Deadline(NamedTuple):
    """What is to be checked. The check decides whether it is time: a deadline that was extended is not removed here."""

    what: Literal["device", "hold", "typing", "notify"]
    conversation: str
    key: str = ""
    device: str = ""


class Deadlines:
    """The deadlines of an engine, in elapsed seconds."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: float, due: Deadline) -> None:
        """Check `due` when `at` is past."""
        heapq.heappush(self._heap, (at + TOLERANCE, next(self._order), due))

    def pop(self, now: float) -> Deadline | None:
        """Remove and return the next deadline that is past; None if there is none."""
        return heapq.heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now else None


def past(at: float, now: float) -> bool:
    """Whether the deadline `at` is past."""
    return at + TOLERANCE <= now


__all__ = ["TOLERANCE", "Deadline", "Deadlines", "past"]
