"""Notifications: what readers and channels learn of changes in a room, combined, at most once a second. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from umbral_chat.model.entries import Role
from umbral_chat.model.signals import PersonThere, PresenceSignal, Signal, TypingSignal

from umbral_chat_presence.state.room import Room

MIN_INTERVAL = 1.0
"""Least seconds between two notifications of one room: changes in between are combined, so that a room in which
everybody changes costs as much as one in which a single person does."""


def state_changed(room: Room, now: float) -> bool:
    """Whether the state differs from that at the last notification. A person who joined and left since is no change."""
    if not room.changed:
        return False
    room.changed = False
    typing = tuple((one.person, one.role, one.name) for one in room.typing_list(now, ids=True))
    state = (room.listing(ids=True).version, typing)
    if state == room.notified_state:
        return False
    room.notified_state = state
    return True


def signals(room: Room, now: float, hidden: Collection[Role], *, known: bool) -> Iterator[Signal]:
    """The signals for channels, of what changed at this instance. None of people until it is `known` who is at other
    instances: a person who moves here from there does not join."""
    if room.pending and known:
        signal = _presence_signal(room, hidden)
        if signal is not None:
            yield signal
    yield from _typing_signals(room, now, hidden)


def _presence_signal(room: Room, hidden: Collection[Role]) -> PresenceSignal | None:
    public = room.listing(ids=False)
    joined: list[PersonThere] = []
    left: list[str] = []
    changed: list[PersonThere] = []
    returning = public.listed and not room.signalled_listed
    for key in room.visible.keys() | room.pending if returning else room.pending:
        person = room.people.get(key)
        before = room.announced.get(key)
        now = None if person is None or person.summary is None else person.summary.there
        if now is not None and now.role in hidden:
            now = None
        if returning:
            before = None
        if before == now:
            continue
        if now is None:
            room.announced.pop(key, None)
            left.append(room.name(key))
        else:
            room.announced[key] = now
            (joined if before is None else changed).append(now)
    room.pending.clear()
    was, room.signalled_listed = room.signalled_listed, public.listed
    version, room.signalled_version = room.signalled_version, public.version
    if not public.listed:
        if version == public.version and not was:
            return None
        return _signal_of(room, public.version, public.count, [], [], [], listed=False)
    if not (joined or left or changed):
        return None
    return _signal_of(room, public.version, public.count, joined, left, changed, listed=True)


def _signal_of(
    room: Room,
    version: str,
    count: int,
    joined: list[PersonThere],
    left: list[str],
    changed: list[PersonThere],
    *,
    listed: bool,
) -> PresenceSignal:
    return PresenceSignal(
        conversation=room.conversation,
        version=version,
        count=count,
        joined=sorted(joined, key=lambda one: one.person),
        left=sorted(left),
        changed=sorted(changed, key=lambda one: one.person),
        listed=listed,
    )


def _typing_signals(room: Room, now: float, hidden: Collection[Role]) -> Iterator[TypingSignal]:
    for key in sorted(room.pending_typing):
        typist = room.typists.get(key)
        if typist is None or typist.role in hidden:
            continue
        current = typist.current(now, room.instance) if room.is_typing(typist, now) else None
        if current is None and not typist.signalled:
            continue
        typist.signalled = current is not None
        yield TypingSignal(
            conversation=room.conversation,
            person=typist.name,
            role=typist.role,
            name=typist.label,
            typing=typist.signalled,
            expires_in=0.0 if current is None else round(current[0].until - now, 3),
        )
    room.pending_typing.clear()


__all__ = ["MIN_INTERVAL", "signals", "state_changed"]
