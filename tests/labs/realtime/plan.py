"""What one soak is asked for, and the order of its faults. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.labs.kit.realtime_faults import KINDS, Fault, draw
from tests.labs.kit.run import Plan

RETURN = 4.0
"""Seconds in which an instance is usually live again, for the pace of the senders; it may take longer."""


@dataclass(frozen=True)
class Soak(Plan):
    """As for the crash lab, without kills."""

    messages: int = 20_000
    kills: int = 0
    instances: int = 2
    faults: tuple[str, ...] = tuple(KINDS)
    """The kinds of faults that a round has."""
    brisk: float = 1.0
    """Share of the usual time that faults and the quiet between them last."""


@dataclass(frozen=True)
class Step:
    """A fault, and the quiet after it: seconds for which both instances must have been live."""

    fault: Fault
    quiet: float

    @property
    def usual(self) -> float:
        """Seconds that it takes, about."""
        return self.fault.duration + RETURN + self.quiet


def steps(plan: Soak) -> Iterator[list[Step]]:
    """Round after round, without end: every kind of fault once in each, in another order."""
    random = Random(f"{plan.seed}/faults")
    while True:
        kinds = list(plan.faults)
        random.shuffle(kinds)
        yield [Step(draw(kind, random, plan.brisk), random.uniform(1.0, 3.0) * plan.brisk) for kind in kinds]


__all__ = ["RETURN", "Soak", "Step", "steps"]
