"""What goes wrong on command."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass
class Faults:
    """All are off at first. Those of deliveries concern broadcasts and presence, of `topic` alone if it is set."""

    topic: str | None = None
    delay: float = 0.0
    """Seconds by which each delivery is late."""
    duplicate: bool = False
    """Each delivery comes twice."""
    reorder: bool = False
    """Each second delivery overtakes the one before it."""
    lose: int = 0
    """Deliveries that never come."""
    lose_share: float = 0.0
    """Share of the deliveries that never come."""
    stall: bool = False
    """Everything is read, nothing is answered or delivered."""
    refuse_status: int | None = None
    """HTTP status of each handshake."""
    refuse_join: str | None = None
    """Reason of each join's refusal."""
    refuse_rest: int | None = None
    """Status of each REST broadcast."""

    def concerns(self, topic: str) -> bool:
        """Whether deliveries on this topic are meant."""
        return self.topic in {None, topic}

    def loses(self, topic: str) -> bool:
        """Whether this delivery is lost."""
        if not self.concerns(topic):
            return False
        if self.lose > 0:
            self.lose -= 1
            return True
        return random.random() < self.lose_share


__all__ = ["Faults"]
