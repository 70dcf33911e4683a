"""Back-off: how long to wait before the next attempt."""

from __future__ import annotations

import random
from typing import Literal

Jitter = Literal["decorrelated", "full", "equal", "none"]


class Backoff:
    """Growing pauses, in seconds, with jitter: processes that failed together do not retry together.

    No pause is longer than `maximum`. `jitter` says how it is drawn (M. Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog, 2015):

    - `decorrelated`: between `initial` and `multiplier` × the pause before;
    - `full`: between 0 and a bound, which is `initial` at first and then `multiplier` × the bound before;
    - `equal`: between half of that bound and the bound;
    - `none`: the bound itself, where a single process retries.
    """

    def __init__(
        self,
        *,
        initial: float,
        maximum: float,
        multiplier: float = 3.0,
        jitter: Jitter = "decorrelated",
        rng: random.Random | None = None,
    ) -> None:
        self.initial = initial
        self.maximum = maximum
        self.multiplier = multiplier
        self.jitter = jitter
        self._random = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._last = initial

    def next(self) -> float:
        """The next pause, in seconds."""
        if self.jitter == "decorrelated":
            self._last = min(self.maximum, self._random.uniform(self.initial, self._last * self.multiplier))
            return self._last
        bound = min(self.maximum, self._last)
        self._last = bound * self.multiplier
        match self.jitter:
            case "full":
                return self._random.uniform(0, bound)
            case "equal":
                return self._random.uniform(bound / 2, bound)
            case "none":
                return bound

    def reset(self) -> None:
        """Begin with `initial` again: an attempt succeeded."""
        self._last = self.initial


__all__ = ["Backoff", "Jitter"]
