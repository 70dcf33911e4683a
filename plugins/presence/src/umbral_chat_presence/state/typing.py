"""TypingTracker: typing starts, is renewed and ends at one instance. Pure."""

from __future__ import annotations

from umbral_chat.model.entries import Sender
from umbral_chat.providers.presence import TypingNow

from umbral_chat_presence.state.context import Context
from umbral_chat_presence.state.deadlines import Deadline, past
from umbral_chat_presence.state.device_state import Instant, key_of, kind_of
from umbral_chat_presence.state.room import Room
from umbral_chat_presence.state.roster import Roster, TypingTombstone
from umbral_chat_presence.state.typing_tombstones import TypingTombstones
from umbral_chat_presence.state.typists import Span, TypingSpan

MIN_SECONDS = 1.0
"""Shortest duration of typing, in seconds: a shorter one would end before anybody is notified."""


class TypingTracker:
    """Applies reports, messages, rosters and deadlines to the typing states of a room."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._instance = context.instance
        self._settings = context.settings
        self.tombstones = TypingTombstones(context.settings.longest_typing)

    def start(self, room: Room, person: Sender, seconds: float | None, now: Instant) -> TypingNow:
        """A person starts to type, or still does."""
        if not room.may_type(person.role):
            return TypingNow(False, 0.0, room.listed)
        duration = self._duration(person, seconds)
        typist = room.typist(key_of(person), person.role, person.id, person.name, kind_of(person))
        current = typist.current(now.elapsed, self._instance)
        until = now.elapsed + duration
        if current is not None and current[1] and now.elapsed - typist.renewed < duration / 2:
            typist.mine = Span(current[0].stamp, until)
        else:
            typist.mine = Span(self._context.hybrid_clock.next(now.wall), until)
            typist.renewed = now.elapsed
            room.pending_typing.add(typist.key)
            room.changed = True
            self._context.changes.mark(room.conversation)
        self._schedule(room, typist.key, until)
        return TypingNow(True, duration, room.listed)

    def stop(self, room: Room, key: str, now: Instant) -> None:
        """A person stopped typing, or left."""
        if key in room.typists:
            self.end_up_to(room, key, self._context.hybrid_clock.next(now.wall), now)

    def end_up_to(self, room: Room, key: str, stamp: int, now: Instant, *, own: bool = True) -> None:
        """End the person's typing with a stamp up to `stamp`. `own`: the end happened here, not at another instance."""
        self.tombstones.add(room.conversation, key, stamp, now.elapsed)
        typist = room.typists.get(key)
        if typist is None:
            return
        mine = typist.mine
        if not typist.end(stamp):
            return
        room.changed = True
        self._context.changes.mark(room.conversation)
        if own or mine is not typist.mine:
            room.pending_typing.add(key)
        elif typist.mine is None and not typist.others and key not in room.pending_typing:
            typist.signalled = False

    def on_deadline(self, room: Room, key: str, now: Instant) -> None:
        """Check the deadline of a person's typing."""
        typist = room.typists.get(key)
        if typist is None:
            return
        if typist.mine is not None and past(typist.mine.until, now.elapsed):
            typist.mine = None
            room.changed = True
            room.pending_typing.add(key)
            self._context.changes.mark(room.conversation)
        ended = [other for other, span in typist.others.items() if past(span.until, now.elapsed)]
        for other in ended:
            del typist.others[other]
            room.changed = True
        spans = [*typist.others.values(), *([] if typist.mine is None else [typist.mine])]
        if spans:
            self._schedule(room, key, min(span.until for span in spans))
        elif ended and key not in room.pending_typing:
            typist.signalled = False  # the instance at which it began signalled the end

    def apply_roster(self, room: Room, roster: Roster, known: dict[str, int], now: Instant) -> None:
        """Apply the typing of another instance's roster; `known` are the stamps of its earlier roster, by person."""
        for stop in roster.stops:
            self.end_up_to(room, stop.key, stop.stamp, now, own=False)
        for typing in roster.typing:
            typist = room.typists.get(typing.key)
            if typist is not None and typist.others:
                self._schedule(room, typing.key, min(span.until for span in typist.others.values()))
            if typist is not None and typist.mine is not None and typist.mine.stamp < typing.stamp:
                typist.mine = None
                self._context.changes.mark(room.conversation)
            if self.tombstones.stamp_of(room.conversation, typing.key) >= typing.stamp != known.get(typing.key):
                self._context.changes.mark(room.conversation)  # it ended here, which that instance does not know

    def spans(self, room: Room, now: Instant) -> list[TypingSpan]:
        """The typing of this instance, for its roster."""
        return [
            TypingSpan(
                one.mine.stamp,
                one.role,
                one.id,
                one.label,
                max(0.0, round(one.mine.until - now.elapsed, 3)),
                one.kind,
            )
            for one in room.typists.values()
            if one.mine is not None and not past(one.mine.until, now.elapsed)
        ]

    def tombstones_for_others(self, room: Room) -> list[TypingTombstone]:
        """The ends of typing that other instances' rosters still contain."""
        stamps = {}
        for elsewhere in room.remote_rosters.values():
            for key, stamp in elsewhere.typing.items():
                over = self.tombstones.stamp_of(room.conversation, key)
                if over >= stamp:
                    stamps[key] = over
        return [TypingTombstone(stamp, key) for key, stamp in stamps.items()]

    def _duration(self, person: Sender, wanted: float | None) -> float:
        usual = self._settings.assistant_typing_ttl if person.role == "assistant" else self._settings.typing_ttl
        return usual if wanted is None else min(max(MIN_SECONDS, wanted), self._settings.longest_typing)

    def _schedule(self, room: Room, key: str, until: float) -> None:
        self._context.deadlines.add(until, Deadline("typing", room.conversation, key))


__all__ = ["MIN_SECONDS", "TypingTracker"]
