"""The pace of the ticks: quick while things happen, slow while they do not, backing off while the store fails."""

from __future__ import annotations

GROWTH = 1.5
"""Each quiet tick makes the next pause this much longer: from 0.25 s to 5 s within eight ticks, or 10 s."""

BACKOFF = 2.0
"""Each failed tick in a row doubles the pause."""

DOWN_AFTER = 3
"""Failed ticks in a row after which the store counts as gone: one may be a hiccup, two a long checkpoint."""


class Pace:
    """How long to wait until the next tick. Pure: it knows neither clock nor chance.

    `seconds` always lies within `lowest` and `highest`. Failing changes the pause, not `seconds`: when the store is
    back, ticking goes on as fast as before.
    """

    __slots__ = ("failures", "highest", "lowest", "seconds", "start")

    def __init__(self, *, start: float, lowest: float, highest: float) -> None:
        self.start = start
        self.lowest = lowest
        self.highest = highest
        self.seconds = start
        self.failures = 0

    def restart(self) -> None:
        """Somebody came, and nothing is known yet of how busy it will be."""
        self.seconds = min(self.seconds, self.start)

    def succeeded(self, *, news: bool) -> None:
        """A tick answered, with something new or not."""
        self.failures = 0
        self.seconds = self.lowest if news else min(self.seconds * GROWTH, self.highest)

    def glanced(self, *, news: bool) -> None:
        """A look at less than everything answered: its silence says nothing of how busy it is."""
        self.failures = 0
        if news:
            self.seconds = self.lowest

    def failed(self) -> None:
        """A tick did not answer."""
        self.failures += 1

    def pause(self, draw: float) -> float:
        """Seconds until the next tick; `draw`, in [0, 1), spreads the retries of instances that failed together."""
        if not self.failures:
            return self.seconds
        # The exponent is bounded since 2.0 ** 1024 overflows after some hours of outage.
        longest = min(self.lowest * BACKOFF ** min(self.failures, 32), self.highest)
        return max(self.lowest, longest * (0.5 + draw / 2))


__all__ = ["BACKOFF", "DOWN_AFTER", "GROWTH", "Pace"]
