"""Heartbeats: each says that an instance is alive, and which rosters it wrote recently. Pure."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from umbral_chat_presence.settings import PresenceSettings

MAX_RECENT = 256
"""Most conversations in a heartbeat: with ids of 128 characters it takes 40 of the 64 KB that a record may have. A
reader that missed more writes reads all its conversations."""


INITIAL_BACKOFF = 0.25
"""Seconds of the shortest pause before the store is called again after it failed."""


class Heartbeat(msgspec.Struct, frozen=True, array_like=True):
    """The record by which an instance shows that it is alive."""

    count: int
    """Rises with each heartbeat: when it changes the instance is alive, whatever the clocks say."""
    writes: int
    """Number of roster writes so far, of all conversations."""
    since: int
    """All writes after this one are in `recent`."""
    recent: list[tuple[str, int]]
    """Conversations written recently, each with the number of its last write."""


class HeartbeatTiming(msgspec.Struct, frozen=True):
    """How often instances write heartbeats, and when they are taken for dead."""

    interval: float
    """Seconds between two heartbeats, and between two reads of those of others."""
    timeout: float
    """Seconds without a heartbeat after which an instance is taken for dead."""

    @classmethod
    def of(cls, settings: PresenceSettings) -> HeartbeatTiming:
        """The timeout is long enough that the clients of a crashed instance report to another one first (they report
        three times within a time to live), and that nobody who returns within the hold-back is shown as gone. The last
        heartbeat may be one interval older than the crash; half an interval more is for its propagation."""
        interval = settings.ttl / 9
        return cls(interval, max(settings.ttl / 3, settings.hold_back) + 1.5 * interval)


class ChangeLog:
    """The recent roster writes of this instance, for its heartbeat."""

    def __init__(self) -> None:
        self._count = 0
        self._writes = 0
        self._since = 0
        self._recent: OrderedDict[str, int] = OrderedDict()

    def record_write(self, conversation: str) -> None:
        """Add the write of a conversation's roster."""
        self._writes += 1
        self._recent[conversation] = self._writes
        self._recent.move_to_end(conversation)
        if len(self._recent) > MAX_RECENT:
            self._since = self._recent.popitem(last=False)[1]

    def next(self) -> Heartbeat:
        """The next heartbeat, with a higher count."""
        self._count += 1
        return Heartbeat(self._count, self._writes, self._since, list(self._recent.items()))


encoder = msgspec.json.Encoder()
decoder = msgspec.json.Decoder(Heartbeat)

__all__ = ["INITIAL_BACKOFF", "MAX_RECENT", "ChangeLog", "Heartbeat", "HeartbeatTiming", "decoder", "encoder"]
