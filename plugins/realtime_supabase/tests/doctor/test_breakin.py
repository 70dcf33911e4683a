"""The line of a person who tried to break in, of what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from umbral_chat_realtime_supabase.doctor.attempts import READABLE, Record
from umbral_chat_realtime_supabase.doctor.breakin import PEOPLE, verdict

USED_UP = "the plan's messages a second are used up"


def record(**given: Any) -> Record:
    return replace(Record(refused=9, read=set(READABLE)), **given)


@pytest.mark.parametrize("person", PEOPLE)
def test_whom_everything_refuses_is_well(person: str) -> None:
    found = verdict(person, record(), topics=True)
    assert found.ok
    assert "9 attempts refused; topics and broadcasts too" in found.detail
    assert ("reads its own" in found.detail) == (person == "member")


@pytest.mark.parametrize("person", PEOPLE)
def test_what_could_not_be_told_is_red_and_asks_for_another_try(person: str) -> None:
    found = verdict(person, record(unclear=["call b: 503", "call a: 503"]), topics=True)
    assert not found.ok
    assert found.detail == "whether it is refused could not be told: call a: 503, call b: 503"
    assert (found.mend or "").startswith("Try again.")


@pytest.mark.parametrize("person", PEOPLE)
def test_what_could_not_be_told_since_the_rate_is_used_up_asks_for_a_larger_plan(person: str) -> None:
    found = verdict(person, record(unclear=[f"broadcasts: {USED_UP}"], rate=USED_UP), topics=True)
    assert found.detail == f"whether it is refused could not be told: broadcasts: {USED_UP}"
    assert "a larger plan" in (found.mend or "")
    assert "Try again" not in (found.mend or "")


@pytest.mark.parametrize("person", PEOPLE)
def test_who_gets_in_is_red_whatever_else_could_not_be_told(person: str) -> None:
    record_ = record(breaches=[f"select {n}" for n in range(7)], unclear=["call a: 503"], rate=USED_UP)
    found = verdict(person, record_, topics=True)
    assert found.detail == "not refused: select 0, select 1, select 2, select 3, select 4 and 2 more"
    assert ("signature" in (found.mend or "")) == (person == "forged token")


@pytest.mark.parametrize("missing", READABLE)
def test_a_member_who_does_not_see_its_own_is_red_and_nobody_else_is(missing: str) -> None:
    seen = set(READABLE) - {missing}
    found = verdict("member", record(read=seen), topics=True)
    assert not found.ok
    assert found.detail == f"a member does not see its own {missing}"
    assert "umbral-chat supabase sql" in (found.mend or "")
    assert [who for who in PEOPLE if not verdict(who, record(read=seen), topics=True).ok] == ["member"]


def test_topics_that_were_not_tried_are_not_said_to_be_closed() -> None:
    assert verdict("stranger", record(), topics=False).detail.endswith(
        "topics were not tried, since no entry comes round"
    )
