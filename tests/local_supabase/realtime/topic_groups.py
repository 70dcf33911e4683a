"""Groups of the channels on one topic. A public and a private topic of the same name are different groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .frames import Frame
from .presence import Presence

if TYPE_CHECKING:
    from .channel import Channel

TopicKey = tuple[str, bool]
"""Topic without `realtime:`, and whether it is private."""


class TopicGroup:
    """The channels on a topic, in the order of their joins, and their presence."""

    def __init__(self, key: TopicKey) -> None:
        self.key = key
        self.channels: list[Channel] = []
        self.presence = Presence()

    @property
    def topic(self) -> str:
        """The topic as frames name it."""
        return f"realtime:{self.key[0]}"

    async def broadcast(self, frame: Frame, *, but: Channel | None = None) -> None:
        """Deliver a broadcast to every channel except `but`."""
        for channel in list(self.channels):
            if channel is not but:
                await channel.deliver(frame)

    async def broadcast_presence(self, diff: dict[str, Any] | None) -> None:
        """Deliver a presence diff to every channel."""
        if diff is None:
            return
        for channel in list(self.channels):
            await channel.deliver_presence(diff)


class TopicGroups:
    """All groups; empty ones are removed."""

    def __init__(self) -> None:
        self._groups: dict[TopicKey, TopicGroup] = {}

    def join(self, key: TopicKey, channel: Channel) -> TopicGroup:
        """Add a channel to the group of its topic."""
        group = self._groups.setdefault(key, TopicGroup(key))
        group.channels.append(channel)
        return group

    def leave(self, channel: Channel) -> None:
        """Remove a channel from its group."""
        group = channel.group
        if channel in group.channels:
            group.channels.remove(channel)
        if not group.channels:
            self._groups.pop(group.key, None)

    def find(self, key: TopicKey) -> TopicGroup | None:
        """The group of a topic; None: no channel is on it."""
        return self._groups.get(key)

    def all(self) -> list[TopicGroup]:
        """Every group."""
        return list(self._groups.values())


__all__ = ["TopicGroup", "TopicGroups", "TopicKey"]
