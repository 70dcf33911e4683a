"""The rooms that an instance keeps: made when somebody is there or speaks, let go when nobody is there or asks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state.device_state import Instant
from umbral_chat_presence.state.people import Person
from umbral_chat_presence.state.pseudonyms import Pseudonyms
from umbral_chat_presence.state.room import Room

MAX_FOLLOWED = 4096
"""Conversations that are known because somebody asked."""

MAX_PAST = 2000
"""Conversations where nobody is, and of which it is remembered who was there."""


class Rooms:
    """Rooms by conversation, in bounds. A room is of one log: `epoch_of` tells which one there is now."""

    def __init__(self, settings: PresenceSettings, names: Pseudonyms, instance: str) -> None:
        self.all: dict[str, Room] = {}
        self.epoch_of: Callable[[str], str | None] = lambda _: None
        """The epoch of a conversation's log, None as long as it is not known."""
        self._settings = settings
        self._names = names
        self._instance = instance
        self._followed: OrderedDict[str, float] = OrderedDict()
        self._past: OrderedDict[str, None] = OrderedDict()

    # which there are

    def find(self, conversation: str, key: str) -> tuple[Room | None, Person | None]:
        """The room and a person there, as far as they are known."""
        room = self.all.get(conversation)
        return room, None if room is None else room.people.get(key)

    def get_or_create(self, conversation: str, now: Instant) -> Room:
        """The room, made when there is none. Who takes it says something of it, or gives it back to `release`."""
        room = self.all.get(conversation)
        if room is None or conversation in self._past:
            self._past.pop(conversation, None)
            room = self.all.setdefault(conversation, self.empty(conversation))
            room.followed_since = now.elapsed
        return room

    def empty(self, conversation: str) -> Room:
        """A room of which nothing is known. It is not kept."""
        room = Room(conversation, self._instance, self._settings, lambda key: self._names.name(conversation, key))
        room.epoch = self.epoch_of(conversation)
        return room

    def release(self, room: Room) -> None:
        """Let go of it unless somebody is there or asks; of who was there a while ago is kept, in bounds."""
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
        """Let go of it, whoever is there; the room that it was."""
        self._past.pop(conversation, None)
        return self.all.pop(conversation, None)

    # who wants to know

    def follow(self, conversation: str, now: Instant) -> None:
        """Somebody wants to know of this conversation, or is there, and may be at another instance next: what others
        say of it is kept for a while."""
        self._followed[conversation] = now.elapsed
        self._followed.move_to_end(conversation)
        if len(self._followed) > MAX_FOLLOWED:
            self._unfollow()

    def sweep(self, now: Instant) -> None:
        """Forget who asked long ago."""
        while self._followed and next(iter(self._followed.values())) + 2 * self._settings.ttl <= now.elapsed:
            self._unfollow()

    @property
    def any_followed(self) -> bool:
        """Whether anybody wanted to know of any conversation lately."""
        return bool(self._followed)

    @property
    def any_relevant(self) -> bool:
        """Whether there is any conversation of which it matters what other instances say."""
        return bool(self._followed) or self.any_present

    @property
    def any_present(self) -> bool:
        """Whether anybody is anywhere at this instance, or was lately."""
        return any(room.own for room in self.all.values())

    def is_relevant(self, conversation: str) -> bool:
        """Whether somebody is there at this instance, or lately wanted to know of it."""
        room = self.all.get(conversation)
        return conversation in self._followed or (room is not None and room.own)

    @property
    def relevant(self) -> list[str]:
        """All such conversations."""
        return [*self._followed, *(one for one, room in self.all.items() if room.own and one not in self._followed)]

    def _unfollow(self) -> None:
        room = self.all.get(self._followed.popitem(last=False)[0])
        if room is not None:
            self.release(room)


__all__ = ["MAX_FOLLOWED", "MAX_PAST", "Rooms"]
