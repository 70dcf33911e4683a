"""How fast a visitor or user may do what it may: a token bucket for each author, in one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal, get_args

from umbral_chat._core.runtime.lru import Lru
from umbral_chat._core.settings.sections import Limits
from umbral_chat.clock import Clock
from umbral_chat.errors import TooManyRequests
from umbral_chat.providers.auth import Principal

BUCKET_CAPACITY = 65_536
"""Buckets kept of each rate. One that was dropped is full again, which is wrong only if this many others came within
the seconds that it takes to fill (4 s for writes by default)."""


class TokenBuckets:
    """Token buckets by subject: each holds `burst`, fills with `rate` a second, and a write takes one.

    A bucket is kept as the time at which it will be full (the "theoretical arrival time" of GCRA, ITU-T I.371): there
    is nothing to refill, and an unknown subject's is simply full. `monotonic` gives seconds that never go back.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        monotonic: Callable[[], float],
        *,
        capacity: int = BUCKET_CAPACITY,
        what: str = "writes",
        setting: str = "core.limits.sends_per_second",
    ) -> None:
        self._what, self._setting = what, setting
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
                f"Too many {self._what}: {self._rate:g} a second are taken ({self._setting}). Try again in "
                f"{wait:.1f} s.",
                limit=self._rate,
                headers={"Retry-After": str(math.ceil(wait))},
            )
        self._full_at.put(subject, full_at)


class RateLimiter:
    """Holds visitors and users to a rate. Service keys and the local administrator are trusted, and nobody is held
    when the rate is 0. `setting` is the name of the rate's setting below `core.limits`."""

    def __init__(self, rate: float, burst: int, clock: Clock, *, what: str, setting: str) -> None:
        self._buckets = (
            TokenBuckets(rate, burst, clock.monotonic, what=what, setting=f"core.limits.{setting}")
            if rate > 0
            else None
        )

    def check(self, principal: Principal) -> None:
        """Count one of `principal`. Raises TooManyRequests (`rate_limited`)."""
        if self._buckets is not None and not principal.trusted:
            self._buckets.check(principal.author)


Rate = Literal["requests", "sends", "drafts", "markers", "connects", "transcripts"]
"""What has a rate of its own. Every request counts towards `requests`; `sends` are what is written, presence reports
and typing included; a route names another one by `opt={"rate": …}`."""

RATES: Final[frozenset[str]] = frozenset(get_args(Rate))


class Rates:
    """Every rate that holds a visitor or user, each with buckets of its own: who is refused one may do the rest."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        def limiter(rate: Rate, what: str) -> RateLimiter:
            setting = f"{rate}_per_second"
            return RateLimiter(
                getattr(limits, setting), getattr(limits, f"{rate}_burst"), clock, what=what, setting=setting
            )

        self.requests = limiter("requests", "requests")
        self.sends = limiter("sends", "writes")
        self._limiters: dict[str, RateLimiter] = {
            "requests": self.requests,
            "sends": self.sends,
            "drafts": limiter("drafts", "pieces of drafts"),
            "markers": limiter("markers", "read markers"),
            "connects": limiter("connects", "calls of connect"),
            "transcripts": limiter("transcripts", "transcripts"),
        }

    def check(self, rate: Rate, principal: Principal) -> None:
        """Count one of `principal`. Raises TooManyRequests (`rate_limited`)."""
        self._limiters[rate].check(principal)


__all__ = ["RATES", "Rate", "RateLimiter", "Rates", "TokenBuckets"]
