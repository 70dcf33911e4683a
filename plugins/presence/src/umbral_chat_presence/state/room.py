"""Room: the people of one conversation and who types, merged over the instances. Pure, and without deadlines."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from umbral_chat.model.entries import Role
from umbral_chat.model.signals import PersonThere
from umbral_chat.providers.presence import PersonSeen, PersonTyping, PresenceList, Viewer

from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state.device_state import DeviceState, Kind
from umbral_chat_presence.state.people import Person, PersonSummary, RemoteState
from umbral_chat_presence.state.roster import LastSeenRecord, Roster
from umbral_chat_presence.state.typists import GRACE, Span, TypingSpan, TypingState
from umbral_chat_presence.state.views import listing_of, moment


@dataclass(slots=True)
class RemoteRoster:
    """The last roster of another instance for this room."""

    number: int
    devices: dict[tuple[str, str], DeviceState] = field(default_factory=dict)
    """By person and device."""
    typing: dict[str, int] = field(default_factory=dict)
    """Stamps by person, of typing that has ended, too."""
    lost: bool = False
    epoch: str = ""


class LastSeenInLog(NamedTuple):
    """A person who was present, and the epoch of the log at that time; empty where it was not known yet."""

    seen: LastSeenRecord
    epoch: str


class Room:
    """The state of one conversation. `announced`, `notified_*` and `signalled_*` are what `notifications` last sent."""

    def __init__(
        self, conversation: str, instance: str, settings: PresenceSettings, name: Callable[[str], str]
    ) -> None:
        self.conversation = conversation
        self.epoch: str | None = None
        """The epoch of the log; None while it is not known."""
        self.instance = instance
        self.name = name
        """Returns the pseudonym of a person's key."""
        self._settings = settings
        self.people: dict[str, Person] = {}
        self.visible: dict[str, Person] = {}
        """The people who are shown to viewers: those with a summary."""
        self.counts: Counter[Role] = Counter()
        self.live = 0
        """Number of devices of this instance that are here or leaving."""
        self.gone: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Devices of this instance that are gone, by person and device; the oldest first."""
        self.typists: dict[str, TypingState] = {}
        self.seen: OrderedDict[str, LastSeenInLog] = OrderedDict()
        """People who were present, the longest absent first."""
        self.remote_rosters: dict[str, RemoteRoster] = {}
        self.pending: set[str] = set()
        """People whose change at this instance is still to be signalled to channels."""
        self.pending_typing: set[str] = set()
        self.changed = False
        """Something changed since readers were last notified."""
        self.last_notified = float("-inf")
        self.followed_since = float("-inf")
        """When this instance began to follow the conversation, in elapsed seconds."""
        self.notify_scheduled = False
        self.announced: dict[str, PersonThere] = {}
        self.notified_state: object = None
        self.signalled_version: str | None = None
        self.signalled_listed = True
        self._lists: dict[bool, PresenceList] = {}

    @property
    def listed(self) -> bool:
        """Whether few enough people are here to be named."""
        return len(self.visible) <= self._settings.listed_people

    @property
    def own(self) -> bool:
        """Whether this instance's roster holds devices or typing: more than who was present."""
        return self.live > 0 or bool(self.gone) or any(one.mine is not None for one in self.typists.values())

    @property
    def busy(self) -> bool:
        """Whether the room has devices or typing of this instance, or a notification to send."""
        return self.own or self.notify_scheduled or bool(self.pending or self.pending_typing) or self.changed

    # people

    def person(self, key: str) -> Person:
        """The person with this key, made when there is none."""
        found = self.people.get(key)
        if found is None:
            found = self.people[key] = Person(key, self.name(key))
        return found

    def update_person(self, person: Person, wall: int, *, own: bool) -> None:
        """Update the lists after devices of `person` changed; `own`: by an event at this instance."""
        before = person.summary
        person.update(self.instance)
        now = person.summary
        if person.empty:
            self.people.pop(person.key, None)
        if before == now:
            return
        if before is not None:
            self.counts[before.public.role] -= 1
        if now is not None:
            self.counts[now.public.role] += 1
            self.visible[person.key] = person
            self.seen.pop(person.key, None)
        else:
            self.visible.pop(person.key, None)
            self._record_departure(person, wall)
        self._lists.clear()
        self.changed = True
        if own:
            self.pending.add(person.key)
        elif person.key not in self.pending:
            self._set_announced(person.key, now)

    def announced_by_others(self, person: Person) -> None:
        """A person was at another instance before it came here, and was announced there: it does not join again."""
        if person.key in self.pending and person.key not in self.announced:
            there = person.remote_summary()
            if there is not None and there.role not in self._settings.hidden_roles:
                self.announced[person.key] = there

    def _set_announced(self, key: str, summary: PersonSummary | None) -> None:
        if summary is None or summary.public.role in self._settings.hidden_roles:
            self.announced.pop(key, None)
        else:
            self.announced[key] = summary.there

    def record_last_seen(self, seen: LastSeenRecord, epoch: str = "") -> None:
        """Keep that a person was present, in the log of this epoch if that is known."""
        known = self.seen.get(seen.key)
        if self._settings.last_seen and seen.key not in self.visible and (known is None or known.seen.at < seen.at):
            self.seen[seen.key] = LastSeenInLog(seen, epoch)
            self.seen.move_to_end(seen.key)
            if len(self.seen) > self._settings.listed_people:
                self.seen.popitem(last=False)

    def _record_departure(self, person: Person, wall: int) -> None:
        states = list(person.winners(self.instance))
        if person.invisible or not states:
            return
        newest = max(states, key=lambda state: (state.stamp, state.device))
        at = max((state.seen for state in states), default=0) or wall
        instances = {instance for remote in person.others.values() for instance in remote}
        epochs = {self.remote_rosters[instance].epoch for instance in instances if instance in self.remote_rosters}
        epoch = epochs.pop() if len(epochs) == 1 and not person.mine else self.epoch or ""
        self.record_last_seen(LastSeenRecord(at, newest.role, newest.id, newest.name, newest.kind), epoch)

    # other instances

    def apply_roster(
        self, instance: str, number: int, roster: Roster, now: float, stopped: Callable[[str], int]
    ) -> set[str] | None:
        """Apply another instance's roster. Returns the keys of the people whose devices changed; None when the roster
        is not newer than the known one. `stopped` returns the stamp up to which a person's typing has ended."""
        known = self.remote_rosters.get(instance)
        if known is not None and number < known.number + (not known.lost):
            return None
        before, typed = ({}, {}) if known is None else (known.devices, known.typing)
        after = {(state.key, state.device): state for state in roster.devices}
        types = {typing.key: typing.stamp for typing in roster.typing}
        self.remote_rosters[instance] = RemoteRoster(number, after, types, epoch=roster.epoch)
        concerned = {self._remove_remote_device(instance, *at) for at in before.keys() - after.keys()}
        for (key, device), state in after.items():
            if before.get((key, device)) != state:
                self.person(key).others.setdefault(device, {})[instance] = RemoteState(state, now)
                concerned.add(key)
        for key in typed.keys() - types.keys():
            self._end_remote_typing(instance, key)
        for typing in roster.typing:
            if typing.stamp > stopped(typing.key):
                self._set_remote_typing(instance, typing, now)
        for seen in roster.seen:
            self.record_last_seen(seen, roster.epoch)
        return concerned

    def _set_remote_typing(self, instance: str, typing: TypingSpan, now: float) -> None:
        typist = self.typist(typing.key, typing.role, typing.id, typing.name, typing.kind)
        old, until = typist.others.get(instance), now + typing.left + GRACE
        if old is not None and old.stamp == typing.stamp:
            until = min(until, old.until)
        typist.others[instance] = Span(typing.stamp, until)
        typist.signalled = True  # by the instance at which it began
        self.changed = True

    def instance_lost(self, instance: str) -> set[str]:
        """Drop the roster of an instance that is taken for dead; returns the keys of the people whose devices changed.
        The former owners of devices that it had taken over have dropped them by now."""
        known = self.remote_rosters.get(instance)
        if known is None:
            return set()
        concerned = {self._remove_remote_device(instance, *at) for at in known.devices}
        for key in known.typing:
            self._end_remote_typing(instance, key)
        # Should the instance return, its last roster is applied again.
        self.remote_rosters[instance] = RemoteRoster(known.number, lost=True)
        return concerned

    def purge_other_logs(self, epoch: str) -> list[str]:
        """Forget who was present in other logs than that of `epoch`; returns the instances with such rosters."""
        found = [instance for instance, one in self.remote_rosters.items() if one.epoch not in {"", epoch}]
        for key, one in list(self.seen.items()):
            # Where a roster is of another log, people of an unknown log may have been in that one.
            if one.epoch not in ({epoch} if found else {"", epoch}):
                del self.seen[key]
        return found

    def _remove_remote_device(self, instance: str, key: str, device: str) -> str:
        others = self.person(key).others
        of_device = others.get(device, {})
        of_device.pop(instance, None)
        if not of_device:
            others.pop(device, None)
        return key

    # typing

    def typist(self, key: str, role: Role, id: str | None, label: str | None, kind: Kind) -> TypingState:  # noqa: A002
        """The typing state of a person, made when there is none."""
        found = self.typists.get(key)
        if found is None:
            found = self.typists[key] = TypingState(key, self.name(key), role, id, label, kind)
        found.role, found.label = role, label
        return found

    def _end_remote_typing(self, instance: str, key: str) -> None:
        typist = self.typists.get(key)
        if typist is not None and typist.others.pop(instance, None) is not None:
            self.changed = True
            if typist.mine is None and key not in self.pending_typing:
                typist.signalled = False

    def forget_typists(self) -> None:
        """Drop the typing states that have ended and been signalled."""
        for key in [
            key for key, one in self.typists.items() if one.mine is None and not one.others and not one.signalled
        ]:
            del self.typists[key]

    def may_type(self, role: Role) -> bool:
        """Whether typing of this role is shown: with too many people, only the assistant's."""
        return role == "assistant" or self.listed

    def active_typists(self, now: float) -> Iterator[TypingState]:
        """The typing states that are shown now."""
        for typist in self.typists.values():
            if self.is_typing(typist, now):
                yield typist

    def is_typing(self, typist: TypingState, now: float) -> bool:
        """Whether this person is shown as typing."""
        if typist.current(now, self.instance) is None or not self.may_type(typist.role):
            return False
        person = self.people.get(typist.key)
        return person is None or not person.invisible

    # what is shown

    def listing(self, *, ids: bool) -> PresenceList:
        """The list of people, for viewers who see ids or not."""
        found = self._lists.get(ids)
        if found is None:
            found = self._lists[ids] = listing_of(
                self.visible.values(),
                self.counts,
                limit=self._settings.listed_people,
                hidden=None if ids else self._settings.hidden_roles,
            )
        return found

    def typing_list(self, now: float, *, ids: bool) -> list[PersonTyping]:
        """The people who type, for viewers who see ids or not."""
        return [
            PersonTyping(person=one.name, role=one.role, name=one.label, id=one.id if ids else None)
            for one in sorted(self.active_typists(now), key=lambda one: one.name)
            if ids or one.role not in self._settings.hidden_roles
        ]

    def last_seen(self, viewer: Viewer, wall: int) -> list[PersonSeen]:
        """The people who left recently, the latest first."""
        since = wall - round(1000 * self._settings.last_seen)
        return [
            PersonSeen(
                person=self.name(key),
                role=one.role,
                name=one.name,
                id=one.id if viewer.ids else None,
                last_seen=moment(one.at),
            )
            for key, (one, _) in sorted(self.seen.items(), key=lambda item: -item[1].seen.at)
            if one.at >= since and (viewer.ids or one.role not in self._settings.hidden_roles)
        ]


__all__ = ["RemoteRoster", "Room"]
