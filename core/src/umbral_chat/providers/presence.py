"""Presence: who is in a conversation and who types there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from umbral_chat.errors import InvalidRequest
from umbral_chat.model.entries import Role, Sender
from umbral_chat.model.signals import Mode, RosterSignal, Signal
from umbral_chat.providers.auth import Principal

Availability = Literal["online", "away", "busy"]

DEVICE = "default"
"""The device of who names none."""

NAME_LIMIT = 64
"""Longest name of a device, and version of a list, in characters."""


def check_name(value: str, *, field: str = "device") -> str:
    """The name of a device, or the version of a list: 1 to 64 printable characters. Raises InvalidRequest
    (`invalid_field`)."""
    if 1 <= len(value) <= NAME_LIMIT and value.isprintable():
        return value
    raise InvalidRequest(
        f"{field} has 1 to {NAME_LIMIT} printable characters.", code="invalid_field", field=field, limit=NAME_LIMIT
    )


class Person(Sender, frozen=True):
    """Somebody in presence, known by the kind of principal that it is.

    A plain `Sender` is whom a service means: the bearers of its tokens, by their subjects, and whomever it speaks for
    with `send_as`. Users, service keys and the local administrator have names that no service gives out: as `kind`
    says, they are others than whoever has the same id and role.
    """

    kind: Literal["local", "key", "user"] | None = None


def person(principal: Principal) -> Sender:
    """Who `principal` is in presence when it speaks for itself."""
    itself = principal.sender
    if principal.kind == "token":
        return itself
    return Person(itself.role, itself.id, itself.name, kind=principal.kind)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one device of somebody says of itself. It replaces what the same device said before."""

    person: Sender
    """As whom: people are told apart by `kind` (see `Person`), role and `id`, and by their role alone where there is no
    id (the assistant)."""
    device: str = DEVICE
    status: Availability = "online"
    metadata: dict[str, Any] | None = None
    invisible: bool = False
    """Counted and shown to nobody, from any device of this person."""
    ttl: float | None = None
    """Seconds until it is gone unless it is renewed; None: the provider's setting."""


class Renewal(msgspec.Struct, frozen=True):
    """What became of a report."""

    person: str
    """Name under which `PresenceList` shows this person."""
    expires_in: float
    """Seconds after which the device is gone when nothing more is heard of it."""
    renew_in: float
    """Seconds after which it should report again: early enough for one report to be lost."""
    listed: bool
    """False: so many people are here that only counts are told, and nobody's typing but the assistant's."""


class TypingNow(msgspec.Struct, frozen=True):
    """What became of saying that one types."""

    typing: bool
    """False, too, where typing is not told: see `listed`."""
    expires_in: float
    """Seconds after which it ends by itself; 0 when nobody types."""
    listed: bool = True


class Viewer(msgspec.Struct, frozen=True):
    """Who looks, as far as it decides what is shown."""

    ids: bool = False
    """Sees people's ids, devices and metadata."""
    last_seen: bool = False
    """Sees when people were last here."""


def viewer(principal: Principal) -> Viewer:
    """What `principal` may see: service keys and moderators see ids, and last seen is a right of its own."""
    return Viewer(
        ids=principal.kind in {"key", "local"} or "moderate" in principal.rights,
        last_seen="last_seen" in principal.rights,
    )


class DeviceHere(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of a person's devices."""

    device: str
    status: Availability
    metadata: dict[str, Any] | None = None


class PersonHere(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Somebody who is here, of all devices together."""

    person: str
    """Opaque name, the same on every instance and for every viewer, that tells people of one conversation apart."""
    role: Role
    name: str | None = None
    status: Availability
    """`busy` if any device is, else `online` if any is, else `away`."""
    since: datetime
    id: str | None = None
    """Only for a viewer who sees ids, as are the devices."""
    devices: list[DeviceHere] | UnsetType = UNSET


class PersonTyping(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Somebody who types."""

    person: str
    role: Role
    name: str | None = None
    id: str | None = None


class PersonSeen(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Somebody who was here."""

    person: str
    role: Role
    name: str | None = None
    id: str | None = None
    last_seen: datetime


class PresenceList(msgspec.Struct, frozen=True, kw_only=True):
    """Who is in a conversation, as a viewer may see it."""

    version: str
    """Equal exactly for lists that are equal, whichever instance tells them."""
    count: int
    """People who are here."""
    counts: dict[Role, int]
    """The same by role, of every role."""
    listed: bool = True
    """False: so many people are here that only counts are told."""
    people: list[PersonHere] = []
    """In the order in which they came."""
    last_seen: list[PersonSeen] | UnsetType = UNSET
    """Who left lately, the last one first; only for a viewer who sees that. It has no part in the version."""


class PresenceState(msgspec.Struct, frozen=True):
    """Who is in a conversation and who types there."""

    presence: PresenceList
    typing: list[PersonTyping]


@dataclass(frozen=True, slots=True)
class PresenceLink:
    """What a presence tells, and asks, the service it runs in. None of it waits or raises."""

    publish: Callable[[Signal], None]
    """Tell other instances and clients on channels of their own, best effort."""
    changed: Callable[[str], None]
    """Who is here or types in this conversation changed: its readers are told."""
    mode: Callable[[], Mode]
    """How signals of other instances arrive now."""
    epoch: Callable[[str], str | None] = lambda _conversation: None
    """The epoch of a conversation's log, None as long as it is not known here: who was in a log that is deleted is not
    in the one that is made anew under its name."""


class Presence(Protocol):
    """Who is here and who types. Selected as the history is: one a service.

    Guarantees, which `umbral_chat.testing.PresenceContract` checks:

    - *Devices.* Somebody is here while any of its devices is. A device is gone when it left, or when nothing was heard
      of it for its time to live; a report that comes in the same moment wins.
    - *People* are told apart by kind, role and id, in all that is done and asked here: see `Person`.
    - *Hold-back.* Joining shows at once. Leaving shows after a hold-back, within which a report of any device of the
      same person makes as if nothing had happened.
    - *Typing* ends by itself, with the message of who typed, and when its person leaves.
    - *Bounds.* Devices of a person, people of a conversation and what is remembered of the past are bounded.
    - *Time* is the clock's `monotonic`; nothing depends on wall clocks being equal but which of two reports of one
      device, made at two instances within their difference, is the later one.
    - Nothing but `settled` waits. It runs within `lifespan`.
    """

    name: str
    rank: int
    lifespan: AbstractAsyncContextManager[object]
    """Its tasks, within the storage's lifespan. After it no task is left."""

    def attach(self, link: PresenceLink) -> None:
        """Called once, before `lifespan` is entered."""
        ...

    def report(self, conversation: str, report: Report) -> Renewal:
        """A device is here, or still is. Raises TooManyRequests: `too_many_devices` (of one person),
        `too_many_present` (in this conversation, on this instance); and InvalidRequest where nobody may be invisible
        and somebody wants to be."""
        ...

    def leave(self, conversation: str, person: Sender, device: str = DEVICE) -> bool:
        """A device goes; whether it was here. One that is with another instance, and is not known of here yet, is not
        found: see `settled`."""
        ...

    def renew(self, conversation: str, person: Sender, device: str = DEVICE) -> bool:
        """Something else was heard of a device, so that its time to live begins anew; False: it is not here."""
        ...

    def holding(self, conversation: str, person: Sender, device: str = DEVICE) -> AbstractContextManager[None]:
        """While an edge holds a connection of this device it does not expire; afterwards its time to live begins
        anew. Nothing happens for one that is not here."""
        ...

    def typing(
        self,
        conversation: str,
        person: Sender,
        typing: bool,
        *,
        seconds: float | None = None,
    ) -> TypingNow:
        """Somebody types or stopped; `seconds` until it ends by itself, None: the provider's setting for the role."""
        ...

    def state(self, conversation: str, viewer: Viewer) -> PresenceState:
        """What is known now. Whoever asks becomes interested: what other instances know arrives soon after, with
        `changed`."""
        ...

    async def settled(self, conversation: str) -> None:
        """Wait, for a bounded time, until what other instances know of this conversation is known here, too: before a
        list is read that has to be whole, and before a device reports or leaves that may be with another. It costs
        nothing where the conversation is followed. Raises HistoryUnavailable when that cannot be told and nothing is
        known of before."""
        ...

    def learn(self, signal: RosterSignal) -> None:
        """Another instance tells. Never raises: what it cannot read it leaves alone."""
        ...

    def wrote(self, conversation: str, sender: Sender, at: datetime | None = None) -> None:
        """A message of this sender is in the log: who wrote it does not type it any more. `at`: when it was written,
        if it was not heard of just now but found in the log, so that it ends only what began before it.

        What was written at this instance comes with a `Person` where it was no service's token or word. The log itself
        says no kind: a plain `Sender` that was read there may have been either."""
        ...

    def forget(self, conversation: str) -> None:
        """The conversation was deleted: nobody is there."""
        ...


__all__ = [
    "DEVICE",
    "NAME_LIMIT",
    "Availability",
    "DeviceHere",
    "Person",
    "PersonHere",
    "PersonSeen",
    "PersonTyping",
    "Presence",
    "PresenceLink",
    "PresenceList",
    "PresenceState",
    "Renewal",
    "Report",
    "TypingNow",
    "Viewer",
    "check_name",
    "person",
    "viewer",
]
