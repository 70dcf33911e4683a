"""How fast a visitor may write: a token bucket for each subject, in one number."""

from __future__ import annotations

import math
from collections.abc import Callable

from umbral_chat.auth.lru import Lru
from umbral_chat.clock import Clock
from umbral_chat.errors import TooManyRequests
from umbral_chat.providers.auth import Principal
from umbral_chat.settings.sections import Limits

SUBJECTS = 65_536
"""Buckets kept. One that was dropped is full again, which is wrong only if this many others wrote within the seconds
that it takes to fill (4 s by default)."""


class Buckets:
    """Token buckets by subject: each holds `burst`, fills with `rate` a second, and a write takes one.

    A bucket is kept as the time at which it will be full (the "theoretical arrival time" of GCRA, ITU-T I.371): there
    is nothing to refill, and an unknown subject's is simply full. `monotonic` gives seconds that never go back.
    """

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float], *, capacity: int = SUBJECTS) -> None:
        self._rate = rate
        self._span = burst / rate
        self._monotonic = monotonic
        self._full_at: Lru[str, float] = Lru(capacity)

    def check(self, subject: str) -> None:
        """Take one. Raises TooManyRequests, which takes nothing, with the whole seconds to wait as `Retry-After`."""
        now = self._monotonic()
        full_at = max(self._full_at.get(subject) or now, now) + 1 / self._rate
        wait = full_at - now - self._span
        # Sums of floats end a hair beyond the bound; a microsecond of credit is nothing, a refused write is.
        if wait > 1e-6:
            raise TooManyRequests(
                f"Too many writes: {self._rate:g} a second are taken. Try again in {wait:.1f} s.",
                limit=self._rate,
                headers={"Retry-After": str(math.ceil(wait))},
            )
        self._full_at.put(subject, full_at)


class SendLimiter:
    """Holds visitors and users to `limits.sends_per_second` and `sends_burst`. Service keys and the local
    administrator are trusted, and nobody is held when the rate is 0."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        rate = limits.sends_per_second
        self._buckets = Buckets(rate, limits.sends_burst, clock.monotonic) if rate > 0 else None

    def check(self, principal: Principal) -> None:
        """Count one write of `principal`. Raises TooManyRequests."""
        if self._buckets is not None and principal.kind in {"token", "user"}:
            self._buckets.check(principal.subject)


__all__ = ["Buckets", "SendLimiter"]
