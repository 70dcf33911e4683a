"""One person in one conversation: the claims of its devices, merged over the instances. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from umbral_chat.model.signals import PersonThere
from umbral_chat.providers.presence import Availability, DeviceHere, PersonHere

from umbral_chat_presence.state.device_state import GONE, HERE, DeviceState


@dataclass(slots=True)
class Slot:
    """A device that this instance answers for."""

    claim: DeviceState
    until: float
    """Elapsed seconds at which its phase ends: it expires, its hold-back is over, or it is forgotten."""
    heard: int
    """When something was last heard of it, in UTC ms."""


class RemoteState(NamedTuple):
    """A device that another instance answers for, and since when this claim is known here (elapsed seconds)."""

    claim: DeviceState
    at: float


class PersonSummary(msgspec.Struct, frozen=True):
    """How a person looks: to those who see ids, to everybody else, and on channels."""

    full: PersonHere
    public: PersonHere
    there: PersonThere


@dataclass(slots=True)
class Person:
    """`mine` are the devices of this instance, `others` those of other instances by device."""

    key: str
    name: str
    """Opaque."""
    mine: dict[str, Slot] = field(default_factory=dict)
    others: dict[str, dict[str, RemoteState]] = field(default_factory=dict)
    face: PersonSummary | None = None
    """None: nobody sees it."""
    invisible: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is known of it."""
        return not self.mine and not self.others

    def winner(self, device: str, instance: str) -> tuple[DeviceState, bool] | None:
        """The claim that holds for this device, and whether it is this `instance`'s own."""
        slot = self.mine.get(device)
        best = None if slot is None else (slot.claim.stamp, instance, slot.claim)
        for other, heard in self.others.get(device, _NONE).items():
            if best is None or (heard.claim.stamp, other) > best[:2]:
                best = (heard.claim.stamp, other, heard.claim)
        return None if best is None else (best[2], best[1] == instance)

    def winners(self, instance: str) -> Iterator[DeviceState]:
        """The claim that holds for each device."""
        if not self.others:
            yield from (slot.claim for slot in self.mine.values())
            return
        for device in {**self.mine, **self.others}:
            found = self.winner(device, instance)
            if found is not None:
                yield found[0]

    @property
    def since(self) -> int | None:
        """When it came, as the earliest claim says of a device that is not gone; of one that has since moved, too."""
        found = [slot.claim.since for slot in self.mine.values() if slot.claim.phase != GONE]
        found += [
            heard.claim.since
            for others in self.others.values()
            for heard in others.values()
            if heard.claim.phase != GONE
        ]
        return min(found, default=None)

    def elsewhere(self) -> PersonThere | None:
        """How it looks by what other instances say alone; None when it is with none of them, or not to be seen."""
        live = [
            heard.claim for others in self.others.values() for heard in others.values() if heard.claim.phase != GONE
        ]
        return None if not live or any(claim.invisible for claim in live) else _face(self.name, live).there

    def is_here(self, instance: str) -> bool:
        """Whether a device is here that did not leave."""
        return any(claim.phase == HERE for claim in self.winners(instance))

    def look(self, instance: str) -> None:
        """Look at the claims anew."""
        live = [claim for claim in self.winners(instance) if claim.phase != GONE]
        self.invisible = any(claim.invisible for claim in live)
        self.face = None if not live or self.invisible else _face(self.name, live)


def _face(name: str, live: list[DeviceState]) -> PersonSummary:
    newest = max(live, key=lambda claim: (claim.stamp, claim.device)) if len(live) > 1 else live[0]
    status = _together(live)
    since = datetime.fromtimestamp(min(claim.since for claim in live) / 1000, UTC)
    public = PersonHere(person=name, role=newest.role, name=newest.name, status=status, since=since)
    devices = [DeviceHere(one.device, one.status, one.metadata) for one in sorted(live, key=lambda one: one.device)]
    full = msgspec.structs.replace(public, id=newest.id, devices=devices)
    return PersonSummary(full, public, PersonThere(name, newest.role, status, newest.name))


def _together(live: list[DeviceState]) -> Availability:
    statuses = {claim.status for claim in live}
    return "busy" if "busy" in statuses else "online" if "online" in statuses else "away"


_NONE: dict[str, RemoteState] = {}

__all__ = ["Person", "PersonSummary", "RemoteState", "Slot"]
