"""The engine: everything that one instance knows of who is where and who types. Pure: it is told what happened and at
what moment, and keeps what is to be told until it is taken."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import msgspec
from umbral_chat.errors import InvalidRequest, TooManyRequests
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import Signal
from umbral_chat.providers.presence import PresenceState, Renewal, Report, TypingNow, Viewer

from umbral_chat_presence import telling
from umbral_chat_presence.claims import GONE, HERE, LEAVING, Claim, Moment, Stamps, key_of
from umbral_chat_presence.names import Names
from umbral_chat_presence.people import Person, Slot
from umbral_chat_presence.room import Room
from umbral_chat_presence.roster import Roster, Stop
from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.typists import Span, TypingClaim, Typist

RENEWALS = 3
"""Reports within a time to live: two may be lost."""

HOLDS = 4
"""Times that a held device renews itself within its time to live: often enough to be with this instance before the one
that had it is given up."""

STOPS_KEPT = 4096
"""Ends of typing that are remembered, of all conversations, so that what is heard late does not begin it again."""

PAST_KEPT = 2000
"""Conversations whose people are all gone, and of which it is remembered who was there."""

ASKED_KEPT = 4096
"""Conversations that are known because somebody asked."""

_TOLERANCE = 0.001
"""Seconds that a phase lasts longer, so that a report of the same moment wins."""


class Told(NamedTuple):
    """What is to be told."""

    changed: list[str]
    """Conversations whose readers have something to learn."""
    signals: list[Signal]
    """For channels."""


class Engine:
    """See the module. Calls come in the order of their moments."""

    def __init__(self, settings: PresenceSettings, names: Names, instance: str) -> None:
        self._settings = settings
        self._names = names
        self.instance = instance
        self.rooms: dict[str, Room] = {}
        self.stamps = Stamps()
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._past: OrderedDict[str, None] = OrderedDict()
        self._stops: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()
        self._holds: dict[tuple[str, str, str], int] = {}
        self._due: list[tuple[float, int, _Due]] = []
        self._order = count()
        self._told = Told([], [])
        self.dirty: dict[str, int] = {}
        """Conversations of which this instance has something new to say to others, with the number of the change."""
        self.changes = 0
        """Changes so far, of all conversations."""

    # what happens here

    def report(self, conversation: str, report: Report, now: Moment) -> Renewal:
        """See `Presence.report`."""
        if report.invisible and not self._settings.allow_invisible:
            raise InvalidRequest(
                "Nobody is invisible here (presence.allow_invisible).", code="invalid_field", field="invisible"
            )
        room = self._room(conversation)
        person, ttl = room.person(key_of(report.person)), self._ttl(report.ttl)
        try:
            self._admit(room, person, report.device)
        except TooManyRequests:
            self._look(room, person, now)
            self._drop_if_done(room)
            raise
        claim = Claim(
            stamp=0,
            phase=HERE,
            role=report.person.role,
            id=report.person.id,
            name=report.person.name,
            device=report.device,
            since=0,
            ttl=ttl,
            status=report.status,
            invisible=report.invisible,
            metadata=report.metadata,
        )
        self._claim(room, person, claim, now)
        self.advance(now)
        return Renewal(person.name, ttl, ttl / RENEWALS, room.listed)

    def leave(self, conversation: str, person: Sender, device: str, now: Moment) -> bool:
        """See `Presence.leave`."""
        self.advance(now)
        room, key = self.rooms.get(conversation), key_of(person)
        known = None if room is None else room.people.get(key)
        found = None if known is None else known.winner(device, self.instance)
        if room is None or known is None or found is None or found[0].phase != HERE:
            return False
        leaving = msgspec.structs.replace(found[0], stamp=self.stamps.next(now.wall), phase=LEAVING)
        slot = self._put(room, known, leaving, now.elapsed + self._settings.hold_back, now)
        if not self._settings.hold_back:
            self._gone(room, known, slot, now)
        self._looked_gone(room, known, now)
        self._say(room, now)
        return True

    def renew(self, conversation: str, key: str, device: str, now: Moment) -> bool:
        """See `Presence.renew`; `key` is the person's."""
        renewed = self._renew(conversation, key, device, now)
        self.advance(now)
        return renewed

    def hold(self, conversation: str, key: str, device: str, now: Moment) -> bool:
        """Renew the device now and again until it is let go as often as it was held; whether it is here."""
        if not self.renew(conversation, key, device, now):
            return False
        at = (conversation, key, device)
        held = self._holds.get(at, 0)
        self._holds[at] = held + 1
        if not held:
            self._held(at, now)
        return True

    def let_go(self, conversation: str, key: str, device: str, now: Moment) -> None:
        """Undo one `hold`."""
        at = (conversation, key, device)
        held = self._holds.get(at, 0)
        if held > 1:
            self._holds[at] = held - 1
        elif held:
            del self._holds[at]
        self.renew(conversation, key, device, now)

    def typing(self, conversation: str, person: Sender, typing: bool, seconds: float | None, now: Moment) -> TypingNow:
        """See `Presence.typing`."""
        self.advance(now)
        key = key_of(person)
        if not typing:
            room = self.rooms.get(conversation)
            if room is None:
                self._over(conversation, key, self.stamps.next(now.wall), now)
                return TypingNow(False, 0.0)
            self._stop(room, key, now)
            self._say(room, now)
            return TypingNow(False, 0.0, room.listed)
        room = self._room(conversation)
        if not room.may_type(person.role):
            self._drop_if_done(room)
            return TypingNow(False, 0.0, room.listed)
        if key not in room.typists and len(room.typists) >= self._settings.devices:
            raise self._too_many()
        lasts = self._typing_seconds(person, seconds)
        typist = room.typist(key, person.role, person.id, person.name)
        current = typist.current(now.elapsed, self.instance)
        goes_on = current is not None and current[1] and now.elapsed - typist.renewed < lasts / 2
        stamp = current[0].stamp if current is not None and goes_on else self.stamps.next(now.wall)
        typist.mine = Span(stamp, now.elapsed + lasts)
        self._wake(typist.mine.until, _Due("typing", conversation, key))
        if not goes_on:
            typist.renewed = now.elapsed
            room.pending_typing.add(key)
            room.stirred = True
            self._dirty(room)
        self._say(room, now)
        return TypingNow(True, lasts, room.listed)

    def wrote(self, conversation: str, sender: Sender, at: int | None, now: Moment) -> None:
        """See `Presence.wrote`; `at` in UTC ms."""
        key, room = key_of(sender), self.rooms.get(conversation)
        if at is not None:
            stamp = at
        elif room is None or key not in room.typists:
            stamp = now.wall
        else:
            stamp = self.stamps.next(now.wall)
        if room is None:
            self._over(conversation, key, stamp, now)
        else:
            self._stop(room, key, now, stamp)
            self._say(room, now)

    def forget(self, conversation: str, now: Moment) -> None:
        """See `Presence.forget`."""
        room = self.rooms.pop(conversation, None)
        self._past.pop(conversation, None)
        self._asked.pop(conversation, None)
        if room is not None:
            self._told.changed.append(conversation)
            if room.live or room.gone or any(one.mine for one in room.typists.values()):
                self._dirty(room)
        self.advance(now)

    # what is asked

    def state(self, conversation: str, viewer: Viewer, now: Moment) -> PresenceState:
        """See `Presence.state`."""
        self.advance(now)
        self.asked(conversation, now)
        room = self.rooms.get(conversation) or self._new(conversation)
        presence = room.listing(ids=viewer.ids)
        if viewer.last_seen:
            presence = msgspec.structs.replace(presence, last_seen=room.last_seen(viewer, now.wall))
        return PresenceState(presence, room.typing_list(now.elapsed, ids=viewer.ids))

    def asked(self, conversation: str, now: Moment) -> None:
        """Somebody wants to know of this conversation: what other instances say of it is kept for a while."""
        self._asked[conversation] = now.elapsed
        self._asked.move_to_end(conversation)
        if len(self._asked) > ASKED_KEPT:
            self._unasked(self._asked.popitem(last=False)[0])

    def interesting(self, conversation: str) -> bool:
        """Whether somebody here wants to know of this conversation."""
        room = self.rooms.get(conversation)
        return conversation in self._asked or (room is not None and room.own)

    # other instances

    def learn(self, conversation: str, instance: str, number: int, roster: Roster, now: Moment) -> bool:
        """Another instance says this; whether it was news."""
        if instance == self.instance:
            return False
        self.stamps.saw(roster.stamp)
        if not self.interesting(conversation) or (roster.empty and conversation not in self.rooms):
            return False
        room = self._room(conversation)
        known = room.elsewhere.get(instance)
        typed = {} if known is None else known.typing
        concerned = room.learn(
            instance, number, roster, now.elapsed, lambda key: self._stops.get((conversation, key), (0, 0.0))[0]
        )
        if concerned is None:
            self._drop_if_done(room)
            return False
        for typing in roster.typing:
            self._wake(now.elapsed + typing.left, _Due("typing", conversation, typing.key))
            overridden = self._stops.get((conversation, typing.key), (0, 0.0))[0] >= typing.stamp
            if overridden and typed.get(typing.key) != typing.stamp:
                self._dirty(room)  # the end of it was heard of here, and not there
        for stop in roster.stops:
            self._over(conversation, stop.key, stop.stamp, now)
            self._end(room, stop.key, stop.stamp, own=False)
        for key in concerned:
            self._settle(room, room.person(key), now)
        self._say(room, now)
        return True

    def lost(self, instance: str, now: Moment) -> None:
        """Another instance is heard of no more."""
        self.advance(now)
        for room in list(self.rooms.values()):
            if instance in room.elsewhere:
                for key in room.lost(instance):
                    self._looked_gone(room, room.person(key), now)
                self._say(room, now)

    def roster(self, conversation: str, now: Moment) -> Roster:
        """What this instance says of a conversation."""
        room = self.rooms.get(conversation)
        if room is None:
            return Roster()
        typing, stops = [], {}
        for typist in room.typists.values():
            if typist.mine is not None and typist.mine.until > now.elapsed:
                left = round(typist.mine.until - now.elapsed, 3)
                typing.append(TypingClaim(typist.mine.stamp, typist.role, typist.id, typist.label, left))
        for elsewhere in room.elsewhere.values():
            for key, stamp in elsewhere.typing.items():
                over = self._stops.get((conversation, key), (0, 0.0))[0]
                if over >= stamp:
                    stops[key] = over
        return Roster(
            devices=[slot.claim for person in room.people.values() for slot in person.mine.values()],
            typing=typing,
            stops=[Stop(stamp, key) for key, stamp in stops.items()],
            seen=list(room.seen.values()),
        )

    # time

    def advance(self, now: Moment) -> None:
        """Let time pass until `now`."""
        while self._due and self._due[0][0] <= now.elapsed:
            _, _, due = heapq.heappop(self._due)
            self._came(due, now)
        while self._stops and next(iter(self._stops.values()))[1] <= now.elapsed:
            self._stops.popitem(last=False)
        while self._asked and next(iter(self._asked.values())) + 2 * self._settings.ttl <= now.elapsed:
            self._unasked(self._asked.popitem(last=False)[0])

    @property
    def idle(self) -> bool:
        """Whether time changes nothing."""
        return not (self._due or self._stops or self._asked)

    def take(self) -> Told:
        """What is to be told, once."""
        told, self._told = self._told, Told([], [])
        return told

    def _came(self, due: _Due, now: Moment) -> None:
        if due.what == "hold":
            if self._holds.get((due.conversation, due.key, due.device)):
                self._renew(due.conversation, due.key, due.device, now)
                self._held((due.conversation, due.key, due.device), now)
            return
        room = self.rooms.get(due.conversation)
        if room is None:
            return
        if due.what == "device":
            person = room.people.get(due.key)
            slot = None if person is None else person.mine.get(due.device)
            if person is None or slot is None:
                return
            if slot.until + _TOLERANCE > now.elapsed:
                self._wake(slot.until, due)
                return
            self._ended(room, person, slot, now)
        elif due.what == "typing":
            self._typing_ended(room, due.key, now)
        else:
            room.telling_due = False
        self._say(room, now)

    def _wake(self, at: float, due: _Due) -> None:
        heapq.heappush(self._due, (at + _TOLERANCE, next(self._order), due))

    # devices

    def _renew(self, conversation: str, key: str, device: str, now: Moment) -> bool:
        room = self.rooms.get(conversation)
        person = None if room is None else room.people.get(key)
        found = None if person is None else person.winner(device, self.instance)
        if room is None or person is None or found is None or found[0].phase != HERE:
            return False
        claim, own = found
        if own or self._old(person, claim, now):
            self._claim(room, person, claim, now)
        return True

    def _claim(self, room: Room, person: Person, claim: Claim, now: Moment) -> None:
        """This device is here, and with this instance."""
        until = now.elapsed + claim.ttl
        slot, found = person.mine.get(claim.device), person.winner(claim.device, self.instance)
        if slot is not None and found is not None and found[1]:
            same = msgspec.structs.replace(claim, stamp=slot.claim.stamp, since=slot.claim.since)
            if same == slot.claim:
                slot.until, slot.heard = until, now.wall
                return
        since = min((one.since for one in person.winners(self.instance) if one.phase != GONE), default=now.wall)
        self._put(
            room, person, msgspec.structs.replace(claim, stamp=self.stamps.next(now.wall), since=since), until, now
        )
        self._look(room, person, now)
        self._say(room, now)

    def _put(self, room: Room, person: Person, claim: Claim, until: float, now: Moment) -> Slot:
        slot = person.mine.get(claim.device)
        if slot is None or slot.claim.phase == GONE:
            room.live += 1
            room.gone.pop((person.key, claim.device), None)
        if slot is None:
            slot = person.mine[claim.device] = Slot(claim, until, now.wall)
            self._wake(until, _Due("device", room.conversation, person.key, claim.device))
        else:
            if until < slot.until:
                self._wake(until, _Due("device", room.conversation, person.key, claim.device))
            slot.claim, slot.until, slot.heard = claim, until, now.wall
        self._past.pop(room.conversation, None)
        self._dirty(room)
        return slot

    def _ended(self, room: Room, person: Person, slot: Slot, now: Moment) -> None:
        if slot.claim.phase == GONE:
            self._drop(room, person, slot)
            self._look(room, person, now)
        else:
            self._gone(room, person, slot, now)
            self._looked_gone(room, person, now)

    def _looked_gone(self, room: Room, person: Person, now: Moment) -> None:
        self._look(room, person, now)
        if not person.is_here(self.instance):
            self._stop(room, person.key, now)

    def _gone(self, room: Room, person: Person, slot: Slot, now: Moment) -> None:
        slot.claim = msgspec.structs.replace(slot.claim, phase=GONE, seen=slot.heard, metadata=None)
        slot.until = now.elapsed + self._settings.longest_ttl
        self._wake(slot.until, _Due("device", room.conversation, person.key, slot.claim.device))
        room.live -= 1
        room.gone[person.key, slot.claim.device] = None
        if len(room.gone) > self._settings.devices:
            key, device = next(iter(room.gone))
            oldest = room.people[key]
            self._drop(room, oldest, oldest.mine[device])
            self._look(room, oldest, now)
        self._dirty(room)

    def _drop(self, room: Room, person: Person, slot: Slot) -> None:
        """This instance does not answer for it any more."""
        device = slot.claim.device
        del person.mine[device]
        if slot.claim.phase == GONE:
            room.gone.pop((person.key, device), None)
        else:
            room.live -= 1
        self._dirty(room)

    def _settle(self, room: Room, person: Person, now: Moment) -> None:
        """Another instance said something of this person."""
        for device, slot in list(person.mine.items()):
            found = person.winner(device, self.instance)
            if found is not None and not found[1]:
                self._drop(room, person, slot)
        live = [claim for claim in person.winners(self.instance) if claim.phase != GONE]
        since = min((claim.since for claim in live), default=0)
        for slot in person.mine.values():
            if slot.claim.phase != GONE and slot.claim.since > since:
                # Whoever is left when the device goes that came first has been here as long.
                slot.claim = msgspec.structs.replace(slot.claim, since=since)
                self._dirty(room)
        room.look(person, now.wall, own=False)

    def _look(self, room: Room, person: Person, now: Moment) -> None:
        room.look(person, now.wall, own=True)

    def _admit(self, room: Room, person: Person, device: str) -> None:
        slot = person.mine.get(device)
        if slot is not None and slot.claim.phase != GONE:
            return
        here = {claim.device for claim in person.winners(self.instance) if claim.phase == HERE} - {device}
        if len(here) >= self._settings.devices_per_person:
            raise TooManyRequests(
                f"{self._settings.devices_per_person} devices of this person are here already "
                "(presence.devices_per_person).",
                code="too_many_devices",
                field="device",
                limit=self._settings.devices_per_person,
                headers={"Retry-After": str(round(self._settings.ttl))},
            )
        if room.live >= self._settings.devices:
            raise self._too_many()
        # Who leaves and comes back as another device again and again must not fill the room.
        past = [one for one in person.mine.values() if one.claim.phase != HERE]
        if len(past) >= 2 * self._settings.devices_per_person:
            self._drop(room, person, min(past, key=lambda one: one.claim.stamp))

    def _too_many(self) -> TooManyRequests:
        return TooManyRequests(
            f"{self._settings.devices} devices are in this conversation at this instance (presence.devices).",
            code="too_many_present",
            limit=self._settings.devices,
            headers={"Retry-After": str(round(self._settings.ttl))},
        )

    def _old(self, person: Person, claim: Claim, now: Moment) -> bool:
        """Whether the instance that has this device may have heard nothing of it for a while."""
        heard = [one.at for one in person.others.get(claim.device, {}).values() if one.claim is claim]
        age = max(now.elapsed - min(heard, default=now.elapsed), (now.wall - claim.stamp) / 1000)
        return age >= claim.ttl / HOLDS

    def _held(self, at: tuple[str, str, str], now: Moment) -> None:
        room = self.rooms.get(at[0])
        person = None if room is None else room.people.get(at[1])
        found = None if person is None else person.winner(at[2], self.instance)
        ttl = self._settings.ttl if found is None else found[0].ttl
        self._wake(now.elapsed + ttl / HOLDS, _Due("hold", *at))

    def _ttl(self, wanted: float | None) -> float:
        return self._settings.ttl if wanted is None else min(max(1.0, wanted), self._settings.longest_ttl)

    # typing

    def _typing_seconds(self, person: Sender, wanted: float | None) -> float:
        settings = self._settings
        usual = settings.assistant_typing_ttl if person.role == "assistant" else settings.typing_ttl
        return usual if wanted is None else min(max(1.0, wanted), settings.longest_typing)

    def _over(self, conversation: str, key: str, stamp: int, now: Moment) -> None:
        """Remember that what this person began to type up to `stamp` is over."""
        known = self._stops.pop((conversation, key), (0, 0.0))[0]
        self._stops[conversation, key] = (max(known, stamp), now.elapsed + self._settings.longest_typing)
        if len(self._stops) > STOPS_KEPT:
            self._stops.popitem(last=False)

    def _stop(self, room: Room, key: str, now: Moment, stamp: int | None = None) -> None:
        """Here it was heard that this person types no more."""
        if stamp is None:
            if key not in room.typists:
                return
            stamp = self.stamps.next(now.wall)
        self._over(room.conversation, key, stamp, now)
        self._end(room, key, stamp, own=True)

    def _end(self, room: Room, key: str, stamp: int, *, own: bool) -> None:
        typist = room.typists.get(key)
        if typist is None:
            return
        mine = typist.mine
        if not typist.end(stamp):
            return
        room.stirred = True
        self._dirty(room)
        if own or mine is not typist.mine:
            room.pending_typing.add(key)
        elif typist.mine is None and not typist.others:
            typist.told = False

    def _typing_ended(self, room: Room, key: str, now: Moment) -> None:
        typist = room.typists.get(key)
        if typist is None:
            return
        if typist.mine is not None:
            if typist.mine.until <= now.elapsed:
                typist.mine = None
                room.stirred = True
                room.pending_typing.add(key)
                self._dirty(room)
            else:
                self._wake(typist.mine.until, _Due("typing", room.conversation, key))
        ended = [other for other, span in typist.others.items() if span.until <= now.elapsed]
        for other in ended:
            del typist.others[other]
            room.stirred = True
        if ended and typist.mine is None and not typist.others and key not in room.pending_typing:
            typist.told = False  # the instance at which it began has told so
        if typist.others:
            self._wake(max(span.until for span in typist.others.values()), _Due("typing", room.conversation, key))

    # rooms

    def _room(self, conversation: str) -> Room:
        room = self.rooms.get(conversation)
        if room is None:
            room = self.rooms[conversation] = self._new(conversation)
        return room

    def _new(self, conversation: str) -> Room:
        return Room(conversation, self.instance, self._settings, lambda key: self._names.name(conversation, key))

    def _dirty(self, room: Room) -> None:
        self.changes += 1
        self.dirty[room.conversation] = self.changes

    def _say(self, room: Room, now: Moment) -> None:
        """Tell what there is to tell of a room, now or when a second has passed since the last time."""
        if room.stirred or room.pending or room.pending_typing:
            due = room.last_told + telling.EVERY
            if due <= now.elapsed:
                self._tell(room, now)
            elif not room.telling_due:
                room.telling_due = True
                self._wake(due, _Due("telling", room.conversation))
        self._drop_if_done(room)

    def _tell(self, room: Room, now: Moment) -> None:
        before = len(self._told.signals)
        self._told.signals.extend(telling.signals(room, now.elapsed, self._settings.hidden_roles))
        news = telling.news(room, now.elapsed)
        if news:
            self._told.changed.append(room.conversation)
        if news or before < len(self._told.signals):
            room.last_told = now.elapsed
        for key in [key for key, one in room.typists.items() if _over_and_told(one)]:
            del room.typists[key]

    def _unasked(self, conversation: str) -> None:
        room = self.rooms.get(conversation)
        if room is not None:
            self._drop_if_done(room)

    def _drop_if_done(self, room: Room) -> None:
        """Nobody of this instance is here, and nobody asks: forget all but who was here."""
        conversation = room.conversation
        if room.busy or conversation in self._asked or conversation in self._past or conversation not in self.rooms:
            return
        del self.rooms[conversation]
        if room.seen:
            past = self.rooms[conversation] = self._new(conversation)
            past.seen = room.seen
            self._past[conversation] = None
            if len(self._past) > PAST_KEPT:
                self.rooms.pop(self._past.popitem(last=False)[0], None)

    def typists(self) -> Iterator[Typist]:
        """Everybody who types."""
        for room in self.rooms.values():
            yield from room.typists.values()


class _Due(NamedTuple):
    what: str
    conversation: str
    key: str = ""
    device: str = ""


def _over_and_told(typist: Typist) -> bool:
    return typist.mine is None and not typist.others and not typist.told


__all__ = ["ASKED_KEPT", "HOLDS", "PAST_KEPT", "RENEWALS", "STOPS_KEPT", "Engine", "Told"]
