"""The devices that one instance owns: they join, are renewed, leave, expire and are forgotten. Pure."""

from __future__ import annotations

import msgspec
from umbral_chat.errors import TooManyRequests
from umbral_chat.model.entries import Role

from umbral_chat_presence.state.context import Context
from umbral_chat_presence.state.deadlines import Deadline, past
from umbral_chat_presence.state.device_state import GONE, HERE, LEAVING, DeviceState, Instant
from umbral_chat_presence.state.people import OwnDevice, Person
from umbral_chat_presence.state.room import Room

HOLD_RENEWALS = 4
"""How often a held device is renewed within its time to live. Also the part of the time to live after which a renewal
takes over a device of another instance: soon enough to have it before that instance is taken for dead, should it have
crashed, and late enough that a client whose requests alternate between two instances does not move with each."""


MOVE_GRACE = 5.0
"""Seconds for which an instance keeps a device in its roster after it moved to another instance: that one may not have
known it, and learns from the roster that the person did not just join."""


class Devices:
    """Applies reports, renewals, leaves and deadlines to the devices of a room."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._instance = context.instance
        self._settings = context.settings

    def admit(self, room: Room, person: Person, device: str, role: Role) -> None:
        """Raise TooManyRequests (`too_many_devices`, `too_many_present`) when the device exceeds a bound."""
        owned, limit = person.mine.get(device), self._settings.devices_per_person
        if owned is not None and owned.state.phase != GONE:
            return
        here = {state.device for state in person.winners(self._instance) if state.phase == HERE} - {device}
        if len(here) >= limit:
            raise TooManyRequests(
                f"{limit} devices of this person are here already (presence.devices_per_person).",
                code="too_many_devices",
                field="device",
                limit=limit,
                headers=self._retry,
            )
        if room.live >= self.capacity(role):
            raise self.too_many_error(role)
        # A person who leaves and returns as another device, again and again, must not fill the room.
        absent = [one for one in person.mine.values() if one.state.phase != HERE]
        if len(absent) >= 2 * limit:
            self._drop(room, person, min(absent, key=lambda one: one.state.stamp))

    def too_many_error(self, role: Role) -> TooManyRequests:
        """The error for a person of this role in a full room."""
        limit = self.capacity(role)
        return TooManyRequests(
            f"{limit} are in this conversation at this instance (presence.devices).",
            code="too_many_present",
            limit=limit,
            headers=self._retry,
        )

    def capacity(self, role: Role) -> int:
        """Most devices, and most people who type, in a room that a person of this role joins: roles other than `user`
        have a tenth more, which visitors cannot use up."""
        limit = self._settings.devices
        return limit if role == "user" else limit + limit // 10

    def record(self, room: Room, person: Person, state: DeviceState, now: Instant) -> None:
        """Store a report: the device is here, and owned by this instance. `state` has no stamp and no `since` yet."""
        until = now.elapsed + state.ttl
        owned, found = person.mine.get(state.device), person.winner(state.device, self._instance)
        if owned is not None and found is not None and found[1]:
            same = msgspec.structs.replace(state, stamp=owned.state.stamp, since=owned.state.since)
            if same == owned.state:
                owned.until, owned.last_active = until, now.wall
                return
        since = now.wall if person.since is None else person.since
        stamp = self._context.hybrid_clock.next(now.wall)
        self._put(room, person, msgspec.structs.replace(state, stamp=stamp, since=since), until, now)
        room.update_person(person, now.wall, own=True)

    def renew(self, room: Room, person: Person, device: str, now: Instant) -> bool:
        """Renew a device by an activity other than a report; returns whether it is here."""
        found = person.winner(device, self._instance)
        if found is None or found[0].phase != HERE:
            return False
        state, own = found
        if own or self._is_stale(person, state, now):
            self.record(room, person, state, now)
        return True

    def leave(self, room: Room, person: Person, device: str, now: Instant) -> bool:
        """A device leaves; returns whether it was here."""
        found = person.winner(device, self._instance)
        if found is None or found[0].phase != HERE:
            return False
        leaving = msgspec.structs.replace(found[0], stamp=self._context.hybrid_clock.next(now.wall), phase=LEAVING)
        owned = self._put(room, person, leaving, now.elapsed + self._settings.hold_back, now)
        if not self._settings.hold_back:
            self._mark_gone(room, person, owned, now)
        room.update_person(person, now.wall, own=True)
        return True

    def on_deadline(self, room: Room, person: Person, device: str, now: Instant) -> bool:
        """Check a device's deadline; returns whether it is gone now and was not before."""
        owned = person.mine.get(device)
        if owned is None:
            return False
        if not past(owned.until, now.elapsed):
            self._schedule(room, person, owned)
            return False
        found = person.winner(device, self._instance)
        went = owned.state.phase != GONE and found is not None and found[1]
        if went:
            self._mark_gone(room, person, owned, now)
        else:
            self._drop(room, person, owned)
        room.update_person(person, now.wall, own=True)
        return went

    def reconcile(self, room: Room, person: Person, now: Instant) -> None:
        """Adapt this instance's devices to a changed roster of another instance, where both have this person."""
        since = person.since
        for device, owned in list(person.mine.items()):
            found = person.winner(device, self._instance)
            if found is not None and not found[1]:
                if _came_back(owned, found[0]):
                    owned.state = msgspec.structs.replace(owned.state, stamp=self._context.hybrid_clock.next(now.wall))
                    self._context.changes.mark(room.conversation)
                elif owned.state.phase == GONE:
                    self._drop(room, person, owned)
                elif owned.until > now.elapsed + MOVE_GRACE:
                    owned.until = now.elapsed + MOVE_GRACE
                    self._schedule(room, person, owned)
            elif since is not None and since < owned.state.since and owned.state.phase != GONE:
                # When the device that joined first leaves, the others keep the time at which the person joined.
                owned.state = msgspec.structs.replace(owned.state, since=since)
                self._context.changes.mark(room.conversation)
        room.update_person(person, now.wall, own=False)

    def _put(self, room: Room, person: Person, state: DeviceState, until: float, now: Instant) -> OwnDevice:
        owned = person.mine.get(state.device)
        if owned is None or owned.state.phase == GONE:
            room.live += 1
            room.gone.pop((person.key, state.device), None)
        earlier = owned is None or until < owned.until
        if owned is None:
            owned = person.mine[state.device] = OwnDevice(state, until, now.wall)
        owned.state, owned.until, owned.last_active = state, until, now.wall
        if earlier:
            self._schedule(room, person, owned)
        self._context.changes.mark(room.conversation)
        return owned

    def _mark_gone(self, room: Room, person: Person, owned: OwnDevice, now: Instant) -> None:
        owned.state = msgspec.structs.replace(owned.state, phase=GONE, seen=owned.last_active, metadata=None)
        owned.until = now.elapsed + self._settings.longest_ttl
        self._schedule(room, person, owned)
        room.live -= 1
        room.gone[person.key, owned.state.device] = None
        if len(room.gone) > self._settings.devices:
            key, device = next(iter(room.gone))
            oldest = room.people[key]
            self._drop(room, oldest, oldest.mine[device])
            room.update_person(oldest, now.wall, own=True)
        self._context.changes.mark(room.conversation)

    def _drop(self, room: Room, person: Person, owned: OwnDevice) -> None:
        """This instance does not own the device any more."""
        device = owned.state.device
        del person.mine[device]
        if owned.state.phase == GONE:
            room.gone.pop((person.key, device), None)
        else:
            room.live -= 1
        self._context.changes.mark(room.conversation)

    def _schedule(self, room: Room, person: Person, owned: OwnDevice) -> None:
        self._context.deadlines.add(owned.until, Deadline("device", room.conversation, person.key, owned.state.device))

    def _is_stale(self, person: Person, state: DeviceState, now: Instant) -> bool:
        """Whether the instance that owns this device may not have renewed it for a while."""
        known = min((one.at for one in person.others.get(state.device, {}).values() if one.state is state), default=0.0)
        age = max(now.elapsed - known, (now.wall - state.stamp) / 1000)
        return age >= state.ttl / HOLD_RENEWALS

    @property
    def _retry(self) -> dict[str, str]:
        return {"Retry-After": str(round(self._settings.ttl))}


def _came_back(owned: OwnDevice, elsewhere: DeviceState) -> bool:
    """Whether the device was active here after it left at another instance. Its report here got no new stamp,
    since this instance did not know yet that it had left."""
    return owned.state.phase == HERE and elsewhere.phase != HERE and owned.last_active > elsewhere.stamp


__all__ = ["HOLD_RENEWALS", "Devices"]
