"""A plan's limits, and rates measured as Realtime does: the mean over a window."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass


@dataclass
class Limits:
    """The Free plan's, but for the waits, which are shorter here. Seconds, bytes, counts."""

    users: int = 200
    channels_per_client: int = 100
    joins_per_second: float = 100
    events_per_second: float = 100
    """Sends and deliveries together."""
    window: float = 60.0
    """Of the mean."""
    payload: int = 256_000
    presence_calls: int = 5
    presence_window: float = 30.0
    error_pause: float = 0.05
    """Before a refused join is answered: 5 s in the real one."""
    token_check: float = 300.0
    """Most seconds between two looks at a channel's token."""


class Rate:
    """How often something happened a second, over the last `window` seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._times: deque[float] = deque()

    def add(self) -> float:
        """Once more; the rate now."""
        now = time.monotonic()
        self._times.append(now)
        while self._times and self._times[0] <= now - self._window:
            self._times.popleft()
        return len(self._times) / self._window


__all__ = ["Limits", "Rate"]
