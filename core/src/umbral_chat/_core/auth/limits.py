"""Rate limits of visitors and users: a token bucket for each author, stored as one number."""

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
"""Buckets kept for each rate. A dropped one counts as full, which is wrong only if this many other authors wrote
within the seconds that it takes to fill (4 s for writes by default)."""


class TokenBuckets:
    """Token buckets by subject: each holds `burst`, fills with `rate` a second, and a write takes one.

    A bucket is kept as the time at which it will be full (the "theoretical arrival time" of GCRA, ITU-T I.371): there
    is nothing to refill, and an unknown subject's bucket is full. `monotonic` gives seconds that never go back.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        monotonic: Callable[[], float],
        *,
        capacity: int = BUCKET_CAPACITY,
        what: str = "writes",
        setting: str | None = "core.limits.sends_per_second",
    ) -> None:
        self._what = what
        self._setting = "" if setting is None else f" ({setting})"
        self._rate = rate
        self._span = burst / rate
        self._monotonic = monotonic
        self._full_at: Lru[str, float] = Lru(capacity)

    def check(self, subject: str) -> None:
        """Take one token. Raises TooManyRequests, which takes none, with the whole seconds to wait as `Retry-After`."""
        now = self._monotonic()
        full_at = max(self._full_at.get(subject) or now, now) + 1 / self._rate
        wait = full_at - now - self._span
        # Sums of floats may end just past the bound: a microsecond of credit does no harm, a refused write does.
        if wait > 1e-6:
            raise TooManyRequests(
                f"Too many {self._what}: {self._rate:g} a second are taken{self._setting}. Try again in {wait:.1f} s.",
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
        """Count one action of `principal`. Raises TooManyRequests (`rate_limited`)."""
        if self._buckets is not None and not principal.trusted:
            self._buckets.check(principal.author)


Rate = Literal["requests", "sends", "drafts", "markers", "connects", "transcripts"]
"""The rates. Every request counts towards `requests`; `sends` are writes, presence reports and typing; a route names a
further rate by `opt={"rate": …}`."""

RATES: Final[frozenset[str]] = frozenset(get_args(Rate))


class Rates:
    """Every rate of visitors and users, each with buckets of its own: a caller past one rate may still do the rest."""

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
        """Count one action of `principal`. Raises TooManyRequests (`rate_limited`)."""
        self._limiters[rate].check(principal)


__all__ = ["RATES", "Rate", "RateLimiter", "Rates", "TokenBuckets"]
