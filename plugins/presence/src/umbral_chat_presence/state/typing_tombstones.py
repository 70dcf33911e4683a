"""TypingTombstones: the ends of typing, kept so that a late report or roster does not start it again. Pure."""

from __future__ import annotations

from collections import OrderedDict

MAX_TOMBSTONES = 4096
"""Most tombstones, of all conversations."""


class TypingTombstones:
    """By conversation and person: the stamp up to which all typing has ended. Each is kept for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ends)

    def stamp_of(self, conversation: str, key: str) -> int:
        """The stamp; 0 without a tombstone."""
        return self._ends.get((conversation, key), _NEVER)[0]

    def add(self, conversation: str, key: str, stamp: int, now: float) -> None:
        """The person's typing with a stamp up to `stamp` has ended."""
        known = self._ends.pop((conversation, key), _NEVER)[0]
        self._ends[conversation, key] = (max(known, stamp), now + self._seconds)
        if len(self._ends) > MAX_TOMBSTONES:
            self._ends.popitem(last=False)

    def sweep(self, now: float) -> None:
        """Drop the expired tombstones."""
        while self._ends and next(iter(self._ends.values()))[1] <= now:
            self._ends.popitem(last=False)


_NEVER = (0, 0.0)

__all__ = ["MAX_TOMBSTONES", "TypingTombstones"]
