"""Claims: what an instance says of one device, as it is kept, stored and told."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec
from umbral_chat.model.entries import Role, Sender
from umbral_chat.providers.presence import Availability

HERE: Literal[0] = 0
LEAVING: Literal[1] = 1
"""It left, and is shown until its hold-back is over."""
GONE: Literal[2] = 2
"""It left or expired. Kept for a while, so that an older claim elsewhere does not bring it back."""

Phase = Literal[0, 1, 2]


class Claim(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One device, as an instance last heard of it. Of two claims of one device the one with the higher `stamp` holds,
    and of equal ones that of the higher instance."""

    stamp: int
    """Wall time in ms, or one more than any that was seen: see `Stamps`."""
    phase: Phase
    role: Role
    id: str | None
    name: str | None
    device: str
    since: int
    """When its person came, in UTC ms: of the earliest of its live claims."""
    ttl: float
    """Seconds after which it is gone unless something is heard of it."""
    status: Availability = "online"
    invisible: bool = False
    metadata: dict[str, Any] | None = None
    seen: int = 0
    """When it was last here, in UTC ms; only of one that is gone."""

    @property
    def key(self) -> str:
        """Of the person."""
        return person_key(self.role, self.id)


class Moment(NamedTuple):
    """Now."""

    elapsed: float
    """The clock's `monotonic`, in seconds: what everything is timed by."""
    wall: int
    """UTC in ms: only for what people are shown, and to order the claims of different instances."""


class Stamps:
    """Stamps that rise on this instance, and above every stamp that it has seen (a hybrid logical clock). Instances
    whose wall clocks differ so disagree only on what happened before they heard of each other."""

    def __init__(self) -> None:
        self.last = 0

    def next(self, wall: int) -> int:
        """A stamp for what happens now."""
        self.last = max(wall, self.last + 1)
        return self.last

    def saw(self, stamp: int) -> None:
        """Another instance gave this one out."""
        self.last = max(self.last, stamp)


def person_key(role: Role, id: str | None) -> str:  # noqa: A002 - the field's name
    """What people are told apart by: their id, and their role where there is none."""
    return f"role:{role}" if id is None else f"id:{id}"


def key_of(sender: Sender) -> str:
    """The same of a sender."""
    return person_key(sender.role, sender.id)


__all__ = ["GONE", "HERE", "LEAVING", "Claim", "Moment", "Phase", "Stamps", "key_of", "person_key"]
