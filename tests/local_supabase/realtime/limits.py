"""A plan's limits, the server's pauses, and rates counted as Realtime counts them: in buckets, looked at by a tick."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Limits:
    """The Free plan's limits and the real server's pauses. Seconds, bytes, counts."""

    users: int = 200
    """Sockets that have joined a channel."""
    channels_per_client: int = 100
    joins_per_second: float = 100
    events_per_second: float = 100
    """Sends and deliveries together."""
    tick: float = 5.0
    """Between two counts: in between, nobody knows that a rate is exceeded."""
    buckets: int = 12
    """Ticks of which a rate is the mean."""
    payload: int = 256_000
    presence_calls: int = 5
    presence_window: float = 30.0
    error_pause: float = 5.0
    """Before a refused join is answered; the whole socket waits (CHANNEL_ERROR_BACKOFF_MS)."""
    handshake_pause: float = 2.0
    """Before a refused handshake is answered (CONNECT_ERROR_BACKOFF_MS)."""
    silence: float = 66.0
    """A socket from which nothing came for so long is closed."""
    token_check: float = 300.0
    """Most seconds between two looks at a channel's token."""


PADDING = 500
"""Bytes by which a payload may exceed its limit."""

REFUSED_SIZE = 300_000
"""Bytes that are too many by the Free plan."""

QUICK = Limits(error_pause=0.05, handshake_pause=0.02)
"""Those of a stack whose tests are about something else."""


class Rate:
    """Events a second: the mean of the last buckets, known anew at each tick. Ticks that are due are made up for when
    somebody looks, so that no task is needed."""

    def __init__(self, limits: Limits, most: Callable[[], float]) -> None:
        self._tick, self._most = limits.tick, most
        self._buckets: deque[int] = deque(maxlen=limits.buckets)
        self._count = 0
        self._next = time.monotonic()
        self._mean, self._over = 0.0, False

    def add(self) -> None:
        """One event more."""
        self._advance()
        self._count += 1

    @property
    def mean(self) -> float:
        """As of the last tick."""
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
            # After a long quiet time older ticks change nothing.
            self._next = now - longest
        while now >= self._next:
            self._buckets.append(self._count)
            self._count = 0
            self._next += self._tick
            self._mean = sum(self._buckets) / len(self._buckets) / self._tick
            self._over = self._mean >= self._most()


__all__ = ["PADDING", "QUICK", "REFUSED_SIZE", "Limits", "Rate"]
