"""Heartbeats: who lives, what changed, and who is given up."""

from __future__ import annotations

from umbral_chat_presence.replication.heartbeats import LISTED, ChangeLog, Heartbeat, HeartbeatTiming, decoder, encoder
from umbral_chat_presence.replication.peers import FORGET, KEPT, Peers
from umbral_chat_presence.settings import PresenceSettings

RHYTHM = HeartbeatTiming.of(PresenceSettings())
ROOMS = {"a", "b", "c"}


def looks(peers: Peers, beats: dict[str, Heartbeat], start: float, end: float) -> list[str]:
    """Look again and again; who was given up."""
    lost, now = [], start
    while now <= end:
        lost += peers.look(beats, ROOMS, now).lost
        now += RHYTHM.beat
    return lost


def test_nobody_is_given_up_before_whoever_was_there_can_be_elsewhere() -> None:
    settings = PresenceSettings()
    assert RHYTHM.lapse >= settings.hold_back + RHYTHM.beat
    assert RHYTHM.lapse >= settings.ttl / 3 + RHYTHM.beat
    assert RHYTHM.lapse + 2 * RHYTHM.beat <= settings.ttl


def test_what_was_written_is_read_once() -> None:
    peers, journal = Peers(RHYTHM), ChangeLog()
    journal.wrote("a")
    journal.wrote("elsewhere")
    assert peers.look({"x": journal.next()}, ROOMS, 0.0).read == {"a"}
    assert peers.look({"x": journal.next()}, ROOMS, 5.0).read == set()
    journal.wrote("b")
    journal.wrote("a")
    assert peers.look({"x": journal.next()}, ROOMS, 10.0).read == {"a", "b"}


def test_who_missed_more_than_is_listed_reads_everything() -> None:
    peers, journal = Peers(RHYTHM), ChangeLog()
    assert peers.look({"x": journal.next()}, ROOMS, 0.0).read == set()
    for number in range(LISTED + 1):
        journal.wrote(f"room {number}")
    assert peers.look({"x": journal.next()}, ROOMS, 5.0).read == ROOMS
    assert len(journal.next().recent) == LISTED


def test_a_heartbeat_fits_a_record() -> None:
    journal = ChangeLog()
    for number in range(2 * LISTED):
        journal.wrote(f"{number:0128}")
    encoded = encoder.encode(journal.next())
    assert len(encoded) < 64 * 1024
    assert len(decoder.decode(encoded).recent) == LISTED


def test_who_falls_silent_is_given_up_once_and_forgotten() -> None:
    peers = Peers(RHYTHM)
    beats = {"x": Heartbeat(1, 0, 0, [])}
    peers.look(beats, ROOMS, 0.0)
    assert looks(peers, beats, RHYTHM.beat, RHYTHM.lapse - 0.1) == []
    assert peers.lives("x")
    assert looks(peers, {}, RHYTHM.lapse, 3 * RHYTHM.lapse) == ["x"]
    assert peers.living == []
    assert looks(peers, {}, 3 * RHYTHM.lapse, FORGET + RHYTHM.lapse) == []
    assert peers._peers == {}


def test_who_comes_back_is_read_anew() -> None:
    peers = Peers(RHYTHM)
    beat = Heartbeat(1, 3, 0, [("a", 3)])
    assert peers.look({"x": beat}, ROOMS, 0.0).read == {"a"}
    assert looks(peers, {"x": beat}, RHYTHM.beat, 2 * RHYTHM.lapse) == ["x"]
    news = peers.look({"x": Heartbeat(2, 3, 0, [("a", 3)])}, ROOMS, 2 * RHYTHM.lapse + 1)
    assert news.read == {"a"}
    assert peers.lives("x")


def test_a_signal_is_a_sign_of_life() -> None:
    peers = Peers(RHYTHM)
    now = 0.0
    while now < 3 * RHYTHM.lapse:
        assert peers.look({}, ROOMS, now).lost == []
        peers.heard("x", now)
        now += RHYTHM.beat
    assert peers.lives("x")


def test_after_an_outage_everybody_has_a_whole_lapse() -> None:
    peers = Peers(RHYTHM)
    beats = {"x": Heartbeat(1, 0, 0, [])}
    peers.look(beats, ROOMS, 0.0)
    back = 10 * RHYTHM.lapse
    assert looks(peers, {}, back, back + RHYTHM.lapse - 0.1) == []
    assert looks(peers, {}, back + RHYTHM.lapse, back + RHYTHM.lapse) == ["x"]


def test_instances_are_bounded() -> None:
    peers = Peers(RHYTHM)
    for number in range(KEPT + 10):
        peers.heard(f"x{number}", 0.0)
    assert len(peers.living) == KEPT
