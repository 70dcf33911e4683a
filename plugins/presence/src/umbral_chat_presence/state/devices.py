"""The devices that one instance answers for: they come, are renewed, leave, expire and are forgotten. Pure."""

from __future__ import annotations

import msgspec
from umbral_chat.errors import TooManyRequests
from umbral_chat.model.entries import Role

from umbral_chat_presence.state.context import Context
from umbral_chat_presence.state.deadlines import Deadline, past
from umbral_chat_presence.state.device_state import GONE, HERE, LEAVING, DeviceState, Instant
from umbral_chat_presence.state.people import Person, Slot
from umbral_chat_presence.state.room import Room

HOLDS = 4
"""Times that a held device is renewed within its time to live, and the part of it after which the renewal of a device
of another instance takes it over: soon enough to be here before that instance is given up, should it have crashed, and
late enough that a client whose requests go to two instances in turn does not move with each."""


MOVED = 5.0
"""Seconds for which an instance still says that it had a device which is at another now: the other may not have known,
and learns from it that the person did not just come."""


class Devices:
    """What happens to the devices of a room at this instance, or to one that was with another and comes here."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._instance = context.instance
        self._settings = context.settings

    def admit(self, room: Room, person: Person, device: str, role: Role) -> None:
        """Raise TooManyRequests (`too_many_devices`, `too_many_present`) when there is no place for it."""
        slot, limit = person.mine.get(device), self._settings.devices_per_person
        if slot is not None and slot.claim.phase != GONE:
            return
        here = {claim.device for claim in person.winners(self._instance) if claim.phase == HERE} - {device}
        if len(here) >= limit:
            raise TooManyRequests(
                f"{limit} devices of this person are here already (presence.devices_per_person).",
                code="too_many_devices",
                field="device",
                limit=limit,
                headers=self._retry,
            )
        if room.live >= self.places(role):
            raise self.too_many(role)
        # Who leaves and comes back as another device, again and again, must not fill the room.
        absent = [one for one in person.mine.values() if one.claim.phase != HERE]
        if len(absent) >= 2 * limit:
            self._drop(room, person, min(absent, key=lambda one: one.claim.stamp))

    def too_many(self, role: Role) -> TooManyRequests:
        """The error of a room that is full for somebody of this role."""
        limit = self.places(role)
        return TooManyRequests(
            f"{limit} are in this conversation at this instance (presence.devices).",
            code="too_many_present",
            limit=limit,
            headers=self._retry,
        )

    def places(self, role: Role) -> int:
        """How many devices, and people who type, a conversation may have when one of this role comes: those who answer
        visitors have a tenth more, which visitors do not take."""
        limit = self._settings.devices
        return limit if role == "user" else limit + limit // 10

    def claim(self, room: Room, person: Person, claim: DeviceState, now: Instant) -> None:
        """This device is here, and with this instance. `claim` has no stamp and no `since` yet."""
        until = now.elapsed + claim.ttl
        slot, found = person.mine.get(claim.device), person.winner(claim.device, self._instance)
        if slot is not None and found is not None and found[1]:
            same = msgspec.structs.replace(claim, stamp=slot.claim.stamp, since=slot.claim.since)
            if same == slot.claim:
                slot.until, slot.heard = until, now.wall
                return
        since = now.wall if person.since is None else person.since
        stamp = self._context.hybrid_clock.next(now.wall)
        self._put(room, person, msgspec.structs.replace(claim, stamp=stamp, since=since), until, now)
        room.look(person, now.wall, own=True)

    def renew(self, room: Room, person: Person, device: str, now: Instant) -> bool:
        """Something else was heard of a device; whether it is here."""
        found = person.winner(device, self._instance)
        if found is None or found[0].phase != HERE:
            return False
        claim, own = found
        if own or self._old(person, claim, now):
            self.claim(room, person, claim, now)
        return True

    def leave(self, room: Room, person: Person, device: str, now: Instant) -> bool:
        """A device goes; whether it was here."""
        found = person.winner(device, self._instance)
        if found is None or found[0].phase != HERE:
            return False
        leaving = msgspec.structs.replace(found[0], stamp=self._context.hybrid_clock.next(now.wall), phase=LEAVING)
        slot = self._put(room, person, leaving, now.elapsed + self._settings.hold_back, now)
        if not self._settings.hold_back:
            self._gone(room, person, slot, now)
        room.look(person, now.wall, own=True)
        return True

    def due(self, room: Room, person: Person, device: str, now: Instant) -> bool:
        """The time of a device may have come; whether it is gone now and was not before."""
        slot = person.mine.get(device)
        if slot is None:
            return False
        if not past(slot.until, now.elapsed):
            self._wait(room, person, slot)
            return False
        found = person.winner(device, self._instance)
        went = slot.claim.phase != GONE and found is not None and found[1]
        if went:
            self._gone(room, person, slot, now)
        else:
            self._drop(room, person, slot)
        room.look(person, now.wall, own=True)
        return went

    def settle(self, room: Room, person: Person, now: Instant) -> None:
        """Another instance said something of this person."""
        since = person.since
        for device, slot in list(person.mine.items()):
            found = person.winner(device, self._instance)
            if found is not None and not found[1]:
                if _came_back(slot, found[0]):
                    slot.claim = msgspec.structs.replace(slot.claim, stamp=self._context.hybrid_clock.next(now.wall))
                    self._context.changes.mark(room.conversation)
                elif slot.claim.phase == GONE:
                    self._drop(room, person, slot)
                elif slot.until > now.elapsed + MOVED:
                    slot.until = now.elapsed + MOVED
                    self._wait(room, person, slot)
            elif since is not None and since < slot.claim.since and slot.claim.phase != GONE:
                # Whoever is left when the device goes that came first has been here as long.
                slot.claim = msgspec.structs.replace(slot.claim, since=since)
                self._context.changes.mark(room.conversation)
        room.look(person, now.wall, own=False)

    def _put(self, room: Room, person: Person, claim: DeviceState, until: float, now: Instant) -> Slot:
        slot = person.mine.get(claim.device)
        if slot is None or slot.claim.phase == GONE:
            room.live += 1
            room.gone.pop((person.key, claim.device), None)
        earlier = slot is None or until < slot.until
        if slot is None:
            slot = person.mine[claim.device] = Slot(claim, until, now.wall)
        slot.claim, slot.until, slot.heard = claim, until, now.wall
        if earlier:
            self._wait(room, person, slot)
        self._context.changes.mark(room.conversation)
        return slot

    def _gone(self, room: Room, person: Person, slot: Slot, now: Instant) -> None:
        slot.claim = msgspec.structs.replace(slot.claim, phase=GONE, seen=slot.heard, metadata=None)
        slot.until = now.elapsed + self._settings.longest_ttl
        self._wait(room, person, slot)
        room.live -= 1
        room.gone[person.key, slot.claim.device] = None
        if len(room.gone) > self._settings.devices:
            key, device = next(iter(room.gone))
            oldest = room.people[key]
            self._drop(room, oldest, oldest.mine[device])
            room.look(oldest, now.wall, own=True)
        self._context.changes.mark(room.conversation)

    def _drop(self, room: Room, person: Person, slot: Slot) -> None:
        """This instance does not answer for it any more."""
        device = slot.claim.device
        del person.mine[device]
        if slot.claim.phase == GONE:
            room.gone.pop((person.key, device), None)
        else:
            room.live -= 1
        self._context.changes.mark(room.conversation)

    def _wait(self, room: Room, person: Person, slot: Slot) -> None:
        self._context.deadlines.add(slot.until, Deadline("device", room.conversation, person.key, slot.claim.device))

    def _old(self, person: Person, claim: DeviceState, now: Instant) -> bool:
        """Whether the instance that has this device may have heard nothing of it for a while."""
        known = min((one.at for one in person.others.get(claim.device, {}).values() if one.claim is claim), default=0.0)
        age = max(now.elapsed - known, (now.wall - claim.stamp) / 1000)
        return age >= claim.ttl / HOLDS

    @property
    def _retry(self) -> dict[str, str]:
        return {"Retry-After": str(round(self._settings.ttl))}


def _came_back(slot: Slot, elsewhere: DeviceState) -> bool:
    """Whether a device left at another instance before it was last heard of here: its report changed nothing then, and
    got no stamp, since this instance had not heard that it had left."""
    return slot.claim.phase == HERE and elsewhere.phase != HERE and slot.heard > elsewhere.stamp


__all__ = ["HOLDS", "Devices"]
