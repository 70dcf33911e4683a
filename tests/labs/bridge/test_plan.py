"""What the seed decides: the same each time, and never more faults than the tries survive."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .plan import CHATS, KINDS, MERCY, TRIES, Plan, draw

PLANS = st.builds(
    Plan,
    seed=st.integers(0, 2**24),
    messages=st.integers(100, 400),
    conversations=st.integers(15, 60),
    seconds=st.floats(20.0, 300.0),
    kills=st.integers(0, 6),
    forever=st.integers(0, 9),
)


@given(PLANS)
def test_a_plan_is_drawn_from_its_seed_alone(plan: Plan) -> None:
    assert draw(plan) == draw(plan)


@given(PLANS)
def test_every_conversation_of_every_chat_has_messages_and_every_key_is_used_once(plan: Plan) -> None:
    drawn = draw(plan)
    assert len({message.key for message in drawn.messages}) == plan.messages
    assert {(message.chat, message.conversation) for message in drawn.messages} == set(plan.places)
    assert {message.chat for message in drawn.messages} == set(CHATS)
    assert all(message.conversation.startswith(f"{message.chat.name}:") for message in drawn.messages)
    assert all(message.content.partition(" ")[0] == message.key for message in drawn.messages)


@given(PLANS)
def test_what_n8n_never_takes_is_at_most_once_in_a_conversation(plan: Plan) -> None:
    drawn = draw(plan)
    where = Counter(message.conversation for message in drawn.messages if message.key in drawn.forever)
    assert len(drawn.forever) == plan.forever
    assert all(number == 1 for number in where.values())


@given(PLANS)
def test_faults_come_one_after_the_other_and_each_kind_comes(plan: Plan) -> None:
    windows = draw(plan).windows
    assert {window.kind for window in windows} == set(KINDS)
    assert all(one.begin < one.end < other.begin for one, other in pairwise(windows))
    assert windows[0].begin >= 0
    assert windows[-1].end <= plan.seconds


@given(PLANS)
def test_kills_take_turns_and_leave_the_last_third_alone(plan: Plan) -> None:
    kills = draw(plan).kills
    assert len(kills) == plan.kills
    assert all(one.at < other.at for one, other in pairwise(kills))
    assert all(one.instance != other.instance for one, other in pairwise(kills))
    assert all(kill.at < plan.seconds * 2 / 3 for kill in kills)


def test_two_outages_and_a_busy_n8n_cannot_exhaust_the_tries() -> None:
    tries_in_an_outage = 2  # it is shorter than the third pause
    assert MERCY + 2 * tries_in_an_outage < TRIES


def test_too_few_conversations_for_what_is_never_taken_are_refused() -> None:
    with pytest.raises(ValueError, match="need as many conversations"):
        draw(Plan(messages=10, conversations=5, forever=6))
