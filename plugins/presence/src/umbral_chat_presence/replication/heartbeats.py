"""Heartbeats: that an instance lives, and which conversations it wrote lately. Pure."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from umbral_chat_presence.settings import PresenceSettings

MAX_RECENT = 256
"""Conversations in a heartbeat: with ids of 128 characters it takes 40 KB of the 64 that a record may have. Who missed
more reads all that it wants to know of."""


INITIAL_BACKOFF = 0.25
"""Least seconds until the store is asked again after it did not answer."""


class Heartbeat(msgspec.Struct, frozen=True, array_like=True):
    """What an instance stores of itself."""

    count: int
    """Rises with each heartbeat: whoever sees another one knows that it lives, whatever anybody's clock says."""
    writes: int
    """Rosters that it wrote so far, of all conversations."""
    since: int
    """Writes after this one are all in `recent`."""
    recent: list[tuple[str, int]]
    """Conversations written lately, each with the number of its last write."""


class HeartbeatTiming(msgspec.Struct, frozen=True):
    """How often instances tell that they live, and when they are given up."""

    interval: float
    """Seconds between two heartbeats, and between two looks at those of others."""
    timeout: float
    """Seconds without one after which an instance is given up."""

    @classmethod
    def of(cls, settings: PresenceSettings) -> HeartbeatTiming:
        """Clients report three times within a time to live, so by then whoever was at an instance that crashed is at
        another; and nobody who comes back within the hold-back may have gone meanwhile. The last heartbeat may have
        been one interval before the crash, and half of one is for its way."""
        interval = settings.ttl / 9
        return cls(interval, max(settings.ttl / 3, settings.hold_back) + 1.5 * interval)


class ChangeLog:
    """What this instance wrote, for its heartbeat."""

    def __init__(self) -> None:
        self._count = 0
        self._writes = 0
        self._since = 0
        self._recent: OrderedDict[str, int] = OrderedDict()

    def record_write(self, conversation: str) -> None:
        """The roster of this conversation is stored."""
        self._writes += 1
        self._recent[conversation] = self._writes
        self._recent.move_to_end(conversation)
        if len(self._recent) > MAX_RECENT:
            self._since = self._recent.popitem(last=False)[1]

    def next(self) -> Heartbeat:
        """The next heartbeat."""
        self._count += 1
        return Heartbeat(self._count, self._writes, self._since, list(self._recent.items()))


encoder = msgspec.json.Encoder()
decoder = msgspec.json.Decoder(Heartbeat)

__all__ = ["INITIAL_BACKOFF", "MAX_RECENT", "ChangeLog", "Heartbeat", "HeartbeatTiming", "decoder", "encoder"]
