"""Ends of typing that are remembered, so that what is heard late does not begin it again. Pure."""

from __future__ import annotations

from collections import OrderedDict

MAX_TOMBSTONES = 4096
"""Ends remembered, of all conversations."""


class TypingTombstones:
    """By conversation and person: the stamp up to which all typing is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ends)

    def stamp_of(self, conversation: str, key: str) -> int:
        """The stamp, 0 if none is remembered."""
        return self._ends.get((conversation, key), _NEVER)[0]

    def add(self, conversation: str, key: str, stamp: int, now: float) -> None:
        """What this person began to type up to `stamp` is over."""
        known = self._ends.pop((conversation, key), _NEVER)[0]
        self._ends[conversation, key] = (max(known, stamp), now + self._seconds)
        if len(self._ends) > MAX_TOMBSTONES:
            self._ends.popitem(last=False)

    def sweep(self, now: float) -> None:
        """Forget those that nothing can come late for."""
        while self._ends and next(iter(self._ends.values()))[1] <= now:
            self._ends.popitem(last=False)


_NEVER = (0, 0.0)

__all__ = ["MAX_TOMBSTONES", "TypingTombstones"]
