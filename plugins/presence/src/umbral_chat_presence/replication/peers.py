"""Peers: which other instances are alive, and what they wrote, by their heartbeats and signals. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from umbral_chat_presence.replication.heartbeats import Heartbeat, HeartbeatTiming

MAX_PEERS = 1000
"""Most instances known at once: as many as one scan of the store returns."""

FORGET_AFTER = 3600.0
"""Seconds of silence after which a dead instance is forgotten: its rosters have expired by then."""


@dataclass(slots=True)
class Peer:
    """Another instance."""

    last_received: float
    """When its last sign of life was received, in elapsed seconds."""
    count: int = -1
    writes: int = 0
    """Roster writes that were noticed here."""
    lost: bool = False
    """Taken for dead."""


class PeerChanges(NamedTuple):
    """What heartbeats changed."""

    read: set[str]
    """Relevant conversations whose rosters are to be read."""
    lost: list[str]
    """Instances that are now taken for dead."""


class Peers:
    """The other instances, in bounds."""

    def __init__(self, timing: HeartbeatTiming) -> None:
        self._timing = timing
        self._peers: dict[str, Peer] = {}
        self._last_check = float("-inf")

    @property
    def alive(self) -> list[str]:
        """The instances that are not taken for dead."""
        return [instance for instance, peer in self._peers.items() if not peer.lost]

    def is_alive(self, instance: str) -> bool:
        """Whether it is known and not taken for dead."""
        peer = self._peers.get(instance)
        return peer is not None and not peer.lost

    def is_known(self, instance: str) -> bool:
        """Whether it is known, alive or dead."""
        return instance in self._peers

    def signal_received(self, instance: str, now: float) -> None:
        """A signal of this instance arrived, which is a sign of life."""
        if instance in self._peers or len(self._peers) < MAX_PEERS:
            self._mark_alive(self._peers.setdefault(instance, Peer(now)), now)

    def apply_heartbeats(
        self, heartbeats: Mapping[str, Heartbeat], relevant: Collection[str], now: float
    ) -> PeerChanges:
        """Take the heartbeats of all other instances, read at `now`; `relevant` are the conversations of interest."""
        if now - self._last_check > 2 * self._timing.interval:
            # Heartbeats were not read for a while, or the store was down: the others may not have been able to write.
            for peer in self._peers.values():
                peer.last_received = now
        self._last_check = now
        read: set[str] = set()
        for instance, heartbeat in heartbeats.items():
            peer = self._peers.setdefault(instance, Peer(now))
            if heartbeat.count != peer.count:
                peer.count = heartbeat.count
                self._mark_alive(peer, now)
            if not peer.lost and heartbeat.writes != peer.writes:
                read.update(_changed(heartbeat, peer.writes, relevant))
                peer.writes = heartbeat.writes
        lost = []
        for instance, peer in list(self._peers.items()):
            silence = now - peer.last_received
            if silence >= self._timing.timeout and not peer.lost:
                peer.lost = True
                lost.append(instance)
            elif peer.lost and silence >= FORGET_AFTER:
                del self._peers[instance]
        return PeerChanges(read, lost)

    def _mark_alive(self, peer: Peer, now: float) -> None:
        peer.last_received = now
        if peer.lost:
            peer.lost, peer.writes = False, 0


def _changed(heartbeat: Heartbeat, known: int, relevant: Collection[str]) -> Collection[str]:
    if known < heartbeat.since:
        return relevant
    return [conversation for conversation, write in heartbeat.recent if write > known and conversation in relevant]


__all__ = ["FORGET_AFTER", "MAX_PEERS", "Peer", "PeerChanges", "Peers"]
