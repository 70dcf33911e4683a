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
"""The name of the device when a caller names none."""

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
    """A person in presence, with the kind of its principal.

    A plain `Sender` is a person that a service names: the bearers of its tokens, by their subjects, operators who
    signed in, and those it sends for with `send_as`. Users, service keys and the local administrator are not named by a
    service: `kind` distinguishes them from a person with the same id and role.
    """

    kind: Literal["local", "key", "user"] | None = None


def person(principal: Principal) -> Sender:
    """The person that `principal` is in presence when it acts for itself."""
    itself = principal.sender
    if principal.kind == "token" or (principal.kind == "key" and principal.subject.startswith("agent:")):
        return itself
    return Person(itself.role, itself.id, itself.name, kind=principal.kind)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The state that a device reports. It replaces the device's earlier report."""

    person: Sender
    """The person: people are distinguished by `kind` (see `Person`), role and `id`, and by their role alone where there
    is no id (the assistant)."""
    device: str = DEVICE
    status: Availability = "online"
    metadata: dict[str, Any] | None = None
    invisible: bool = False
    """The person is neither counted nor shown, with any of its devices."""
    ttl: float | None = None
    """Seconds after which the device expires unless it is renewed; None: the provider's setting."""


class Renewal(msgspec.Struct, frozen=True):
    """The answer to a report."""

    person: str
    """Opaque name of this person in `PresenceList`."""
    expires_in: float
    """Seconds after which the device expires unless it is renewed."""
    renew_in: float
    """Seconds after which it should report again: early enough for one report to be lost."""
    listed: bool
    """False: so many people are present that only counts are reported, and typing only of the assistant."""


class TypingNow(msgspec.Struct, frozen=True):
    """The answer to a report of typing."""

    typing: bool
    """Also false where typing is not reported: see `listed`."""
    expires_in: float
    """Seconds after which the typing ends by itself; 0 when it ended."""
    listed: bool = True


class Viewer(msgspec.Struct, frozen=True):
    """What a viewer may see."""

    ids: bool = False
    """Sees people's ids, devices and metadata."""
    last_seen: bool = False
    """Sees when people were last present."""


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
    """A person who is present, with all devices combined."""

    person: str
    """Opaque name that distinguishes people of one conversation, the same on every instance and for every viewer."""
    role: Role
    name: str | None = None
    status: Availability
    """`busy` if any device is, else `online` if any is, else `away`."""
    since: datetime
    id: str | None = None
    """Only for a viewer who sees ids, as are the devices."""
    devices: list[DeviceHere] | UnsetType = UNSET


class PersonTyping(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A person who is typing."""

    person: str
    role: Role
    name: str | None = None
    id: str | None = None


class PersonSeen(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A person who was present and left."""

    person: str
    role: Role
    name: str | None = None
    id: str | None = None
    last_seen: datetime


class PresenceList(msgspec.Struct, frozen=True, kw_only=True):
    """Who is in a conversation, as a viewer may see it."""

    version: str
    """Equal for equal lists and only for those, whichever instance returns them."""
    count: int
    """The number of people who are present."""
    counts: dict[Role, int]
    """The same by role, of every role."""
    listed: bool = True
    """False: so many people are present that only counts are reported."""
    people: list[PersonHere] = []
    """In the order in which they joined."""
    last_seen: list[PersonSeen] | UnsetType = UNSET
    """Who left recently, the latest first; only for a viewer who may see that. It is not part of the version."""


class PresenceState(msgspec.Struct, frozen=True):
    """Who is in a conversation and who types there."""

    presence: PresenceList
    typing: list[PersonTyping]


@dataclass(frozen=True, slots=True)
class PresenceLink:
    """The functions of its service that a presence calls. None of them waits or raises."""

    publish: Callable[[Signal], None]
    """Send a signal to other instances and to clients on channels of their own, best effort."""
    changed: Callable[[str], None]
    """Notify the conversation's readers that its presence or typing changed."""
    mode: Callable[[], Mode]
    """Returns how signals of other instances arrive now."""
    epoch: Callable[[str], str | None] = lambda _conversation: None
    """Returns the epoch of a conversation's log, None while it is not known here: people in a deleted conversation are
    not in one that is made anew with the same id."""


class Presence(Protocol):
    """Who is present and who is typing. Selected as the history is: one per service.

    Guarantees, which `umbral_chat.testing.PresenceContract` checks:

    - *Devices.* A person is present while any of its devices is. A device is gone when it left, or when it was not
      renewed within its time to live; a report at the same moment wins.
    - *People* are distinguished by kind, role and id in every method: see `Person`.
    - *Hold-back.* Joining shows at once. Leaving shows after a hold-back, within which a report of any device of the
      same person cancels it without a trace.
    - *Typing* ends by itself, with the message of who typed, and when its person leaves.
    - *Bounds.* The devices of a person, the people of a conversation and the past that is remembered are bounded.
    - *Time* is the clock's `monotonic`; equal wall clocks matter only for which of two reports of one device,
      made at two instances within the clocks' difference, is the later one.
    - Only `settled` waits. The presence runs within `lifespan`.
    """

    name: str
    rank: int
    lifespan: AbstractAsyncContextManager[object]
    """Runs its tasks; entered within the storage's lifespan. On leaving no task is left."""

    def attach(self, link: PresenceLink) -> None:
        """Called once, before `lifespan` is entered."""
        ...

    def report(self, conversation: str, report: Report) -> Renewal:
        """A device joins, or renews its presence. Raises TooManyRequests: `too_many_devices` (of one person),
        `too_many_present` (in this conversation, on this instance); and InvalidRequest for an invisible report where
        that is not allowed."""
        ...

    def leave(self, conversation: str, person: Sender, device: str = DEVICE) -> bool:
        """A device leaves; whether it was present. A device at another instance that is not known here yet is not
        found: see `settled`."""
        ...

    def renew(self, conversation: str, person: Sender, device: str = DEVICE) -> bool:
        """Restart a device's time to live, as it showed activity otherwise; False: it is not present."""
        ...

    def holding(self, conversation: str, person: Sender, device: str = DEVICE) -> AbstractContextManager[None]:
        """The device does not expire while an edge has a connection of it, within this context; afterwards its time to
        live begins anew. Has no effect for a device that is not present."""
        ...

    def typing(
        self,
        conversation: str,
        person: Sender,
        typing: bool,
        *,
        seconds: float | None = None,
    ) -> TypingNow:
        """A person is typing or stopped; `seconds` until it ends by itself, None: the provider's setting for the
        role."""
        ...

    def state(self, conversation: str, viewer: Viewer) -> PresenceState:
        """The state as known now. The call registers interest: what other instances know arrives soon after, with
        `changed`."""
        ...

    async def settled(self, conversation: str) -> None:
        """Wait, for a bounded time, until what other instances know of this conversation is known here, too: before
        reading a list that must be complete, and before a report or leave of a device that may be at another instance.
        Returns at once where the conversation is followed. Raises HistoryUnavailable when it cannot be determined and
        nothing is known from before."""
        ...

    def learn(self, signal: RosterSignal) -> None:
        """Apply what another instance published. Never raises: content that it cannot read is ignored."""
        ...

    def wrote(self, conversation: str, sender: Sender, at: datetime | None = None) -> None:
        """A message of this sender is in the log, which ends its typing. `at`: when it was written, for a message that
        was read from the log later, so that it ends only typing that began before it.

        For a write at this instance `sender` is a `Person`, unless a token wrote it or a service key in another's name.
        The log itself has no kind: a plain `Sender` that was read from it may have been either."""
        ...

    def forget(self, conversation: str) -> None:
        """The conversation was deleted: drop everyone who is present there."""
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
