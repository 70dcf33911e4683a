"""Peers: the other instances, as their heartbeats and signals tell of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from umbral_chat_presence.replication.heartbeats import Heartbeat, HeartbeatTiming

MAX_PEERS = 1000
"""Instances known at once: as many as one scan of the store tells."""

FORGET_AFTER = 3600.0
"""Seconds after which an instance that was given up is forgotten: its rosters have lapsed by then."""


@dataclass(slots=True)
class Peer:
    """One of them."""

    last_received: float
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

    def __init__(self, timing: HeartbeatTiming) -> None:
        self._timing = timing
        self._peers: dict[str, Peer] = {}
        self._last_check = float("-inf")

    @property
    def alive(self) -> list[str]:
        """Those that were heard of lately."""
        return [instance for instance, peer in self._peers.items() if not peer.lost]

    def is_alive(self, instance: str) -> bool:
        """Whether it was heard of lately."""
        peer = self._peers.get(instance)
        return peer is not None and not peer.lost

    def is_known(self, instance: str) -> bool:
        """Whether it was ever heard of, as far back as is remembered."""
        return instance in self._peers

    def signal_received(self, instance: str, now: float) -> None:
        """A signal of this instance came."""
        if instance in self._peers or len(self._peers) < MAX_PEERS:
            self._mark_alive(self._peers.setdefault(instance, Peer(now)), now)

    def apply_heartbeats(
        self, heartbeats: Mapping[str, Heartbeat], relevant: Collection[str], now: float
    ) -> PeerChanges:
        """The heartbeats of all others were read just now."""
        if now - self._last_check > 2 * self._timing.interval:
            # Nobody looked for a while, or the store did not answer: whoever lives may not have been able to tell.
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
