"""Which rosters are signalled and stored, and how often."""

from __future__ import annotations

from umbral_chat_presence.replication.roster_schedule import LIVE_DELAY, MIN_INTERVAL, ROSTER_TTL, RosterSchedule


def test_the_first_change_is_signalled_and_stored_at_once_and_the_next_after_a_second() -> None:
    schedule = RosterSchedule()
    schedule.mark_changed("room", 1, 10.0)
    assert schedule.due_for_signal(10.0) == [("room", 1)]
    assert schedule.due_for_store(10.0, delay=0.0) == [("room", 1)]
    schedule.mark_stored("room", 1, 10.0)
    schedule.mark_changed("room", 2, 10.1)
    schedule.mark_changed("room", 3, 10.2)
    assert schedule.due_for_signal(10.5) == schedule.due_for_store(10.5, delay=0.0) == []
    assert (
        schedule.due_for_signal(10.0 + MIN_INTERVAL)
        == schedule.due_for_store(10.0 + MIN_INTERVAL, delay=0.0)
        == [("room", 3)]
    )
    assert not schedule.has_unsignalled
    assert schedule.has_unstored


def test_a_write_waits_no_longer_than_its_delay_however_much_changes() -> None:
    schedule = RosterSchedule()
    for number in range(30):
        schedule.mark_changed("room", number + 1, number / 10)
        if schedule.due_for_store(number / 10, delay=LIVE_DELAY):
            break
    else:
        raise AssertionError("it waits for ever")
    assert number / 10 == LIVE_DELAY


def test_what_changed_while_it_was_stored_is_stored_again() -> None:
    schedule = RosterSchedule()
    schedule.mark_changed("room", 1, 0.0)
    schedule.mark_changed("room", 2, 0.1)
    schedule.mark_stored("room", 1, 0.2)
    assert schedule.all_unstored() == [("room", 2)]
    assert not schedule.is_stored("room")
    schedule.mark_stored("room", 2, 2.0)
    assert schedule.is_stored("room")


def test_what_lapses_is_named_and_can_be_forgotten() -> None:
    schedule = RosterSchedule()
    schedule.mark_changed("room", 1, 0.0)
    schedule.mark_stored("room", 1, 0.0)
    assert schedule.expiring(ROSTER_TTL / 2 - 1) == []
    assert schedule.expiring(ROSTER_TTL / 2) == ["room"]
    schedule.forget("room")
    assert schedule.expiring(ROSTER_TTL) == []
