"""What is told and stored, and how often."""

from __future__ import annotations

from umbral_chat_presence.replication.roster_schedule import EVERY, KEPT, LIVE_DELAY, RosterSchedule


def test_the_first_change_is_told_and_stored_at_once_and_the_next_after_a_second() -> None:
    outgoing = RosterSchedule()
    outgoing.changed("room", 1, 10.0)
    assert outgoing.due_for_signal(10.0) == [("room", 1)]
    assert outgoing.due_for_store(10.0, delay=0.0) == [("room", 1)]
    outgoing.stored("room", 1, 10.0)
    outgoing.changed("room", 2, 10.1)
    outgoing.changed("room", 3, 10.2)
    assert outgoing.due_for_signal(10.5) == outgoing.due_for_store(10.5, delay=0.0) == []
    assert outgoing.due_for_signal(10.0 + EVERY) == outgoing.due_for_store(10.0 + EVERY, delay=0.0) == [("room", 3)]
    assert not outgoing.has_unsignalled
    assert outgoing.has_unstored


def test_a_write_waits_no_longer_than_its_delay_however_much_changes() -> None:
    outgoing = RosterSchedule()
    for number in range(30):
        outgoing.changed("room", number + 1, number / 10)
        if outgoing.due_for_store(number / 10, delay=LIVE_DELAY):
            break
    else:
        raise AssertionError("it waits for ever")
    assert number / 10 == LIVE_DELAY


def test_what_changed_while_it_was_stored_is_stored_again() -> None:
    outgoing = RosterSchedule()
    outgoing.changed("room", 1, 0.0)
    outgoing.changed("room", 2, 0.1)
    outgoing.stored("room", 1, 0.2)
    assert outgoing.rest() == [("room", 2)]
    assert not outgoing.is_stored("room")
    outgoing.stored("room", 2, 2.0)
    assert outgoing.is_stored("room")


def test_what_lapses_is_named_and_can_be_forgotten() -> None:
    outgoing = RosterSchedule()
    outgoing.changed("room", 1, 0.0)
    outgoing.stored("room", 1, 0.0)
    assert outgoing.lapsing(KEPT / 2 - 1) == []
    assert outgoing.lapsing(KEPT / 2) == ["room"]
    outgoing.forget("room")
    assert outgoing.lapsing(KEPT) == []
