"""Which conversation comes next, and what is remembered of those that are not finished."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from umbral_chat._core.consumers.conversation_queue import Agenda

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_what_was_woken_comes_before_what_a_scan_found() -> None:
    agenda = Agenda()
    agenda.find("old", at(0))
    agenda.find("older", at(-1))
    agenda.wake("new")
    agenda.wake("older")
    assert [agenda.take(0) for _ in range(4)] == ["new", "older", "old", None]


def test_what_comes_while_it_runs_is_looked_at_again_and_by_one_at_a_time() -> None:
    agenda = Agenda()
    agenda.wake("room")
    assert agenda.take(0) == "room"
    agenda.wake("room")
    agenda.find("room", at(0))
    assert agenda.take(0) is None
    agenda.done("room")
    assert agenda.take(0) == "room"
    agenda.done("room")
    assert (agenda.take(0), len(agenda)) == (None, 0)


def test_a_paused_one_is_not_hurried_and_its_pause_grows_to_a_bound() -> None:
    agenda = Agenda()
    agenda.wake("room")
    now, pauses = 0.0, []
    # Each pause is drawn at random: forty of them stay short together once in some hundred runs, a thousand never.
    for _ in range(1000):
        assert agenda.take(now) == "room"
        pauses.append(agenda.later("room", "failed", now))
        agenda.wake("room")
        assert agenda.take(now + pauses[-1] * 0.99) is None
        assert agenda.next_due() == now + pauses[-1]
        now += pauses[-1]
    assert all(1 <= pause <= 300 for pause in pauses)
    assert max(pauses) > 100
    assert agenda.take(now) == "room"
    assert agenda.later("room", "failed", now, progress=True) <= 3


def test_when_it_is_full_a_wake_up_is_refused_and_one_that_is_on_it_is_not() -> None:
    agenda = Agenda(limit=2)
    assert agenda.wake("a")
    agenda.find("b", at(0))
    assert agenda.full
    assert not agenda.wake("c")
    assert agenda.wake("b")


def test_the_oldest_that_is_perhaps_not_handled_stays_known_until_it_is() -> None:
    agenda = Agenda()
    agenda.wake("woken")
    assert agenda.oldest is None
    agenda.find("woken", at(5))
    agenda.find("found", at(3))
    assert (agenda.take(0), agenda.take(0)) == ("woken", "found")
    agenda.find("found", at(9))
    agenda.later("woken", "held", 0)
    agenda.done("found")  # but something came while it ran
    assert agenda.oldest == at(3)
    assert agenda.take(0) == "found"
    agenda.done("found")
    assert agenda.oldest == at(5)


class AgendaMachine(RuleBasedStateMachine):
    """Nothing is lost and nothing runs twice."""

    names = st.sampled_from("abcdef")

    def __init__(self) -> None:
        super().__init__()
        self.agenda = Agenda(limit=4)
        self.now = 0.0
        self.running: set[str] = set()
        self.owed: set[str] = set()
        """Woken or found, and no look at it has begun since."""

    @rule(name=names)
    def wake(self, name: str) -> None:
        if self.agenda.wake(name):
            self.owed.add(name)

    @rule(name=names)
    def find(self, name: str) -> None:
        if not self.agenda.full:
            self.agenda.find(name, NOON)
            self.owed.add(name)

    @rule()
    def take(self) -> None:
        name = self.agenda.take(self.now)
        if name is not None:
            assert name not in self.running
            self.running.add(name)
            self.owed.discard(name)

    @rule(name=names, how=st.sampled_from(["done", "done", "more", "later"]))
    def end(self, name: str, how: str) -> None:
        if name not in self.running:
            return
        self.running.discard(name)
        if how == "done":
            self.agenda.done(name)
            return
        self.owed.add(name)
        if how == "more":
            self.agenda.more(name)
        else:
            self.agenda.later(name, "failed", self.now)

    @rule()
    def time_passes(self) -> None:
        self.now += 400

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.agenda) <= 4

    def teardown(self) -> None:
        for name in self.running:
            self.agenda.done(name)
        seen = set()
        while (taken := self.agenda.take(self.now + 1000)) is not None:
            seen.add(taken)
            self.agenda.done(taken)
        assert self.owed <= seen
        assert len(self.agenda) == 0


TestAgenda = AgendaMachine.TestCase
TestAgenda.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
