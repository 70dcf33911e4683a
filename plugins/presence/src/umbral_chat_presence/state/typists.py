"""TypingState: the typing of one person in one conversation, merged over the instances. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from umbral_chat.model.entries import Role

from umbral_chat_presence.state.deadlines import past
from umbral_chat_presence.state.device_state import Kind, person_key

GRACE = 3.0
"""Seconds by which typing at another instance is shown past its announced end: it may have been renewed there, and a
roster takes about this long to arrive by the store."""


class TypingSpan(msgspec.Struct, frozen=True, array_like=True):
    """A person's typing in a roster."""

    stamp: int
    role: Role
    id: str | None
    name: str | None
    left: float
    """Seconds until it ends by itself, counted from when the roster was made."""
    kind: Kind = ""

    @property
    def key(self) -> str:
        """The person's key."""
        return person_key(self.role, self.id, self.kind)


@dataclass(slots=True)
class Span:
    """Typing from a hybrid clock's stamp until a moment in elapsed seconds."""

    stamp: int
    until: float


@dataclass(slots=True)
class TypingState:
    """The typing of one person: at this instance (`mine`), at others by instance, or both."""

    key: str
    name: str
    """The pseudonym."""
    role: Role
    id: str | None
    label: str | None
    """The display name."""
    kind: Kind = ""
    mine: Span | None = None
    others: dict[str, Span] = field(default_factory=dict)
    renewed: float = float("-inf")
    """When other instances and channels were last notified of it, in elapsed seconds."""
    signalled: bool = False
    """Whether the last signal to channels said that the person types."""

    def current(self, now: float, instance: str) -> tuple[Span, bool] | None:
        """The newest span, and whether it is this `instance`'s own; None when it has ended."""
        newest = None if self.mine is None else (self.mine.stamp, instance, self.mine)
        for other, span in self.others.items():
            if newest is None or (span.stamp, other) > newest[:2]:
                newest = (span.stamp, other, span)
        if newest is None or past(newest[2].until, now):
            return None
        return newest[2], newest[1] == instance

    def end(self, stamp: int) -> bool:
        """Remove the spans with a stamp up to `stamp`; returns whether there were any."""
        before = (self.mine, len(self.others))
        if self.mine is not None and self.mine.stamp <= stamp:
            self.mine = None
        self.others = {other: span for other, span in self.others.items() if span.stamp > stamp}
        return before != (self.mine, len(self.others))


__all__ = ["GRACE", "Span", "TypingSpan", "TypingState"]
