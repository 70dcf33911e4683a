"""DeviceState: the state of one device as one instance knows, stores and signals it; and the hybrid logical clock."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

import msgspec
from umbral_chat.model.entries import Role, Sender
from umbral_chat.providers.presence import Availability, Person

HERE: Literal[0] = 0
LEAVING: Literal[1] = 1
"""The device left, and is shown until its hold-back is over."""
GONE: Literal[2] = 2
"""The device left or expired. A tombstone: kept for a while, so that an older state elsewhere does not restore it."""

Phase = Literal[0, 1, 2]


Kind = Literal["", "user", "key", "local"]
"""The kind of a principal whose id is not given by a service; empty for a person that a service names. See
`umbral_chat.providers.presence.Person`."""


class DeviceState(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One device, as an instance knows it. Of two states of one device the one with the higher `stamp` wins; of equal
    stamps that of the instance whose id is higher."""

    stamp: int
    """Of the hybrid clock: wall time in ms, or one more than any stamp that was seen."""
    phase: Phase
    role: Role
    id: str | None
    name: str | None
    device: str
    since: int
    """When its person joined, in UTC ms: the earliest of the person's devices that are not gone."""
    ttl: float
    """Seconds after which it expires unless it is renewed."""
    status: Availability = "online"
    invisible: bool = False
    metadata: dict[str, Any] | None = None
    seen: int = 0
    """When it was last active, in UTC ms; only for a device that is gone."""
    kind: Kind = ""

    @property
    def key(self) -> str:
        """The key of its person."""
        return person_key(self.role, self.id, self.kind)


class Instant(NamedTuple):
    """The current time, as both clocks have it."""

    elapsed: float
    """The clock's `monotonic`, in seconds: all deadlines are in it."""
    wall: int
    """UTC in ms: only for times that are shown, and to order the states of different instances."""


class HybridClock:
    """A hybrid logical clock: its stamps rise on this instance, and above every stamp that it has seen.

    Instances whose wall clocks differ disagree only on what happened before they exchanged stamps (Kulkarni et al.,
    "Logical Physical Clocks", 2014).
    """

    def __init__(self) -> None:
        self.last = 0

    def next(self, wall: int) -> int:
        """A stamp for an event that happens now."""
        self.last = max(wall, self.last + 1)
        return self.last

    def saw(self, stamp: int) -> None:
        """Take a stamp of another instance: later stamps of this one are higher."""
        self.last = max(self.last, stamp)


def person_key(role: Role, id: str | None, kind: Kind = "") -> str:  # noqa: A002 - the field's name
    """The key that distinguishes people: their kind, or else their role, with their id; the role alone without an id.

    A visitor's begins with `id:`, as it did before kinds and roles were part of it, so that its pseudonym is the same.
    """
    if id is None:
        return f"role:{role}"
    if kind:
        return f"{kind}:{id}"
    return f"id:{id}" if role == "user" else f"{role}:{id}"


def key_of(sender: Sender) -> str:
    """The key of a sender."""
    return person_key(sender.role, sender.id, kind_of(sender))


def kind_of(sender: Sender) -> Kind:
    """A sender's kind; empty where it has none."""
    return (sender.kind or "") if isinstance(sender, Person) else ""


def keys_of(sender: Sender) -> list[str]:
    """The keys of the people that a sender may be: one, unless it was read in a log, which may mean a user."""
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
