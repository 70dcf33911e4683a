"""Faults that a command switches on."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass
class Faults:
    """All are off at first. Faults of deliveries affect broadcasts and presence, only on `topic` if that is set."""

    topic: str | None = None
    delay: float = 0.0
    """Seconds by which each delivery is delayed."""
    duplicate: bool = False
    """Make each delivery twice."""
    reorder: bool = False
    """Swap each two deliveries."""
    lose: int = 0
    """Number of the next deliveries to lose."""
    lose_share: float = 0.0
    """Share of deliveries to lose, 0 to 1."""
    stall: bool = False
    """Read everything, answer and deliver nothing."""
    refuse_status: int | None = None
    """Refuse each handshake with this HTTP status."""
    refuse_join: str | None = None
    """Refuse each join with this reason."""
    refuse_rest: int | None = None
    """Refuse each broadcast over HTTP with this status."""

    def concerns(self, topic: str) -> bool:
        """Whether the faults of deliveries affect this topic."""
        return self.topic in {None, topic}

    def loses(self, topic: str) -> bool:
        """Decide whether to lose this delivery."""
        if not self.concerns(topic):
            return False
        if self.lose > 0:
            self.lose -= 1
            return True
        return random.random() < self.lose_share


__all__ = ["Faults"]
