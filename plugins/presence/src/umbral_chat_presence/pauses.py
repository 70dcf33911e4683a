"""Pauses between tries of a store that does not answer."""

from __future__ import annotations

import random

FIRST = 0.5
"""Seconds after the first failure."""


class Pauses:
    """Growing, with jitter, and never longer than `longest` seconds: what is tried again ends only with its reason."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._failures = 0
        self._random = random.Random()  # noqa: S311 - spreads load, guards nothing

    def next(self) -> float:
        """It failed: how long to wait."""
        pause: float = min(self._longest, FIRST * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        return pause * (0.5 + self._random.random() / 2)

    def reset(self) -> None:
        """It went well."""
        self._failures = 0


__all__ = ["FIRST", "Pauses"]
