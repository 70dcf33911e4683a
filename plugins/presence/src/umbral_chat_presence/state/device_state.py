"""Claims: what an instance says of one device, as it is kept, stored and told."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

import msgspec
from umbral_chat.model.entries import Role, Sender
from umbral_chat.providers.presence import Availability, Person

HERE: Literal[0] = 0
LEAVING: Literal[1] = 1
"""It left, and is shown until its hold-back is over."""
GONE: Literal[2] = 2
"""It left or expired. Kept for a while, so that an older claim elsewhere does not bring it back."""

Phase = Literal[0, 1, 2]


Kind = Literal["", "user", "key", "local"]
"""Of principals whose ids no service gives out; empty for whoever a service means. See `Person`."""


class DeviceState(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One device, as an instance last heard of it. Of two claims of one device the one with the higher `stamp` holds,
    and of equal ones that of the higher instance."""

    stamp: int
    """Wall time in ms, or one more than any that was seen: see `HybridClock`."""
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
    kind: Kind = ""

    @property
    def key(self) -> str:
        """Of the person."""
        return person_key(self.role, self.id, self.kind)


class Instant(NamedTuple):
    """Now."""

    elapsed: float
    """The clock's `monotonic`, in seconds: what everything is timed by."""
    wall: int
    """UTC in ms: only for what people are shown, and to order the claims of different instances."""


class HybridClock:
    """A hybrid logical clock: its stamps rise on this instance, and above every stamp that it has seen.

    Instances whose wall clocks differ disagree only on what happened before they exchanged stamps (Kulkarni et al.,
    "Logical Physical Clocks", 2014).
    """

    def __init__(self) -> None:
        self.last = 0

    def next(self, wall: int) -> int:
        """A stamp for what happens now."""
        self.last = max(wall, self.last + 1)
        return self.last

    def saw(self, stamp: int) -> None:
        """Another instance gave this one out."""
        self.last = max(self.last, stamp)


def person_key(role: Role, id: str | None, kind: Kind = "") -> str:  # noqa: A002 - the field's name
    """What people are told apart by: their kind, or their role, and their id; their role where there is none.

    A visitor's begins with `id:`, as it did before kinds and roles counted, so that its opaque name is the same.
    """
    if id is None:
        return f"role:{role}"
    if kind:
        return f"{kind}:{id}"
    return f"id:{id}" if role == "user" else f"{role}:{id}"


def key_of(sender: Sender) -> str:
    """The same of a sender."""
    return person_key(sender.role, sender.id, kind_of(sender))


def kind_of(sender: Sender) -> Kind:
    """A sender's kind; empty where it has none."""
    return (sender.kind or "") if isinstance(sender, Person) else ""


def keys_of(sender: Sender) -> list[str]:
    """The people that a sender may be: one, unless it was read in a log, where a user may have written."""
    keys = [key_of(sender)]
    if not isinstance(sender, Person) and sender.id is not None and _UUID.match(sender.id):
        keys.append(person_key(sender.role, sender.id, "user"))
    return keys


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


__all__ = [
    "GONE",
    "HERE",
    "LEAVING",
    "DeviceState",
    "HybridClock",
    "Instant",
    "Kind",
    "Phase",
    "key_of",
    "keys_of",
    "kind_of",
    "person_key",
]
