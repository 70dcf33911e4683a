"""The result for each actor of the access checks, by the outcomes of its attempts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from umbral_chat_realtime_supabase.doctor.access_checks import ACTORS, verdict
from umbral_chat_realtime_supabase.doctor.attempts import READABLE, AccessRecord

USED_UP = "the plan's messages a second are used up"


def record(**given: Any) -> AccessRecord:
    return replace(AccessRecord(refused=9, read=set(READABLE)), **given)


@pytest.mark.parametrize("actor", ACTORS)
def test_an_actor_that_is_refused_everything_passes(actor: str) -> None:
    found = verdict(actor, record(), topics=True)
    assert found.ok
    assert "9 attempts refused; topics and broadcasts too" in found.detail
    assert ("reads its own" in found.detail) == (actor == "member")


@pytest.mark.parametrize("actor", ACTORS)
def test_an_unclear_outcome_fails_and_asks_for_another_try(actor: str) -> None:
    found = verdict(actor, record(unclear=["call b: 503", "call a: 503"]), topics=True)
    assert not found.ok
    assert found.detail == "whether it is refused is unclear: call a: 503, call b: 503"
    assert (found.mend or "").startswith("Try again.")


@pytest.mark.parametrize("actor", ACTORS)
def test_an_outcome_that_is_unclear_since_the_rate_is_used_up_asks_for_a_larger_plan(actor: str) -> None:
    found = verdict(actor, record(unclear=[f"broadcasts: {USED_UP}"], rate=USED_UP), topics=True)
    assert found.detail == f"whether it is refused is unclear: broadcasts: {USED_UP}"
    assert "a larger plan" in (found.mend or "")
    assert "Try again" not in (found.mend or "")


@pytest.mark.parametrize("actor", ACTORS)
def test_a_breach_fails_whatever_else_is_unclear(actor: str) -> None:
    record_ = record(breaches=[f"select {n}" for n in range(7)], unclear=["call a: 503"], rate=USED_UP)
    found = verdict(actor, record_, topics=True)
    assert found.detail == "not refused: select 0, select 1, select 2, select 3, select 4 and 2 more"
    assert ("signature" in (found.mend or "")) == (actor == "forged token")


@pytest.mark.parametrize("missing", READABLE)
def test_only_a_member_fails_when_it_does_not_see_its_own(missing: str) -> None:
    seen = set(READABLE) - {missing}
    found = verdict("member", record(read=seen), topics=True)
    assert not found.ok
    assert found.detail == f"a member does not see its own {missing}"
    assert "umbral-chat supabase sql" in (found.mend or "")
    assert [actor for actor in ACTORS if not verdict(actor, record(read=seen), topics=True).ok] == ["member"]


def test_topics_that_were_not_tried_are_not_reported_as_refused() -> None:
    assert verdict("stranger", record(), topics=False).detail.endswith("topics were not tried, since no entry arrives")
