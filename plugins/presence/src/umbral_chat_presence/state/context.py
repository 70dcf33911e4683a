"""The state that the parts of an engine share."""

from __future__ import annotations

from dataclasses import dataclass, field

from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state.deadlines import Deadlines
from umbral_chat_presence.state.device_state import HybridClock


@dataclass(slots=True)
class Changes:
    """Conversations whose roster changed and has not been passed to replication yet."""

    count: int = 0
    """Number of changes so far, of all conversations; also the number of the last one."""
    dirty: dict[str, int] = field(default_factory=dict)
    """The number of the last change by conversation."""

    def mark(self, conversation: str) -> None:
        """This instance's roster of the conversation changed."""
        self.count += 1
        self.dirty[conversation] = self.count


@dataclass(frozen=True, slots=True)
class Context:
    """One per engine."""

    settings: PresenceSettings
    instance: str
    hybrid_clock: HybridClock = field(default_factory=HybridClock)
    deadlines: Deadlines = field(default_factory=Deadlines)
    changes: Changes = field(default_factory=Changes)


__all__ = ["Changes", "Context"]
