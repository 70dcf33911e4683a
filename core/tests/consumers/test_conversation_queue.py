"""Which conversation is next, and what is remembered of those that are not finished."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from umbral_chat._core.consumers.conversation_queue import ConversationQueue

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_what_was_woken_is_taken_before_what_a_scan_found() -> None:
    queue = ConversationQueue()
    queue.add_found("old", at(0))
    queue.add_found("older", at(-1))
    queue.wake("new")
    queue.wake("older")
    assert [queue.take(0) for _ in range(4)] == ["new", "older", "old", None]


def test_what_is_woken_while_it_runs_is_processed_again_and_by_one_at_a_time() -> None:
    queue = ConversationQueue()
    queue.wake("room")
    assert queue.take(0) == "room"
    queue.wake("room")
    queue.add_found("room", at(0))
    assert queue.take(0) is None
    queue.done("room")
    assert queue.take(0) == "room"
    queue.done("room")
    assert (queue.take(0), len(queue)) == (None, 0)


def test_waking_does_not_shorten_a_pause_which_grows_to_a_bound() -> None:
    queue = ConversationQueue()
    queue.wake("room")
    now, pauses = 0.0, []
    # Each pause is drawn at random: forty of them stay short together once in some hundred runs, a thousand never.
    for _ in range(1000):
        assert queue.take(now) == "room"
        pauses.append(queue.pause("room", "unavailable", now))
        queue.wake("room")
        assert queue.take(now + pauses[-1] * 0.99) is None
        assert queue.next_due() == now + pauses[-1]
        now += pauses[-1]
    assert all(0.5 <= pause <= 30 for pause in pauses)
    assert max(pauses) > 10
    assert queue.take(now) == "room"
    assert queue.pause("room", "held", now) <= 1.5, "another reason begins anew"


def test_a_pause_that_is_ended_does_not_end_a_later_one() -> None:
    queue = ConversationQueue()
    queue.wake("room")
    assert queue.take(0) == "room"
    queue.pause_for("room", 10, 0)
    queue.resume("room")
    assert queue.take(1) == "room"
    queue.pause_for("room", 100, 1)
    assert queue.take(50) is None
    assert queue.take(101) == "room"
    queue.done("room")
    queue.resume("room")
    assert queue.take(1000) is None


def test_how_long_the_oldest_waits_is_known_until_it_is_handled() -> None:
    queue = ConversationQueue()
    queue.wake("woken", at(4))
    queue.add_found("found", at(2))
    assert queue.waiting_since == at(2)
    assert queue.take(0) == "woken"
    queue.wake("woken", at(6))
    queue.wake("woken", at(7))
    queue.done("woken")
    assert (queue.take(0), queue.take(0)) == ("woken", "found")
    queue.done("found")
    assert queue.waiting_since == at(6)
    queue.pause_for("woken", 5, 0, at(5))
    assert queue.waiting_since == at(5)


def test_when_full_it_refuses_a_new_conversation_and_wakes_one_that_it_holds() -> None:
    queue = ConversationQueue(limit=2)
    assert queue.wake("a")
    queue.add_found("b", at(0))
    assert queue.full
    assert not queue.wake("c")
    assert queue.wake("b")


def test_the_oldest_activity_that_may_be_unhandled_is_known_until_it_is_handled() -> None:
    queue = ConversationQueue()
    queue.wake("woken")
    assert queue.oldest is None
    queue.add_found("woken", at(5))
    queue.add_found("found", at(3))
    assert (queue.take(0), queue.take(0)) == ("woken", "found")
    queue.add_found("found", at(9))
    queue.pause("woken", "held", 0)
    queue.done("found")  # but it was found again while it ran
    assert queue.oldest == at(3)
    assert queue.take(0) == "found"
    queue.done("found")
    assert queue.oldest == at(5)


class QueueMachine(RuleBasedStateMachine):
    """Nothing is lost and nothing runs twice."""

    names = st.sampled_from("abcdef")

    def __init__(self) -> None:
        super().__init__()
        self.queue = ConversationQueue(limit=4)
        self.now = 0.0
        self.running: set[str] = set()
        self.owed: set[str] = set()
        """Woken or found, and not taken since."""

    @rule(name=names)
    def wake(self, name: str) -> None:
        if self.queue.wake(name):
            self.owed.add(name)

    @rule(name=names)
    def find(self, name: str) -> None:
        if not self.queue.full:
            self.queue.add_found(name, NOON)
            self.owed.add(name)

    @rule()
    def take(self) -> None:
        name = self.queue.take(self.now)
        if name is not None:
            assert name not in self.running
            self.running.add(name)
            self.owed.discard(name)

    @rule(name=names, how=st.sampled_from(["done", "done", "requeue", "pause", "wait"]))
    def end(self, name: str, how: str) -> None:
        if name not in self.running:
            return
        self.running.discard(name)
        if how == "done":
            self.queue.done(name)
            return
        self.owed.add(name)
        if how == "requeue":
            self.queue.requeue(name)
        elif how == "wait":
            self.queue.pause_for(name, 300, self.now)
        else:
            self.queue.pause(name, "held", self.now)

    @rule(name=names)
    def resume(self, name: str) -> None:
        self.queue.resume(name)

    @rule()
    def time_passes(self) -> None:
        self.now += 400

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.queue) <= 4

    def teardown(self) -> None:
        for name in self.running:
            self.queue.done(name)
        seen = set()
        while (taken := self.queue.take(self.now + 1000)) is not None:
            seen.add(taken)
            self.queue.done(taken)
        assert self.owed <= seen
        assert len(self.queue) == 0


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
