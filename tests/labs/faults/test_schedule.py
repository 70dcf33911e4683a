"""What seeds draw: the same each time, every kind before long, and nothing that the deployment does not have."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from random import Random

import pytest

from .kinds import ALL, WINDOW, drawn, tracks
from .schedule import WINDOW_SEED, Schedule, edges, schedule, weights

TWENTY = [schedule(seed) for seed in range(1, 21)]


def kinds(plans: Iterable[Schedule]) -> set[str]:
    return {planned.fault.kind for plan in plans for planned in plan.faults}


def test_a_seed_draws_the_same_again_and_another_one_something_else() -> None:
    assert schedule(7) == schedule(7)
    assert schedule(7).faults != schedule(13).faults


def test_twenty_seeds_have_every_kind_and_every_sort_of_run() -> None:
    assert kinds(TWENTY) == set(ALL)
    assert {(plan.deployment, plan.style) for plan in TWENTY} == {
        ("supabase", "storm"),
        ("supabase", "squall"),
        ("supabase", "calm"),
        ("sqlite", "storm"),
    }
    assert {plan.snapshot for plan in TWENTY} == {plan.slowest_first for plan in TWENTY} == {True, False}
    assert len({plan.cache for plan in TWENTY}) > 1


@pytest.mark.parametrize("plan", TWENTY, ids=lambda plan: str(plan.seed))
def test_a_run_has_faults_of_its_deployment_in_order_and_none_begins_after_its_time(plan: Schedule) -> None:
    known = {(kind, track.instance) for track in tracks(plan.deployment) for kind in track.kinds}
    assert {(each.fault.kind, each.fault.instance) for each in plan.faults} <= known
    moments = [each.at for each in plan.faults]
    assert moments == sorted(moments)
    assert moments[0] >= 0
    assert moments[-1] < plan.seconds <= 30


@pytest.mark.parametrize("plan", TWENTY, ids=lambda plan: str(plan.seed))
def test_of_one_track_no_fault_is_planned_before_the_one_before_is_over(plan: Schedule) -> None:
    for track in {each.track for each in plan.faults}:
        mine = [each for each in plan.faults if each.track == track]
        for one, other in pairwise(mine):
            assert other.at > one.at + one.fault.duration


def test_a_calm_run_has_one_fault_at_a_time_and_long_quiet() -> None:
    for plan in (plan for plan in TWENTY if plan.style == "calm"):
        for one, other in pairwise(plan.faults):
            assert other.at - one.at - one.fault.duration >= 4


def test_on_each_instance_at_least_two_wait_in_their_polls_one_polls_and_two_read_streams() -> None:
    for plan in TWENTY:
        for instance in (0, 1):
            mine = [edge for number, edge in enumerate(edges(plan)) if number % 2 == instance]
            assert mine.count("long_poll") >= 2
            assert mine.count("poll") >= 1
            assert (mine.count("sse"), mine.count("websocket")) == ((0, 0) if plan.snapshot else (1, 1))
        assert sum(weight * 25 < sum(weights(plan)) for weight in weights(plan)) >= 3, "some conversations are quiet"


def test_the_windows_course_leaves_nothing_but_the_fill_to_show_what_was_said_in_them() -> None:
    plan = schedule(WINDOW_SEED)
    assert {planned.fault.kind for planned in plan.faults} == {WINDOW}
    assert {planned.fault.instance for planned in plan.faults} == {0, 1}
    assert weights(plan)[-plan.apart :] == [0] * plan.apart, "no sender speaks where the faults do"
    # Between two of them there is time to come back, and to see what is late after that.
    assert all(other.at - one.at - one.fault.duration > 8 for one, other in pairwise(plan.faults))
    settings = plan.settings()
    looks = [float(settings[f"POLLING__{name}"]) for name in ("MIN_INTERVAL", "INTERVAL", "MAX_INTERVAL")]
    assert min(*looks, plan.reconcile_interval, float(settings["REALTIME__RECONCILE_INTERVAL"])) == 30


@pytest.mark.parametrize("kind", ALL)
def test_every_kind_can_be_drawn_and_lasts_a_bounded_time(kind: str) -> None:
    for seed in range(20):
        fault = drawn(kind, Random(seed), 1)
        assert fault.kind == kind
        assert 0 <= fault.duration < 12
