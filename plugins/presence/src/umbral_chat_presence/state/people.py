"""One person in one conversation: the states of its devices, merged over the instances. Pure."""

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
class OwnDevice:
    """A device that this instance owns."""

    state: DeviceState
    until: float
    """Elapsed seconds at which its phase ends: it expires, its hold-back is over, or its tombstone is dropped."""
    last_active: int
    """When it last reported or was renewed, in UTC ms."""


class RemoteState(NamedTuple):
    """A device that another instance owns, and since when this state is known here, in elapsed seconds."""

    state: DeviceState
    at: float


class PersonSummary(msgspec.Struct, frozen=True):
    """A person as shown to viewers who see ids, to all other viewers, and on channels."""

    full: PersonHere
    public: PersonHere
    there: PersonThere


@dataclass(slots=True)
class Person:
    """`mine` are the devices that this instance owns; `others` those of other instances, by device and instance."""

    key: str
    name: str
    """The pseudonym."""
    mine: dict[str, OwnDevice] = field(default_factory=dict)
    others: dict[str, dict[str, RemoteState]] = field(default_factory=dict)
    summary: PersonSummary | None = None
    """None while the person is not shown to anybody."""
    invisible: bool = False

    @property
    def empty(self) -> bool:
        """Whether no device is known."""
        return not self.mine and not self.others

    def winner(self, device: str, instance: str) -> tuple[DeviceState, bool] | None:
        """The valid state of this device, and whether it is this `instance`'s own; None for an unknown device."""
        owned = self.mine.get(device)
        best = None if owned is None else (owned.state.stamp, instance, owned.state)
        for other, remote in self.others.get(device, _NONE).items():
            if best is None or (remote.state.stamp, other) > best[:2]:
                best = (remote.state.stamp, other, remote.state)
        return None if best is None else (best[2], best[1] == instance)

    def winners(self, instance: str) -> Iterator[DeviceState]:
        """The valid state of each device."""
        if not self.others:
            yield from (owned.state for owned in self.mine.values())
            return
        for device in {**self.mine, **self.others}:
            found = self.winner(device, instance)
            if found is not None:
                yield found[0]

    @property
    def since(self) -> int | None:
        """When the person joined, in UTC ms: the earliest `since` of devices that are not gone, moved ones included."""
        found = [owned.state.since for owned in self.mine.values() if owned.state.phase != GONE]
        found += [
            remote.state.since
            for others in self.others.values()
            for remote in others.values()
            if remote.state.phase != GONE
        ]
        return min(found, default=None)

    def remote_summary(self) -> PersonThere | None:
        """The person as shown on channels by other instances' rosters alone; None when absent there, or invisible."""
        live = [
            remote.state for others in self.others.values() for remote in others.values() if remote.state.phase != GONE
        ]
        return None if not live or any(state.invisible for state in live) else _summary_of(self.name, live).there

    def is_here(self, instance: str) -> bool:
        """Whether any device is here, other than one that is leaving."""
        return any(state.phase == HERE for state in self.winners(instance))

    def update(self, instance: str) -> None:
        """Recompute the summary after a device changed."""
        live = [state for state in self.winners(instance) if state.phase != GONE]
        self.invisible = any(state.invisible for state in live)
        self.summary = None if not live or self.invisible else _summary_of(self.name, live)


def _summary_of(name: str, live: list[DeviceState]) -> PersonSummary:
    newest = max(live, key=lambda state: (state.stamp, state.device)) if len(live) > 1 else live[0]
    status = _combined_status(live)
    since = datetime.fromtimestamp(min(state.since for state in live) / 1000, UTC)
    public = PersonHere(person=name, role=newest.role, name=newest.name, status=status, since=since)
    devices = [DeviceHere(one.device, one.status, one.metadata) for one in sorted(live, key=lambda one: one.device)]
    full = msgspec.structs.replace(public, id=newest.id, devices=devices)
    return PersonSummary(full, public, PersonThere(name, newest.role, status, newest.name))


def _combined_status(live: list[DeviceState]) -> Availability:
    statuses = {state.status for state in live}
    return "busy" if "busy" in statuses else "online" if "online" in statuses else "away"


_NONE: dict[str, RemoteState] = {}

__all__ = ["OwnDevice", "Person", "PersonSummary", "RemoteState"]
