"""Rooms: the channels of one topic. A public and a private topic of one name are different rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .frames import Frame
from .presence import Presence

if TYPE_CHECKING:
    from .channel import Channel

RoomKey = tuple[str, bool]
"""Topic without `realtime:`, and whether it is private."""


class Room:
    """Who joined, in order."""

    def __init__(self, key: RoomKey) -> None:
        self.key = key
        self.channels: list[Channel] = []
        self.presence = Presence()

    @property
    def topic(self) -> str:
        """As frames name it."""
        return f"realtime:{self.key[0]}"

    async def broadcast(self, frame: Frame, *, but: Channel | None = None) -> None:
        """To every channel, but perhaps one."""
        for channel in list(self.channels):
            if channel is not but:
                await channel.deliver(frame)

    async def tell_presence(self, diff: dict[str, Any] | None) -> None:
        """A change of who is here."""
        if diff is None:
            return
        for channel in list(self.channels):
            await channel.deliver_presence(diff)


class Rooms:
    """All of them; an empty one is forgotten."""

    def __init__(self) -> None:
        self._rooms: dict[RoomKey, Room] = {}

    def enter(self, key: RoomKey, channel: Channel) -> Room:
        """Join."""
        room = self._rooms.setdefault(key, Room(key))
        room.channels.append(channel)
        return room

    def leave(self, channel: Channel) -> None:
        """Leave."""
        room = channel.room
        if channel in room.channels:
            room.channels.remove(channel)
        if not room.channels:
            self._rooms.pop(room.key, None)

    def find(self, key: RoomKey) -> Room | None:
        """The room, if somebody is in it."""
        return self._rooms.get(key)

    def all(self) -> list[Room]:
        """Every room."""
        return list(self._rooms.values())


__all__ = ["Room", "RoomKey", "Rooms"]
