"""Peers: the other instances, as their heartbeats and signals tell of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from umbral_chat_presence.replication.heartbeats import Heartbeat, HeartbeatTiming

KEPT = 1000
"""Instances known at once: as many as one scan of the store tells."""

FORGET = 3600.0
"""Seconds after which an instance that was given up is forgotten: its rosters have lapsed by then."""


@dataclass(slots=True)
class Peer:
    """One of them."""

    heard: float
    """When it was heard of, in elapsed seconds."""
    count: int = -1
    writes: int = 0
    """Writes that are known of."""
    lost: bool = False


class PeerChanges(NamedTuple):
    """What heartbeats told."""

    read: set[str]
    """Conversations whose rosters changed."""
    lost: list[str]
    """Instances that are given up."""


class Peers:
    """See the module."""

    def __init__(self, rhythm: HeartbeatTiming) -> None:
        self._rhythm = rhythm
        self._peers: dict[str, Peer] = {}
        self._looked = float("-inf")

    @property
    def living(self) -> list[str]:
        """Those that were heard of lately."""
        return [instance for instance, peer in self._peers.items() if not peer.lost]

    def lives(self, instance: str) -> bool:
        """Whether it was heard of lately."""
        peer = self._peers.get(instance)
        return peer is not None and not peer.lost

    def knows(self, instance: str) -> bool:
        """Whether it was ever heard of, as far back as is remembered."""
        return instance in self._peers

    def heard(self, instance: str, now: float) -> None:
        """A signal of this instance came."""
        if instance in self._peers or len(self._peers) < KEPT:
            self._alive(self._peers.setdefault(instance, Peer(now)), now)

    def look(self, beats: Mapping[str, Heartbeat], interests: Collection[str], now: float) -> PeerChanges:
        """The heartbeats of all others were read just now."""
        if now - self._looked > 2 * self._rhythm.beat:
            # Nobody looked for a while, or the store did not answer: whoever lives may not have been able to tell.
            for peer in self._peers.values():
                peer.heard = now
        self._looked = now
        read: set[str] = set()
        for instance, beat in beats.items():
            peer = self._peers.setdefault(instance, Peer(now))
            if beat.count != peer.count:
                peer.count = beat.count
                self._alive(peer, now)
            if not peer.lost and beat.writes != peer.writes:
                read.update(_changed(beat, peer.writes, interests))
                peer.writes = beat.writes
        lost = []
        for instance, peer in list(self._peers.items()):
            silence = now - peer.heard
            if silence >= self._rhythm.lapse and not peer.lost:
                peer.lost = True
                lost.append(instance)
            elif peer.lost and silence >= FORGET:
                del self._peers[instance]
        return PeerChanges(read, lost)

    def _alive(self, peer: Peer, now: float) -> None:
        peer.heard = now
        if peer.lost:
            peer.lost, peer.writes = False, 0


def _changed(beat: Heartbeat, known: int, interests: Collection[str]) -> Collection[str]:
    if known < beat.since:
        return interests
    return [conversation for conversation, write in beat.recent if write > known and conversation in interests]


__all__ = ["FORGET", "KEPT", "Peer", "PeerChanges", "Peers"]
