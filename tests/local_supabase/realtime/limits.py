"""A plan's limits, the server's pauses, and rates counted as Realtime counts them: in buckets, evaluated at ticks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Limits:
    """The Free plan's limits and the real server's pauses. Seconds, bytes, counts."""

    users: int = 200
    """Sockets with at least one joined channel."""
    channels_per_client: int = 100
    joins_per_second: float = 100
    events_per_second: float = 100
    """Sends and deliveries together."""
    tick: float = 5.0
    """Seconds between two evaluations of a rate: an excess is noticed only then."""
    buckets: int = 12
    """Ticks over which a rate is averaged."""
    payload: int = 256_000
    presence_calls: int = 5
    presence_window: float = 30.0
    error_pause: float = 5.0
    """Before a refused join is answered; the whole socket waits (CHANNEL_ERROR_BACKOFF_MS)."""
    handshake_pause: float = 2.0
    """Before a refused handshake is answered (CONNECT_ERROR_BACKOFF_MS)."""
    silence: float = 66.0
    """A socket from which nothing was received for so long is closed."""
    token_check: float = 300.0
    """Most seconds between two checks of a channel's token."""


PADDING = 500
"""Bytes by which a payload may exceed its limit."""

REFUSED_SIZE = 300_000
"""Bytes of a payload that exceeds the Free plan's limit."""

QUICK = Limits(error_pause=0.05, handshake_pause=0.02)
"""Limits with short pauses, for tests that are not about them."""


class Rate:
    """Events a second: the mean of the last buckets, computed at each tick. Ticks that are due are caught up on each
    access, so that no task is needed."""

    def __init__(self, limits: Limits, most: Callable[[], float]) -> None:
        self._tick, self._most = limits.tick, most
        self._buckets: deque[int] = deque(maxlen=limits.buckets)
        self._count = 0
        self._next = time.monotonic()
        self._mean, self._over = 0.0, False

    def add(self) -> None:
        """Count one event."""
        self._advance()
        self._count += 1

    @property
    def mean(self) -> float:
        """The mean at the last tick."""
        self._advance()
        return self._mean

    @property
    def over(self) -> bool:
        """Whether the limit was reached at the last tick."""
        self._advance()
        return self._over

    def _advance(self) -> None:
        now, longest = time.monotonic(), self._tick * ((self._buckets.maxlen or 0) + 1)
        if now - self._next > longest:
            # After a long time without events older ticks change nothing.
            self._next = now - longest
        while now >= self._next:
            self._buckets.append(self._count)
            self._count = 0
            self._next += self._tick
            self._mean = sum(self._buckets) / len(self._buckets) / self._tick
            self._over = self._mean >= self._most()


class CallWindow:
    """One client's presence calls, of which each window of time allows a number. A window begins with the first call
    after the end of the one before."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._until, self._count = float("-inf"), 0

    def add(self) -> bool:
        """Count one call; whether it is allowed."""
        now = time.monotonic()
        if now > self._until:
            self._until, self._count = now + self._limits.presence_window, 0
        self._count += 1
        return self._count <= self._limits.presence_calls


__all__ = ["PADDING", "QUICK", "REFUSED_SIZE", "CallWindow", "Limits", "Rate"]
