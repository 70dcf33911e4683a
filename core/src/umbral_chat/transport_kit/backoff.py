"""Back-off: how long to wait before the next try."""

from __future__ import annotations

import random


class Backoff:
    """Growing pauses with decorrelated jitter: many who failed together do not come back together.

    Each pause is drawn between `initial` and `multiplier` × the pause before, at most `maximum` seconds.
    """

    def __init__(
        self, *, initial: float, maximum: float, multiplier: float = 3.0, rng: random.Random | None = None
    ) -> None:
        self.initial = initial
        self.maximum = maximum
        self.multiplier = multiplier
        self._random = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._last = initial

    def next(self) -> float:
        """The next pause, in seconds."""
        self._last = min(self.maximum, self._random.uniform(self.initial, self._last * self.multiplier))
        return self._last

    def reset(self) -> None:
        """It went well: begin anew."""
        self._last = self.initial


__all__ = ["Backoff"]
