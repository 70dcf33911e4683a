"""Which of several entries of a failed claim is at fault: claims get smaller by halves until it is alone. Pure.

One by one from the first, each entry before the one at fault would cost the lease of a claim that nobody ends.
"""

from __future__ import annotations

import msgspec


class Bisection(msgspec.Struct, frozen=True):
    """A claim of several entries failed."""

    through: int
    """The seq of its last entry."""
    limit: int
    """Most entries of a claim up to there."""


def bisected(before: Bisection | None, given: int, through: int) -> Bisection | None:
    """After a claim of `given` entries failed, of which the last is `through`."""
    if given > 1:
        return Bisection(through, given // 2)
    return None if before is None else Bisection(before.through, 1)


def failed_tries(count: int, given: int, bound: int) -> int:
    """The failed tries of a claim's first entry after one more, before which it had `count`. In a claim of several it
    may not be the one at fault: that counts once, and never as the last try."""
    return count + 1 if given <= 1 else min(max(count, 1), bound - 1)


__all__ = ["Bisection", "bisected", "failed_tries"]
