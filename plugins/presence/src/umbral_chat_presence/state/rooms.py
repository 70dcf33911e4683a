"""The rooms of an instance: made by the first report or typing, dropped when empty and no longer followed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state.device_state import Instant
from umbral_chat_presence.state.people import Person
from umbral_chat_presence.state.pseudonyms import Pseudonyms
from umbral_chat_presence.state.room import Room

MAX_FOLLOWED = 4096
"""Most conversations that are followed because a caller asked for their state."""

MAX_PAST = 2000
"""Most empty conversations of which the people who were present are kept."""


class Rooms:
    """Rooms by conversation, in bounds. A room belongs to one log: `epoch_of` returns the current one's epoch."""

    def __init__(self, settings: PresenceSettings, names: Pseudonyms, instance: str) -> None:
        self.all: dict[str, Room] = {}
        self.epoch_of: Callable[[str], str | None] = lambda _: None
        """Returns the epoch of a conversation's log; None while it is not known."""
        self._settings = settings
        self._names = names
        self._instance = instance
        self._followed: OrderedDict[str, float] = OrderedDict()
        self._past: OrderedDict[str, None] = OrderedDict()

    # which there are

    def find(self, conversation: str, key: str) -> tuple[Room | None, Person | None]:
        """The room and the person with this key in it; None for each that does not exist."""
        room = self.all.get(conversation)
        return room, None if room is None else room.people.get(key)

    def get_or_create(self, conversation: str, now: Instant) -> Room:
        """The room, made when there is none. A caller that adds nothing to it passes it to `release`."""
        room = self.all.get(conversation)
        if room is None or conversation in self._past:
            self._past.pop(conversation, None)
            room = self.all.setdefault(conversation, self.empty(conversation))
            room.followed_since = now.elapsed
        return room

    def empty(self, conversation: str) -> Room:
        """A new empty room, which is not kept."""
        room = Room(conversation, self._instance, self._settings, lambda key: self._names.name(conversation, key))
        room.epoch = self.epoch_of(conversation)
        return room

    def release(self, room: Room) -> None:
        """Drop the room unless it is busy or followed; the people who were present are kept, in bounds."""
        conversation = room.conversation
        if room.busy or conversation in self._followed or conversation in self._past or conversation not in self.all:
            return
        del self.all[conversation]
        if room.seen:
            past = self.all[conversation] = self.empty(conversation)
            past.seen, past.epoch = room.seen, room.epoch
            self._past[conversation] = None
            if len(self._past) > MAX_PAST:
                self.all.pop(self._past.popitem(last=False)[0], None)

    def forget(self, conversation: str) -> Room | None:
        """Drop the room with all its people, and return it; None if there is none."""
        self._past.pop(conversation, None)
        return self.all.pop(conversation, None)

    # which are followed

    def follow(self, conversation: str, now: Instant) -> None:
        """Keep other instances' rosters of this conversation for two times to live: a caller asked for its state, or a
        device reported, which may report at another instance next."""
        self._followed[conversation] = now.elapsed
        self._followed.move_to_end(conversation)
        if len(self._followed) > MAX_FOLLOWED:
            self._unfollow()

    def sweep(self, now: Instant) -> None:
        """Drop the conversations that were last asked for long ago."""
        while self._followed and next(iter(self._followed.values())) + 2 * self._settings.ttl <= now.elapsed:
            self._unfollow()

    @property
    def any_followed(self) -> bool:
        """Whether any conversation is followed."""
        return bool(self._followed)

    @property
    def any_relevant(self) -> bool:
        """Whether there is any relevant conversation: see `is_relevant`."""
        return bool(self._followed) or self.any_present

    @property
    def any_present(self) -> bool:
        """Whether any room has devices or typing of this instance."""
        return any(room.own for room in self.all.values())

    def is_relevant(self, conversation: str) -> bool:
        """Whether other instances' rosters matter: it is followed, or has devices or typing of this instance."""
        room = self.all.get(conversation)
        return conversation in self._followed or (room is not None and room.own)

    @property
    def relevant(self) -> list[str]:
        """All relevant conversations."""
        return [*self._followed, *(one for one, room in self.all.items() if room.own and one not in self._followed)]

    def _unfollow(self) -> None:
        room = self.all.get(self._followed.popitem(last=False)[0])
        if room is not None:
            self.release(room)


__all__ = ["MAX_FOLLOWED", "MAX_PAST", "Rooms"]
