"""What the seed decides: the same each time, and never more faults than the tries survive."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .plan import EARLY, FOREVER, GONE, KINDS, MERCY, TRIES, Plan, draw

PLANS = st.builds(
    Plan,
    seed=st.integers(0, 2**24),
    entries=st.integers(200, 600),
    conversations=st.integers(20, 60),
    seconds=st.floats(16.0, 180.0),
    kills=st.integers(0, 8),
    forever=st.integers(0, 5),
)


@given(PLANS)
def test_a_plan_is_drawn_from_its_seed_alone(plan: Plan) -> None:
    assert draw(plan) == draw(plan)


@given(PLANS)
def test_every_conversation_has_messages_and_every_key_is_used_once(plan: Plan) -> None:
    drawn = draw(plan)
    assert len(drawn.messages) == plan.entries
    assert {message.conversation for message in drawn.messages} == set(plan.names)
    assert len({message.key for message in drawn.messages}) == plan.entries
    assert all(message.content.partition(" ")[0] == message.key for message in drawn.messages)


@given(PLANS)
def test_what_is_never_taken_comes_early_and_at_most_once_in_a_conversation(plan: Plan) -> None:
    drawn = draw(plan)
    never = drawn.refused.keys() | drawn.unfinished
    assert len(drawn.refused) == len(drawn.unfinished) == plan.forever
    assert len(never) == 2 * plan.forever
    where = Counter(message.conversation for message in drawn.messages if message.key in never)
    assert all(number == 1 for number in where.values())
    assert all(message.key not in never for message in drawn.messages[int(plan.entries * EARLY) :])
    assert set(drawn.refused.values()) <= set(FOREVER)


@given(PLANS)
def test_faults_come_one_after_the_other_and_each_kind_comes(plan: Plan) -> None:
    windows = draw(plan).windows
    assert {window.kind for window in windows} == set(KINDS)
    assert all(one.begin < one.end < other.begin for one, other in pairwise(windows))
    assert windows[0].begin >= 0
    assert windows[-1].end <= plan.seconds
    assert all(window.end - window.begin <= GONE for window in windows if window.kind == "gone")


@given(PLANS)
def test_kills_take_turns_and_leave_the_last_third_alone(plan: Plan) -> None:
    kills = draw(plan).kills
    assert len(kills) == plan.kills
    assert all(one.at < other.at for one, other in pairwise(kills))
    assert all(one.instance != other.instance for one, other in pairwise(kills))
    assert all(kill.at < plan.seconds * 2 / 3 for kill in kills)


def test_no_outage_can_exhaust_the_tries() -> None:
    assert MERCY + 2 < TRIES


def test_too_few_conversations_for_what_is_never_taken_are_refused() -> None:
    with pytest.raises(ValueError, match="need as many conversations"):
        draw(Plan(entries=10, conversations=5, forever=3))
