"""What is drawn: the same for one seed, every kind in it, and faults that end within their round."""

from __future__ import annotations

from itertools import pairwise

from .plan import WEIGHTS, Plan, cast, faults


def test_a_seed_repeats_its_people_and_faults_and_another_has_others() -> None:
    plan = Plan(seed=3)
    assert cast(plan) == cast(Plan(seed=3)) != cast(Plan(seed=4))
    assert faults(plan, 1) == faults(Plan(seed=3), 1) != faults(plan, 2)


def test_every_kind_of_act_is_drawn_in_order_and_people_have_one_to_three_devices() -> None:
    people = cast(Plan(seed=1))
    assert {act.kind for person in people for acts in person.acts for act in acts} == set(WEIGHTS)
    assert {person.devices for person in people} == {1, 2, 3}
    assert all(one.at <= other.at for person in people for acts in person.acts for one, other in pairwise(acts))
    assert len({person.conversation for person in people}) == 10
    assert any(person.invisible for person in people)


def test_faults_come_one_after_the_other_and_are_over_before_the_peace() -> None:
    for seed in range(50):
        plan = Plan(seed=seed)
        some = faults(plan, 0)
        assert len({fault.kind for fault in some}) == plan.faults
        assert all(one.at + one.duration < other.at for one, other in pairwise(some))
        assert some[-1].at + some[-1].duration < plan.chaos
