"""The contract fails for a presence that breaks a guarantee: each of these breaks one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from umbral_chat.testing import PresenceContract, SharedPresenceContract
from umbral_chat_presence import provider
from umbral_chat_presence.replication import roster_reader
from umbral_chat_presence.replication.peers import PeerChanges, Peers
from umbral_chat_presence.replication.records import PresenceRecords
from umbral_chat_presence.shared import SharedPresence
from umbral_chat_presence.state import deadlines, device_state, engine, notifications, people, room, views
from umbral_chat_presence.state.device_state import DeviceState, HybridClock
from umbral_chat_presence.state.devices import Devices
from umbral_chat_presence.state.engine import Engine
from umbral_chat_presence.state.people import Person
from umbral_chat_presence.state.pseudonyms import Pseudonyms
from umbral_chat_presence.state.room import Room
from umbral_chat_presence.state.rooms import Rooms
from umbral_chat_presence.state.typing import TypingTracker
from umbral_chat_presence.state.typing_tombstones import TypingTombstones

from .test_memory import TestMemory as OnMemory
from .test_shared import TestShared as OnStore

replace = msgspec.structs.replace


class Break:
    """Something in the place of `name` of `of`."""

    def __init__(self, of: Any, name: str, value: object) -> None:
        self.of, self.name, self.value = of, name, value


def wrapped(of: Any, name: str, wrapper: Callable[..., object]) -> Break:
    """`wrapper` is given the original before its arguments."""
    original = getattr(of, name)

    def call(*arguments: Any, **named: Any) -> object:
        return wrapper(original, *arguments, **named)

    return Break(of, name, call)


def answers(value: object) -> Callable[..., Any]:
    """Whatever is asked."""
    return lambda *_, **__: value


nothing = answers(None)


async def waits_for_nothing(*_: object, **__: object) -> None:
    """And does nothing."""


def hold_back(seconds: float) -> Break:
    """Leaving is held back for so long, whatever the settings say."""

    def put(original: Any, self: Any, of: Any, person: Any, state: DeviceState, until: float, now: Any) -> object:
        return original(self, of, person, state, now.elapsed + seconds if state.phase == 1 else until, now)

    return wrapped(Devices, "_put", put)


def always_new(original: Any, self: Any, of: Any, person: Any, state: DeviceState, now: Any) -> object:
    """No report says the same as another."""
    return original(self, of, person, replace(state, metadata={"at": now.elapsed}), now)


def all_leave(original: Any, self: Any, of: Any, person: Person, _: str, now: Any) -> object:
    """One device leaves, and takes the others along."""
    return [original(self, of, person, device, now) for device in list(person.mine)]


def backwards(original: Any, self: Any, *, ids: bool) -> object:
    """Who came last stands first."""
    found = original(self, ids=ids)
    return replace(found, people=found.people[::-1])


def forgets_all(_: object, self: Engine, *__: object) -> None:
    """One conversation is deleted, and all are forgotten."""
    self.rooms.all.clear()


def takes_anything(original: Any, self: Room, instance: str, *more: Any) -> object:
    """Of two rosters that holds which comes last."""
    if instance in self.remote_rosters:
        self.remote_rosters[instance].number = -1
    return original(self, instance, *more)


def forgets_where_it_was(original: Any, self: Any, of: Any, person: Person, *more: Any) -> object:
    """Who moves from one instance to another begins anew."""
    person.others.clear()
    return original(self, of, person, *more)


def gives_up_at_once(original: Any, self: Any, *more: Any) -> object:
    """A store that does not answer is taken for the end of all others."""
    if self._counters.failed.value:
        for instance in self._peers.alive:
            self._engine.instance_lost(instance, self._now())
    return original(self, *more)


def in_the_name_of_all(original: Any, self: Any, _: str, key: str) -> object:
    """A person is called the same everywhere."""
    return original(self, "", key)


IN_ONE_PROCESS = [
    ("test_who_reports_is_here_at_once", Break(engine, "RENEWALS", 1)),
    ("test_who_reports_is_here_at_once", Break(Engine, "_schedule_notify", nothing)),
    ("test_what_a_device_says_replaces_what_it_said", Break(notifications, "_presence_signal", nothing)),
    ("test_a_report_that_says_the_same_is_no_news", wrapped(Devices, "record", always_new)),
    ("test_a_person_with_three_devices_leaves_once", wrapped(Devices, "leave", all_leave)),
    ("test_the_status_is_that_of_all_devices", Break(people, "_combined_status", lambda live: live[0].status)),
    ("test_people_stand_in_the_order_in_which_they_came", wrapped(Room, "listing", backwards)),
    ("test_who_has_no_id_is_told_apart_by_role", Break(engine, "key_of", answers("somebody"))),
    ("test_people_of_different_kinds_never_meet", Break(device_state, "kind_of", answers(""))),
    (
        "test_people_of_different_kinds_never_meet",
        wrapped(device_state, "person_key", lambda original, _, *more: original("user", *more)),
    ),
    (
        "test_only_who_is_of_the_same_kind_ends_somebodys_typing",
        Break(
            engine,
            "keys_of",
            lambda sender: [device_state.person_key(sender.role, sender.id, kind) for kind in ("", "user")],
        ),
    ),
    ("test_conversations_have_nothing_to_do_with_each_other", wrapped(Engine, "forget", forgets_all)),
    ("test_a_device_of_which_nothing_is_heard_is_gone", Break(Devices, "on_deadline", answers(False))),
    ("test_a_report_in_the_moment_of_expiry_wins", Break(deadlines, "TOLERANCE", -2.0)),
    (
        "test_a_device_may_ask_for_a_time_to_live",
        wrapped(engine, "_device_state", lambda original, report, _: original(report, 45.0)),
    ),
    ("test_whatever_is_heard_of_a_device_renews_it", Break(Devices, "renew", answers(True))),
    ("test_renewing_brings_nobody", wrapped(Engine, "_renew", lambda original, *more: original(*more) or True)),
    ("test_a_device_that_an_edge_holds_does_not_expire", Break(Engine, "_schedule_hold", nothing)),
    ("test_holding_brings_nobody_and_keeps_nobody_who_leaves", hold_back(1000.0)),
    (
        "test_leaving_says_whether_it_was_here",
        wrapped(Devices, "leave", lambda original, *more: original(*more) or True),
    ),
    ("test_leaving_shows_after_the_hold_back", hold_back(0.0)),
    ("test_a_reload_within_the_hold_back_is_as_if_nothing_had_happened", hold_back(1.0)),
    ("test_coming_back_with_another_device_is_no_coming", hold_back(1.0)),
    ("test_typing_shows_at_once_and_ends_by_itself", Break(TypingTracker, "on_deadline", nothing)),
    ("test_saying_so_again_renews_it", Break(TypingTracker, "_duration", answers(2.0))),
    ("test_it_lasts_as_long_as_was_said", Break(TypingTracker, "_duration", answers(8.0))),
    ("test_the_assistant_types_for_longer", Break(TypingTracker, "_duration", answers(8.0))),
    ("test_stopping_ends_it", Break(TypingTracker, "end_up_to", nothing)),
    ("test_a_message_ends_the_typing_of_who_wrote_it", Break(Engine, "wrote", nothing)),
    (
        "test_a_message_that_is_found_ends_only_what_began_before_it",
        wrapped(Engine, "wrote", lambda original, self, of, sender, _, now: original(self, of, sender, None, now)),
    ),
    ("test_typing_ends_when_its_person_leaves", Break(Engine, "_stop_typing_if_absent", nothing)),
    ("test_typing_ends_when_its_person_expires", Break(Engine, "_stop_typing_if_absent", nothing)),
    (
        "test_whoever_types_need_not_be_here",
        wrapped(
            Room, "is_typing", lambda original, self, one, now: one.key in self.people and original(self, one, now)
        ),
    ),
    ("test_a_deleted_conversation_has_nobody_who_types", Break(Engine, "forget", nothing)),
    (
        "test_a_visitor_sees_no_ids_devices_and_metadata",
        wrapped(Room, "listing", lambda original, self, **_: original(self, ids=True)),
    ),
    (
        "test_a_visitor_sees_no_ids_devices_and_metadata",
        wrapped(Room, "typing_list", lambda original, self, now, **_: original(self, now, ids=True)),
    ),
    ("test_a_name_is_that_of_one_person_in_one_conversation", wrapped(Pseudonyms, "name", in_the_name_of_all)),
    (
        "test_who_is_invisible_is_shown_and_counted_to_nobody",
        Break(Room, "is_typing", lambda _, one, __: bool(one.mine)),
    ),
    (
        "test_who_is_invisible_is_shown_and_counted_to_nobody",
        wrapped(engine, "_device_state", lambda original, report, ttl: original(replace(report, invisible=False), ttl)),
    ),
    ("test_one_invisible_device_hides_all", Break(Person, "invisible", property(answers(False), nothing))),
    (
        "test_last_seen_is_for_those_who_may_see_it",
        wrapped(Room, "last_seen", lambda original, self, viewer, now: original(self, replace(viewer, ids=True), now)),
    ),
    ("test_last_seen_is_for_those_who_may_see_it", Break(Room, "_record_departure", nothing)),
    ("test_equal_lists_have_equal_versions_and_others_have_others", Break(views, "_version", answers("always"))),
    (
        "test_the_version_that_a_signal_names_is_the_visitors",
        wrapped(notifications, "PresenceSignal", lambda original, **more: original(**(more | {"version": "?"}))),
    ),
    ("test_one_device_too_many_is_refused_and_changes_nothing", Break(Devices, "admit", nothing)),
    ("test_a_full_conversation_is_refused_and_another_is_not", Break(Devices, "admit", nothing)),
    ("test_a_device_that_comes_and_goes_under_new_names_fills_nothing", Break(Devices, "_drop", nothing)),
    ("test_with_too_many_people_only_counts_are_told", Break(Room, "may_type", answers(True))),
    ("test_with_too_many_people_only_counts_are_told", Break(notifications, "_presence_signal", nothing)),
    ("test_what_changes_within_a_second_is_told_together", Break(notifications, "MIN_INTERVAL", 0.0)),
    (
        "test_who_came_and_went_meanwhile_is_no_news",
        wrapped(notifications, "state_changed", lambda original, *more: original(*more) or True),
    ),
    (
        "test_what_it_cannot_read_it_leaves_alone",
        Break(provider.EnginePresence, "learn", lambda _, signal: msgspec.json.decode(signal.roster)[0]),
    ),
]

BETWEEN = [
    ("test_who_is_at_one_instance_is_known_at_the_other_by_signals", Break(SharedPresence, "learn", nothing)),
    (
        "test_who_is_at_one_instance_is_known_at_the_other_by_the_store",
        Break(PresenceRecords, "write_roster", waits_for_nothing),
    ),
    ("test_settled_waits_for_what_others_know", Break(SharedPresence, "settled", waits_for_nothing)),
    (
        "test_both_count_each_person_once",
        Break(Person, "winners", lambda self, _: iter([owned.state for owned in self.mine.values()])),
    ),
    ("test_a_device_that_moves_is_no_news", wrapped(Devices, "record", forgets_where_it_was)),
    ("test_who_comes_to_an_instance_that_knew_nothing_does_not_join_again", Break(engine, "ANNOUNCE_DELAY", 0.0)),
    ("test_of_two_reports_of_one_device_the_later_holds", Break(HybridClock, "next", lambda _, wall: 10**15 - wall)),
    ("test_a_device_may_leave_at_the_other_instance", Break(Devices, "leave", answers(False))),
    ("test_a_reload_that_comes_back_elsewhere_is_no_news", hold_back(0.2)),
    ("test_what_is_heard_at_the_other_instance_keeps_a_device", Break(Devices, "_is_stale", answers(False))),
    ("test_typing_is_known_and_ends_at_both", Break(TypingTracker, "tombstones_for_others", answers([]))),
    ("test_a_message_that_is_faster_than_the_typing_ends_it", Break(TypingTombstones, "stamp_of", answers(0))),
    ("test_nobody_types_for_ever_when_no_signal_arrives", Break(TypingTracker, "_duration", answers(1000.0))),
    ("test_it_is_known_at_the_other_who_was_here", Break(room.Room, "record_last_seen", nothing)),
    ("test_signals_twice_late_and_out_of_order_change_nothing", wrapped(Room, "apply_roster", takes_anything)),
    ("test_who_was_at_an_instance_that_stops_is_gone_within_a_time_to_live", Break(Engine, "instance_lost", nothing)),
    (
        "test_without_a_store_nobody_can_tell_who_is_elsewhere",
        Break(roster_reader.RosterReader, "settled", waits_for_nothing),
    ),
    ("test_an_outage_of_the_store_makes_nobody_leave", wrapped(SharedPresence, "state", gives_up_at_once)),
    (
        "test_what_happened_in_an_outage_is_known_afterwards",
        Break(Peers, "apply_heartbeats", answers(PeerChanges(set(), []))),
    ),
    ("test_what_nobody_asks_for_is_not_followed", Break(Rooms, "is_relevant", answers(True))),
]


def named(value: object) -> str:
    """For pytest's ids."""
    return value if isinstance(value, str) else f"{getattr(value, 'name', '')}"


@pytest.mark.parametrize(("guarantee", "broken"), IN_ONE_PROCESS, ids=named)
async def test_a_broken_presence_is_caught(guarantee: str, broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken.of, broken.name, broken.value)
    await fails(getattr(OnMemory(), guarantee))


@pytest.mark.parametrize(("guarantee", "broken"), BETWEEN, ids=named)
async def test_broken_sharing_is_caught(guarantee: str, broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken.of, broken.name, broken.value)
    await fails(getattr(OnStore(), guarantee))


async def fails(test: Callable[[], Any]) -> None:
    """It fails in any way, but not because the break names something that the code does not have."""
    with pytest.raises((Exception, pytest.fail.Exception)) as failure:
        await test()
    assert not isinstance(failure.value, (AttributeError, NameError))


def test_each_guarantee_can_be_broken() -> None:
    both = {name for name in dir(SharedPresenceContract) if name.startswith("test_")}
    alone = {name for name in dir(PresenceContract) if name.startswith("test_")}
    assert {name for name, _ in IN_ONE_PROCESS} == alone - {"test_no_task_is_left"}
    assert {name for name, _ in BETWEEN} == both - alone
