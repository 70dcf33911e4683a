"""Heartbeats: which instances are alive, what changed, and which are taken for dead."""

from __future__ import annotations

from umbral_chat_presence.replication.heartbeats import (
    MAX_RECENT,
    ChangeLog,
    Heartbeat,
    HeartbeatTiming,
    decoder,
    encoder,
)
from umbral_chat_presence.replication.peers import FORGET_AFTER, MAX_PEERS, Peers
from umbral_chat_presence.settings import PresenceSettings

TIMING = HeartbeatTiming.of(PresenceSettings())
ROOMS = {"a", "b", "c"}


def looks(peers: Peers, beats: dict[str, Heartbeat], start: float, end: float) -> list[str]:
    """Apply the same heartbeats at each interval; the instances that were lost."""
    lost, now = [], start
    while now <= end:
        lost += peers.apply_heartbeats(beats, ROOMS, now).lost
        now += TIMING.interval
    return lost


def test_nobody_is_given_up_before_whoever_was_there_can_be_elsewhere() -> None:
    settings = PresenceSettings()
    assert TIMING.timeout >= settings.hold_back + TIMING.interval
    assert TIMING.timeout >= settings.ttl / 3 + TIMING.interval
    assert TIMING.timeout + 2 * TIMING.interval <= settings.ttl


def test_what_was_written_is_read_once() -> None:
    peers, change_log = Peers(TIMING), ChangeLog()
    change_log.record_write("a")
    change_log.record_write("elsewhere")
    assert peers.apply_heartbeats({"x": change_log.next()}, ROOMS, 0.0).read == {"a"}
    assert peers.apply_heartbeats({"x": change_log.next()}, ROOMS, 5.0).read == set()
    change_log.record_write("b")
    change_log.record_write("a")
    assert peers.apply_heartbeats({"x": change_log.next()}, ROOMS, 10.0).read == {"a", "b"}


def test_who_missed_more_than_is_listed_reads_everything() -> None:
    peers, change_log = Peers(TIMING), ChangeLog()
    assert peers.apply_heartbeats({"x": change_log.next()}, ROOMS, 0.0).read == set()
    for number in range(MAX_RECENT + 1):
        change_log.record_write(f"room {number}")
    assert peers.apply_heartbeats({"x": change_log.next()}, ROOMS, 5.0).read == ROOMS
    assert len(change_log.next().recent) == MAX_RECENT


def test_a_heartbeat_fits_a_record() -> None:
    change_log = ChangeLog()
    for number in range(2 * MAX_RECENT):
        change_log.record_write(f"{number:0128}")
    encoded = encoder.encode(change_log.next())
    assert len(encoded) < 64 * 1024
    assert len(decoder.decode(encoded).recent) == MAX_RECENT


def test_who_falls_silent_is_given_up_once_and_forgotten() -> None:
    peers = Peers(TIMING)
    beats = {"x": Heartbeat(1, 0, 0, [])}
    peers.apply_heartbeats(beats, ROOMS, 0.0)
    assert looks(peers, beats, TIMING.interval, TIMING.timeout - 0.1) == []
    assert peers.is_alive("x")
    assert looks(peers, {}, TIMING.timeout, 3 * TIMING.timeout) == ["x"]
    assert peers.alive == []
    assert looks(peers, {}, 3 * TIMING.timeout, FORGET_AFTER + TIMING.timeout) == []
    assert peers._peers == {}


def test_who_comes_back_is_read_anew() -> None:
    peers = Peers(TIMING)
    beat = Heartbeat(1, 3, 0, [("a", 3)])
    assert peers.apply_heartbeats({"x": beat}, ROOMS, 0.0).read == {"a"}
    assert looks(peers, {"x": beat}, TIMING.interval, 2 * TIMING.timeout) == ["x"]
    changes = peers.apply_heartbeats({"x": Heartbeat(2, 3, 0, [("a", 3)])}, ROOMS, 2 * TIMING.timeout + 1)
    assert changes.read == {"a"}
    assert peers.is_alive("x")


def test_a_signal_is_a_sign_of_life() -> None:
    peers = Peers(TIMING)
    now = 0.0
    while now < 3 * TIMING.timeout:
        assert peers.apply_heartbeats({}, ROOMS, now).lost == []
        peers.signal_received("x", now)
        now += TIMING.interval
    assert peers.is_alive("x")


def test_after_an_outage_everybody_has_a_whole_lapse() -> None:
    peers = Peers(TIMING)
    beats = {"x": Heartbeat(1, 0, 0, [])}
    peers.apply_heartbeats(beats, ROOMS, 0.0)
    back = 10 * TIMING.timeout
    assert looks(peers, {}, back, back + TIMING.timeout - 0.1) == []
    assert looks(peers, {}, back + TIMING.timeout, back + TIMING.timeout) == ["x"]


def test_instances_are_bounded() -> None:
    peers = Peers(TIMING)
    for number in range(MAX_PEERS + 10):
        peers.signal_received(f"x{number}", 0.0)
    assert len(peers.alive) == MAX_PEERS
