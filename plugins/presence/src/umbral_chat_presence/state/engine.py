"""The engine: the whole presence state of one instance. Pure: callers pass each event with its time, and take the
notifications that it collects."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from umbral_chat.errors import InvalidRequest, TooManyRequests
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import Signal
from umbral_chat.providers.presence import PresenceState, Renewal, Report, TypingNow, Viewer
from umbral_chat.providers.presence_reports import ReportLimits

from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state import notifications
from umbral_chat_presence.state.context import Changes, Context
from umbral_chat_presence.state.deadlines import Deadline
from umbral_chat_presence.state.device_state import GONE, HERE, DeviceState, Instant, key_of, keys_of, kind_of
from umbral_chat_presence.state.devices import HOLD_RENEWALS, Devices
from umbral_chat_presence.state.people import Person
from umbral_chat_presence.state.pseudonyms import Pseudonyms
from umbral_chat_presence.state.room import Room
from umbral_chat_presence.state.rooms import Rooms
from umbral_chat_presence.state.roster import LastSeenRecord, Roster
from umbral_chat_presence.state.typing import TypingTracker

RENEWALS = 3
"""Reports that clients make within a time to live: two may be lost."""

ANNOUNCE_DELAY = 1.0
"""Seconds without signals of people after this instance begins to follow a conversation, unless it knows sooner who is
at other instances."""

HoldKey = tuple[str, str, str]
"""Conversation, person and device."""


class Notifications(NamedTuple):
    """The notifications to deliver."""

    changed: list[str]
    """Conversations whose readers are to be notified."""
    signals: list[Signal]
    """Signals to publish on channels."""


class Engine:
    """See the module. Times of calls never decrease."""

    def __init__(
        self,
        settings: PresenceSettings,
        names: Pseudonyms,
        instance: str,
        known: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`known` returns whether the other instances' rosters of a conversation are known here."""
        self.rooms = Rooms(settings, names, instance)
        self.instance = instance
        self._settings = settings
        self._known = known
        self._context = Context(settings, instance)
        self._devices = Devices(self._context)
        self._typing_tracker = TypingTracker(self._context)
        self._holds: dict[HoldKey, int] = {}
        self._empty_states: dict[Viewer, PresenceState] = {}
        """The state of an empty conversation by viewer, made once: it is what most polls ask for."""
        self._pending = Notifications([], [])

    @property
    def changes(self) -> Changes:
        """The conversations whose rosters changed here, for replication."""
        return self._context.changes

    # events at this instance

    def report(self, conversation: str, report: Report, now: Instant) -> Renewal:
        """See `Presence.report`."""
        if report.invisible and not self._settings.allow_invisible:
            raise InvalidRequest(
                "Being invisible is not allowed here (presence.allow_invisible).",
                code="invalid_field",
                field="invisible",
            )
        self.rooms.follow(conversation, now)
        self._check_log(conversation, now)
        room, wanted = self.rooms.get_or_create(conversation, now), report.ttl
        person = room.person(key_of(report.person))
        ttl = self._settings.ttl if wanted is None else min(max(1.0, wanted), self._settings.longest_ttl)
        try:
            self._devices.admit(room, person, report.device, report.person.role)
            self._devices.record(room, person, _device_state(report, ttl), now)
        except TooManyRequests:
            room.update_person(person, now.wall, own=True)
            raise
        finally:
            self._schedule_notify(room, now)
        self.advance(now)
        return Renewal(person.name, ttl, ttl / RENEWALS, room.listed)

    def leave(self, conversation: str, sender: Sender, device: str, now: Instant) -> bool:
        """See `Presence.leave`."""
        self.advance(now)
        room, person = self.rooms.find(conversation, key_of(sender))
        if room is None or person is None or not self._devices.leave(room, person, device, now):
            return False
        self._stop_typing_if_absent(room, person, now)
        self._schedule_notify(room, now)
        return True

    def renew(self, conversation: str, key: str, device: str, now: Instant) -> bool:
        """See `Presence.renew`; `key` is the person's."""
        renewed = self._renew((conversation, key, device), now)
        self.advance(now)
        return renewed

    def hold(self, conversation: str, key: str, device: str, now: Instant) -> bool:
        """Renew the device now and periodically until `release_hold` was called as often; returns whether it is
        here."""
        held = (conversation, key, device)
        if not self.renew(*held, now):
            return False
        self._holds[held] = self._holds.get(held, 0) + 1
        if self._holds[held] == 1:
            self._schedule_hold(held, now)
        return True

    def release_hold(self, conversation: str, key: str, device: str, now: Instant) -> None:
        """Undo one `hold`."""
        held = (conversation, key, device)
        self._holds[held] = self._holds.get(held, 1) - 1
        if not self._holds[held]:
            del self._holds[held]
        self.renew(*held, now)

    def typing(self, conversation: str, person: Sender, typing: bool, seconds: float | None, now: Instant) -> TypingNow:
        """See `Presence.typing`."""
        self.advance(now)
        self._check_log(conversation, now)
        key = key_of(person)
        if not typing and conversation not in self.rooms.all:
            self._typing_tracker.tombstones.add(
                conversation, key, self._context.hybrid_clock.next(now.wall), now.elapsed
            )
            return TypingNow(False, 0.0)
        room = self.rooms.get_or_create(conversation, now)
        if not typing:
            self._typing_tracker.end_up_to(room, key, self._context.hybrid_clock.next(now.wall), now)
            answer = TypingNow(False, 0.0, room.listed)
        elif key not in room.typists and len(room.typists) >= self._devices.capacity(person.role):
            raise self._devices.too_many_error(person.role)
        else:
            answer = self._typing_tracker.start(room, person, seconds, now)
        self._schedule_notify(room, now)
        return answer

    def wrote(self, conversation: str, sender: Sender, at: int | None, now: Instant) -> None:
        """See `Presence.wrote`; `at` in UTC ms."""
        room = self.rooms.all.get(conversation)
        for key in keys_of(sender):
            if room is None:
                self._typing_tracker.tombstones.add(conversation, key, now.wall if at is None else at, now.elapsed)
                continue
            stamp = at
            if stamp is None:
                stamp = self._context.hybrid_clock.next(now.wall) if key in room.typists else now.wall
            self._typing_tracker.end_up_to(room, key, stamp, now)
        if room is not None:
            self._schedule_notify(room, now)

    def forget(self, conversation: str, now: Instant) -> None:
        """See `Presence.forget`."""
        room = self.rooms.forget(conversation)
        if room is not None:
            self._pending.changed.append(conversation)
            if room.own:
                self.changes.mark(conversation)
        self.advance(now)

    # queries

    def state(self, conversation: str, viewer: Viewer, now: Instant) -> PresenceState:
        """See `Presence.state`."""
        self.rooms.follow(conversation, now)
        self.advance(now)
        self._check_log(conversation, now)
        room = self.rooms.all.get(conversation)
        if room is None:
            if viewer not in self._empty_states:
                self._empty_states[viewer] = self._state(self.rooms.empty(conversation), viewer, now)
            return self._empty_states[viewer]
        return self._state(room, viewer, now)

    def _state(self, room: Room, viewer: Viewer, now: Instant) -> PresenceState:
        presence = room.listing(ids=viewer.ids)
        if viewer.last_seen:
            presence = msgspec.structs.replace(presence, last_seen=room.last_seen(viewer, now.wall))
        return PresenceState(presence, room.typing_list(now.elapsed, ids=viewer.ids))

    def has_roster(self, conversation: str) -> bool:
        """Whether this instance's roster of the conversation has any content."""
        room = self.rooms.all.get(conversation)
        return room is not None and (room.own or bool(room.seen))

    @property
    def bounds(self) -> ReportLimits:
        """What a report may ask for."""
        return self._settings.bounds

    @property
    def last_seen(self) -> float:
        """Seconds for which it is kept who was present."""
        return self._settings.last_seen

    # other instances

    def apply_roster(self, conversation: str, instance: str, number: int, roster: Roster, now: Instant) -> bool:
        """Apply another instance's roster; returns whether it was newer than the known one."""
        self._context.hybrid_clock.saw(roster.stamp)
        if instance == self.instance or not self.rooms.is_relevant(conversation):
            return False
        if not roster.concerns(self._check_log(conversation, now)):
            return False
        room = self.rooms.get_or_create(conversation, now)
        known = room.remote_rosters.get(instance)
        typed = {} if known is None else known.typing
        concerned = room.apply_roster(
            instance,
            number,
            roster,
            now.elapsed,
            lambda key: self._typing_tracker.tombstones.stamp_of(conversation, key),
        )
        if concerned is None:
            return False
        self._typing_tracker.apply_roster(room, roster, typed, now)
        for key in concerned:
            person = room.person(key)
            self._devices.reconcile(room, person, now)
            room.announced_by_others(person)
        self._schedule_notify(room, now)
        return True

    def others_known(self, conversation: str, now: Instant) -> None:
        """The other instances' rosters of this conversation are known from now on."""
        room = self.rooms.all.get(conversation)
        if room is not None and room.pending:
            self._notify(room, now)

    def record_last_seen(self, conversation: str, roster: Roster, now: Instant) -> None:
        """Take who was present from a stored roster, whose instance may be dead."""
        gone = [one for one in roster.devices if one.phase == GONE and not one.invisible]
        seen = [*roster.seen, *(LastSeenRecord(one.seen, one.role, one.id, one.name, one.kind) for one in gone)]
        if seen and self.rooms.is_relevant(conversation) and roster.concerns(self._check_log(conversation, now)):
            room = self.rooms.get_or_create(conversation, now)
            for one in seen:
                room.record_last_seen(one, roster.epoch)

    def instance_lost(self, instance: str, now: Instant) -> None:
        """Another instance is taken for dead: drop its rosters."""
        self.advance(now)
        for room in list(self.rooms.all.values()):
            self._drop_instance(room, instance, now)

    def roster(self, conversation: str, now: Instant) -> Roster:
        """This instance's roster of a conversation."""
        room = self.rooms.all.get(conversation)
        if room is None:
            return Roster()
        return Roster(
            devices=[owned.state for person in room.people.values() for owned in person.mine.values()],
            typing=self._typing_tracker.spans(room, now),
            stops=self._typing_tracker.tombstones_for_others(room),
            seen=[one.seen for one in room.seen.values()],
            epoch=room.epoch or "",
        )

    # time

    def advance(self, now: Instant) -> None:
        """Process all deadlines up to `now`."""
        while (due := self._context.deadlines.pop(now.elapsed)) is not None:
            self._on_deadline(due, now)
        self._typing_tracker.tombstones.sweep(now.elapsed)
        self.rooms.sweep(now)

    @property
    def idle(self) -> bool:
        """Whether the passage of time changes nothing."""
        return not (self._context.deadlines or self._typing_tracker.tombstones or self.rooms.any_followed)

    @property
    def has_pending(self) -> bool:
        """Whether there are notifications to deliver, or rosters to replicate."""
        return bool(self._pending.changed or self._pending.signals or self.changes.dirty)

    def take_notifications(self) -> Notifications:
        """The notifications since the last call."""
        taken, self._pending = self._pending, Notifications([], [])
        return taken

    def _on_deadline(self, due: Deadline, now: Instant) -> None:
        held = (due.conversation, due.key, due.device)
        room, person = self.rooms.find(due.conversation, due.key)
        if due.what == "hold" and held in self._holds:
            self._renew(held, now)
            self._schedule_hold(held, now)
        elif room is not None:
            if due.what == "device":
                if person is not None and self._devices.on_deadline(room, person, due.device, now):
                    self._stop_typing_if_absent(room, person, now)
            elif due.what == "typing":
                self._typing_tracker.on_deadline(room, due.key, now)
            elif due.what == "notify":
                room.notify_scheduled = False
            self._schedule_notify(room, now)

    def _renew(self, held: HoldKey, now: Instant) -> bool:
        room, person = self.rooms.find(held[0], held[1])
        if room is None or person is None or not self._devices.renew(room, person, held[2], now):
            return False
        self._schedule_notify(room, now)
        return True

    def _schedule_hold(self, held: HoldKey, now: Instant) -> None:
        _, person = self.rooms.find(held[0], held[1])
        found = None if person is None else person.winner(held[2], self.instance)
        ttl = self._settings.ttl if found is None else found[0].ttl
        self._context.deadlines.add(now.elapsed + ttl / HOLD_RENEWALS, Deadline("hold", *held))

    def _stop_typing_if_absent(self, room: Room, person: Person, now: Instant) -> None:
        """A device left: a person who is not here any more does not type."""
        if not person.is_here(self.instance):
            self._typing_tracker.stop(room, person.key, now)

    # rooms

    def _check_log(self, conversation: str, now: Instant) -> str | None:
        """Return the log's epoch, None if unknown. People of an earlier log of the same id are forgotten."""
        epoch, room = self.rooms.epoch_of(conversation), self.rooms.all.get(conversation)
        if epoch is None or room is None or room.epoch == epoch:
            return epoch
        if room.epoch is not None:
            self.forget(conversation, now)
            return epoch
        room.epoch = epoch
        for instance in room.purge_other_logs(epoch):
            self._drop_instance(room, instance, now)
        return epoch

    def _drop_instance(self, room: Room, instance: str, now: Instant) -> None:
        for key in room.instance_lost(instance):
            person = room.person(key)
            room.update_person(person, now.wall, own=True)
            self._stop_typing_if_absent(room, person, now)
        self._schedule_notify(room, now)

    def _schedule_notify(self, room: Room, now: Instant) -> None:
        """Notify of a room's changes, now or as soon as `MIN_INTERVAL` allows; then release the room."""
        if room.changed or room.pending or room.pending_typing:
            due = room.last_notified + notifications.MIN_INTERVAL
            if due <= now.elapsed:
                self._notify(room, now)
            if not room.notify_scheduled and (room.changed or room.pending or room.pending_typing):
                room.notify_scheduled = True
                self._context.deadlines.add(max(due, now.elapsed + 0.25), Deadline("notify", room.conversation))
        self.rooms.release(room)

    def _notify(self, room: Room, now: Instant) -> None:
        known = now.elapsed - room.followed_since >= ANNOUNCE_DELAY or self._known(room.conversation)
        signals = list(notifications.signals(room, now.elapsed, self._settings.hidden_roles, known=known))
        changed = notifications.state_changed(room, now.elapsed)
        self._pending.signals.extend(signals)
        if changed:
            self._pending.changed.append(room.conversation)
        if changed or signals:
            room.last_notified = now.elapsed
        room.forget_typists()


def _device_state(report: Report, ttl: float) -> DeviceState:
    return DeviceState(
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
        kind=kind_of(report.person),
    )


__all__ = ["RENEWALS", "Engine", "Notifications"]
