"""The engine by itself: what the contract cannot see, and what settings change."""

from __future__ import annotations

import msgspec
import pytest
from umbral_chat.errors import InvalidRequest, TooManyRequests
from umbral_chat.model.entries import Role, Sender
from umbral_chat.model.signals import PresenceSignal, TypingSignal
from umbral_chat.providers.presence import Report, Viewer
from umbral_chat_presence.settings import PresenceSettings
from umbral_chat_presence.state.device_state import Instant
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.state.pseudonyms import Pseudonyms
from umbral_chat_presence.state.rooms import MAX_FOLLOWED, MAX_PAST
from umbral_chat_presence.state.roster import Roster
from umbral_chat_presence.state.typing_tombstones import MAX_TOMBSTONES, TypingTombstones

EVERYTHING = Viewer(ids=True, last_seen=True)
VISITOR = Viewer(last_seen=True)


def at(seconds: float, ahead: float = 0.0) -> Instant:
    """A moment, on a machine whose wall clock is so many seconds ahead."""
    return Instant(seconds, 1_700_000_000_000 + round(1000 * (seconds + ahead)))


def engine_of(instance: str = "a", **settings: object) -> Engine:
    return Engine(PresenceSettings(**settings), Pseudonyms(b"k" * 32), instance)  # type: ignore[arg-type]


def report(role: Role = "user", id: str | None = "ann", **more: object) -> Report:  # noqa: A002
    return Report(person=Sender(role, id, "Name"), **more)  # type: ignore[arg-type]


def exchange(first: Engine, second: Engine, now: Instant) -> None:
    """Each receives the other's roster."""
    for one, other in ((first, second), (second, first)):
        other.apply_roster("room", one.instance, one.changes.count, one.roster("room", now), now)


def test_hidden_roles_are_seen_by_those_who_see_ids_alone() -> None:
    engine = engine_of(hidden_roles=["agent"])
    agent = Sender("agent", "boss", "Boss")
    engine.report("room", Report(person=agent), at(0))
    engine.report("room", report(), at(0))
    engine.typing("room", agent, True, None, at(0))
    engine.advance(at(2))
    shown, seen = engine.state("room", VISITOR, at(2)), engine.state("room", EVERYTHING, at(2))
    assert (shown.presence.count, shown.presence.counts["agent"], shown.typing) == (1, 0, [])
    assert (seen.presence.count, seen.presence.counts["agent"], len(seen.typing)) == (2, 1, 1)
    told = engine.take_notifications().signals
    assert not [one for one in told if isinstance(one, TypingSignal)]
    assert [one.role for signal in told if isinstance(signal, PresenceSignal) for one in signal.joined] == ["user"]
    assert "room" in engine_changed(engine, agent)
    engine.leave("room", agent, "default", at(4))
    engine.advance(at(20))
    assert engine.state("room", VISITOR, at(20)).presence.last_seen == []
    assert len(list(engine.state("room", EVERYTHING, at(20)).presence.last_seen or [])) == 1
    assert not [one for one in engine.take_notifications().signals if isinstance(one, PresenceSignal)]


def engine_changed(engine: Engine, person: Sender) -> list[str]:
    """What changes when a hidden person becomes busy: those who see it poll, too."""
    engine.report("room", Report(person=person, status="busy"), at(3))
    return engine.take_notifications().changed


def test_where_nobody_may_be_invisible_that_is_refused_and_nothing_happens() -> None:
    engine = engine_of(allow_invisible=False)
    with pytest.raises(InvalidRequest) as refused:
        engine.report("room", report(invisible=True), at(0))
    assert (refused.value.code, refused.value.field) == ("invalid_field", "invisible")
    assert engine.rooms.all == {}


def test_last_seen_is_not_kept_where_it_is_zero() -> None:
    engine = engine_of(last_seen=0.0)
    engine.report("room", report(), at(0))
    engine.advance(at(60))
    assert engine.state("room", EVERYTHING, at(60)).presence.last_seen == []
    assert engine.roster("room", at(60)).seen == []


def test_last_seen_is_told_as_long_as_was_set() -> None:
    engine = engine_of(last_seen=100.0)
    engine.report("room", report(), at(0))
    engine.advance(at(60))
    assert len(list(engine.state("room", EVERYTHING, at(60)).presence.last_seen or [])) == 1
    assert engine.state("room", EVERYTHING, at(101)).presence.last_seen == []


def test_a_time_to_live_has_a_longest() -> None:
    engine = engine_of(longest_ttl=100.0)
    assert engine.report("room", report(ttl=1e9), at(0)).expires_in == 100.0


def test_typing_has_a_longest_and_a_bound() -> None:
    engine = engine_of(devices=5)
    for number in range(5):
        told = engine.typing("room", Sender("user", f"u{number}"), True, 1e9, at(0))
        assert told.expires_in == PresenceSettings().assistant_typing_ttl
    with pytest.raises(TooManyRequests) as refused:
        engine.typing("room", Sender("user", "one more"), True, None, at(0))
    assert refused.value.code == "too_many_present"
    engine.advance(at(200))
    engine.advance(at(202))
    assert engine.typing("room", Sender("user", "one more"), True, None, at(200)).typing


def test_what_an_instance_saw_orders_what_it_does_whatever_its_clock_says() -> None:
    ahead, behind = engine_of("ahead"), engine_of("behind")
    for engine in (ahead, behind):
        engine.rooms.follow("room", at(0))
    ahead.report("room", report(status="away"), at(0, ahead=3600))
    exchange(ahead, behind, at(1))
    behind.report("room", report(status="busy"), at(2))
    exchange(ahead, behind, at(3))
    for engine in (ahead, behind):
        (person,) = engine.state("room", EVERYTHING, at(4)).presence.people
        assert person.status == "busy"


def test_who_is_left_when_the_first_device_goes_has_been_here_as_long() -> None:
    first, second = engine_of("first"), engine_of("second")
    first.report("room", report(device="one"), at(0))
    second.report("room", report(device="two"), at(10))
    exchange(first, second, at(11))
    exchange(first, second, at(12))
    since = first.state("room", EVERYTHING, at(12)).presence.people[0].since
    first.leave("room", Sender("user", "ann"), "one", at(13))
    first.advance(at(40))
    exchange(first, second, at(41))
    for engine in (first, second):
        (person,) = engine.state("room", EVERYTHING, at(42)).presence.people
        assert person.since == since


def test_everything_is_forgotten_in_the_end_but_who_was_here() -> None:
    engine = engine_of()
    for number in range(MAX_PAST + 5):
        engine.report(f"room {number}", report(), at(number / 1000))
    engine.typing("room 0", Sender("user", "ann"), True, None, at(10))
    engine.state("asked", VISITOR, at(10))
    engine.advance(at(60))
    engine.advance(at(1000))
    assert engine.idle
    assert not engine.rooms.any_relevant
    assert len(engine.rooms.all) == MAX_PAST
    assert all(not room.people and room.seen for room in engine.rooms.all.values())


def test_what_is_asked_for_is_bounded() -> None:
    engine = engine_of()
    for number in range(MAX_FOLLOWED + 10):
        engine.state(f"room {number}", VISITOR, at(0))
    assert len(engine.rooms.relevant) == MAX_FOLLOWED


def test_ends_of_typing_are_bounded_and_forgotten() -> None:
    stops = TypingTombstones(seconds=10.0)
    for number in range(MAX_TOMBSTONES + 10):
        stops.add("room", f"id:{number}", 5, now=0.0)
    assert len(stops) == MAX_TOMBSTONES
    stops.add("room", "id:last", 7, now=0.0)
    stops.add("room", "id:last", 6, now=1.0)
    assert stops.stamp_of("room", "id:last") == 7
    stops.sweep(11.0)
    assert len(stops) == 0


def test_an_unlisted_room_tells_no_more_than_counts_change() -> None:
    engine = engine_of(listed_people=2)
    for number in range(5):
        engine.report("room", report(id=f"u{number}"), at(0))
    engine.advance(at(2))
    engine.take_notifications()
    for number in range(5):
        engine.report("room", report(id=f"u{number}", status="busy"), at(3))
    engine.advance(at(5))
    told = engine.take_notifications()
    assert (told.changed, told.signals) == ([], [])


def people(engine: Engine, now: Instant) -> tuple[int, int]:
    """How many are here, and how many were."""
    presence = engine.state("room", EVERYTHING, now).presence
    return presence.count, len(list(presence.last_seen or []))


def test_who_was_in_a_deleted_log_is_not_in_the_one_of_the_same_name() -> None:
    logs = {"room": "one"}
    here, elsewhere = engine_of("a"), engine_of("b")
    here.rooms.epoch_of = elsewhere.rooms.epoch_of = logs.get
    for engine in (here, elsewhere):
        engine.rooms.follow("room", at(0))
    elsewhere.report("room", report(id="ann"), at(0))
    elsewhere.report("room", report(id="bob"), at(0))
    elsewhere.leave("room", Sender("user", "bob"), "default", at(0))
    for engine in (here, elsewhere):
        engine.advance(at(20))
    exchange(here, elsewhere, at(20))
    assert people(here, at(20)) == people(elsewhere, at(20)) == (1, 1)

    here.forget("room", at(21))  # only this instance hears that it is deleted
    logs["room"] = "two"
    roster = msgspec.structs.replace(elsewhere.roster("room", at(21)), epoch="one")
    assert not here.apply_roster("room", "b", 10**6, roster, at(21))
    here.record_last_seen("room", roster, at(21))
    assert people(here, at(22)) == (0, 0)
    elsewhere.report("room", report(id="cid"), at(22))
    exchange(here, elsewhere, at(23))
    assert people(here, at(23)) == people(elsewhere, at(23)) == (1, 0)


def test_what_was_taken_before_the_log_was_known_goes_when_it_was_of_another() -> None:
    logs: dict[str, str] = {}
    here, elsewhere = engine_of("a"), engine_of("b")
    here.rooms.epoch_of, elsewhere.rooms.epoch_of = logs.get, {"room": "one"}.get
    elsewhere.report("room", report(id="ann"), at(0))
    here.report("room", report(id="own"), at(0))
    exchange(here, elsewhere, at(1))
    assert people(here, at(1)) == (2, 0)
    logs["room"] = "two"
    assert people(here, at(2)) == (1, 0)
    exchange(here, elsewhere, at(3))
    assert people(here, at(3)) == (1, 0)


def test_so_does_what_an_instance_said_of_it_that_is_no_more_or_has_forgotten_it() -> None:
    for how in ("stored", "told and forgotten"):
        logs: dict[str, str] = {}
        here, elsewhere = engine_of("a"), engine_of("b")
        here.rooms.epoch_of, elsewhere.rooms.epoch_of = logs.get, {"room": "one"}.get
        here.rooms.follow("room", at(0))
        here.report("room", report(id="own"), at(0))
        elsewhere.report("room", report(id="ann"), at(0))
        elsewhere.leave("room", Sender("user", "ann"), "default", at(0))
        elsewhere.advance(at(20))
        if how == "stored":
            here.record_last_seen("room", elsewhere.roster("room", at(20)), at(20))
        else:
            exchange(here, elsewhere, at(20))
            here.apply_roster("room", "b", 10**6, Roster(), at(21))
        assert people(here, at(22))[1] == 1
        logs["room"] = "two"
        assert people(here, at(22))[1] == 0, how


def test_a_log_that_is_made_meanwhile_keeps_who_is_there() -> None:
    logs: dict[str, str] = {}
    here, elsewhere = engine_of("a"), engine_of("b")
    here.rooms.epoch_of = elsewhere.rooms.epoch_of = logs.get
    elsewhere.report("room", report(id="ann"), at(0))
    here.report("room", report(id="own"), at(0))
    exchange(here, elsewhere, at(1))
    logs["room"] = "one"
    exchange(here, elsewhere, at(2))
    assert people(here, at(2)) == people(elsewhere, at(2)) == (2, 0)


def test_who_leaves_at_one_instance_and_is_back_at_the_other_before_that_heard_of_it_never_went() -> None:
    here, elsewhere = engine_of("a"), engine_of("b")
    for engine in (here, elsewhere):
        engine.rooms.follow("room", at(0))
    here.report("room", report(), at(0))
    exchange(here, elsewhere, at(1))
    assert elsewhere.leave("room", Sender("user", "ann"), "default", at(10))
    here.report("room", report(), at(10.5))
    exchange(here, elsewhere, at(11))
    exchange(here, elsewhere, at(12))
    for engine in (here, elsewhere):
        engine.advance(at(25.2))  # the hold-back is over, and the next report is yet to come
        assert engine.state("room", EVERYTHING, at(25.2)).presence.count == 1


def test_who_was_heard_of_here_before_it_left_elsewhere_goes() -> None:
    here, elsewhere = engine_of("a"), engine_of("b")
    for engine in (here, elsewhere):
        engine.rooms.follow("room", at(0))
    here.report("room", report(), at(0))
    exchange(here, elsewhere, at(1))
    here.report("room", report(), at(9.5))
    assert elsewhere.leave("room", Sender("user", "ann"), "default", at(10))
    exchange(here, elsewhere, at(11))
    exchange(here, elsewhere, at(12))
    for engine in (here, elsewhere):
        engine.advance(at(26))
    exchange(here, elsewhere, at(26))
    for engine in (here, elsewhere):
        assert engine.state("room", EVERYTHING, at(26)).presence.count == 0


def test_instances_agree_in_the_very_moment_in_which_typing_ends() -> None:
    here, elsewhere = engine_of("a"), engine_of("b")
    for engine in (here, elsewhere):
        engine.rooms.follow("room", at(0))
    here.typing("room", Sender("user", "ann"), True, None, at(0.5))
    exchange(here, elsewhere, at(1))
    for seconds in (8.5, 8.6):
        for engine in (here, elsewhere):
            engine.advance(at(seconds))
        exchange(here, elsewhere, at(seconds))
        typing = [engine.state("room", EVERYTHING, at(seconds)).typing for engine in (here, elsewhere)]
        assert typing[0] == typing[1]
    assert here.state("room", EVERYTHING, at(8.6)).typing == []
