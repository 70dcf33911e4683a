"""Who types in one conversation, merged over the instances. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from umbral_chat.model.entries import Role

from umbral_chat_presence.state.deadlines import past
from umbral_chat_presence.state.device_state import Kind, person_key

GRACE = 3.0
"""Seconds for which somebody who types at another instance is shown past the end that was told: it may have been
renewed there, and what an instance tells needs about this long where it travels by the store."""


class TypingSpan(msgspec.Struct, frozen=True, array_like=True):
    """Somebody types, as an instance stores and tells it."""

    stamp: int
    role: Role
    id: str | None
    name: str | None
    left: float
    """Seconds until it ends by itself, from when this was told."""
    kind: Kind = ""

    @property
    def key(self) -> str:
        """Of the person."""
        return person_key(self.role, self.id, self.kind)


@dataclass(slots=True)
class Span:
    """From a stamp until an elapsed second."""

    stamp: int
    until: float


@dataclass(slots=True)
class TypingState:
    """Somebody who types here, elsewhere, or both."""

    key: str
    name: str
    """Opaque."""
    role: Role
    id: str | None
    label: str | None
    """The display name."""
    kind: Kind = ""
    mine: Span | None = None
    others: dict[str, Span] = field(default_factory=dict)
    renewed: float = float("-inf")
    """When other instances and channels were last told that it goes on, in elapsed seconds."""
    signalled: bool = False
    """Whether channels were told that it types."""

    def current(self, now: float, instance: str) -> tuple[Span, bool] | None:
        """The newest that has not ended, and whether it is this `instance`'s own."""
        newest = None if self.mine is None else (self.mine.stamp, instance, self.mine)
        for other, span in self.others.items():
            if newest is None or (span.stamp, other) > newest[:2]:
                newest = (span.stamp, other, span)
        if newest is None or past(newest[2].until, now):
            return None
        return newest[2], newest[1] == instance

    def end(self, stamp: int) -> bool:
        """What began up to `stamp` is over; whether anything was."""
        before = (self.mine, len(self.others))
        if self.mine is not None and self.mine.stamp <= stamp:
            self.mine = None
        self.others = {other: span for other, span in self.others.items() if span.stamp > stamp}
        return before != (self.mine, len(self.others))


__all__ = ["GRACE", "Span", "TypingSpan", "TypingState"]
