"""One client's presence calls, of which a window of time takes so many."""

from __future__ import annotations

import time

from .limits import Limits


class Calls:
    """A window begins with the first call after the one before is over."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._until, self._count = float("-inf"), 0

    def add(self) -> bool:
        """One call more; whether it may be."""
        now = time.monotonic()
        if now > self._until:
            self._until, self._count = now + self._limits.presence_window, 0
        self._count += 1
        return self._count <= self._limits.presence_calls


__all__ = ["Calls"]
