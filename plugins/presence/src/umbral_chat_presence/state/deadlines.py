"""What is due when. Pure."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Literal, NamedTuple

TOLERANCE = 0.001
"""Seconds that everything lasts longer, so that a report which comes in the moment of its end wins."""


class Deadline(NamedTuple):
    """What to look at. Whether it is time is for whoever looks: what is put off is not taken back here."""

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
        """Look at `due` when `at` is past."""
        heapq.heappush(self._heap, (at + TOLERANCE, next(self._order), due))

    def pop(self, now: float) -> Deadline | None:
        """The next that is due, if any is."""
        return heapq.heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now else None


def past(at: float, now: float) -> bool:
    """Whether what lasts until `at` is over."""
    return at + TOLERANCE <= now


__all__ = ["TOLERANCE", "Deadline", "Deadlines", "past"]
