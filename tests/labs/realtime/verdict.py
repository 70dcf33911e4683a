"""Whether the run tried what it claims: each kind of fault hit, and entries were seen live and while polling. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from tests.labs.kit.checker import Violation
from tests.labs.kit.lateness import Wait, quantile

from .run import Strike

LATER = 0.5
"""Seconds above the usual wait from which on entries count as late because of a fault."""


def usual(found: Sequence[Wait], strikes: Sequence[Strike]) -> float:
    """The median wait of what crossed between instances while no fault was on."""
    quiet = [
        wait.seconds
        for wait in found
        if wait.crossed and not any(strike.began <= wait.acknowledged <= strike.over for strike in strikes)
    ]
    return quantile(sorted(quiet), 0.5)


def worst_during(strike: Strike, found: Sequence[Wait]) -> float:
    """The longest wait for what was acknowledged from a fault's beginning until all were live again, and crossed."""
    within = (wait.seconds for wait in found if strike.began <= wait.acknowledged <= strike.over and wait.crossed)
    return max(within, default=0.0)


def bit(strike: Strike, found: Sequence[Wait]) -> bool:
    """Whether a fault did anything: the stand-in counted a hit, an instance noticed, or entries came later."""
    return strike.hits > 0 or strike.noticed is not None or worst_during(strike, found) > usual(found, [strike]) + LATER


def tame(strikes: Sequence[Strike], found: Sequence[Wait], kinds: Collection[str]) -> Iterator[Violation]:
    """Kinds of faults that never did anything: what such a run shows is less than it says."""
    for kind in kinds:
        of_kind = [strike for strike in strikes if strike.kind == kind]
        if not any(bit(strike, found) for strike in of_kind):
            yield Violation("tame", f"{kind} was done {len(of_kind)} times and hit nothing")


def one_sided(found: Sequence[Wait]) -> Iterator[Violation]:
    """Both ways of delivery must have been seen, and each from one instance to the other."""
    for mode in ("live", "polling"):
        if not any(wait.crossed and wait.mode == mode for wait in found):
            yield Violation("tame", f"no entry crossed between the instances while the mode was {mode}")


__all__ = ["LATER", "bit", "one_sided", "tame", "usual", "worst_during"]
