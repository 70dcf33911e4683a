"""Waits as they are measured, and each promise about them broken on purpose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .facts import Item, Reading, Shown
from .lateness import Wait, late, quantile, waits
from .standstill import Standstill


def item(key: str, seq: int) -> Item:
    return Item(seq, "message", key, f"m{seq}", "t", "user//", "text")


def reading(*shown: tuple[str, float], instance: int = 0) -> Reading:
    items = [item(key, seq) for seq, (key, _) in enumerate(shown, start=1)]
    return Reading("r0", "c", items, instance, [Shown(at, "live") for _, at in shown])


THROUGH = {"s0-0": {0}, "s1-0": {1}, "s3-1": {0, 1}}


def test_a_wait_is_from_the_acknowledgement_to_the_first_sight_and_never_below_zero() -> None:
    seen = reading(("s0-0", 10.5), ("s1-0", 11.0), ("s0-0", 19.0))
    found = list(waits([seen], {"s0-0": 10.0, "s1-0": 12.0}, THROUGH))
    assert found == [Wait("r0", "s0-0", 10.0, 0.5, "live", "itself"), Wait("r0", "s1-0", 12.0, 0.0, "live", "another")]


def test_what_was_sent_to_other_instances_only_crosses() -> None:
    acknowledged = dict.fromkeys(THROUGH, 10.0)
    seen = [(key, 11.0) for key in THROUGH]
    here = list(waits([reading(*seen, instance=0)], acknowledged, THROUGH))
    there = list(waits([reading(*seen, instance=1)], acknowledged, THROUGH))
    assert [wait.sent_to for wait in here] == ["itself", "another", "both"]
    assert [wait.sent_to for wait in there] == ["another", "itself", "both"]
    assert [wait.crossed for wait in there] == [True, False, False]


def test_the_time_in_which_the_machine_stood_still_is_taken_off() -> None:
    (wait,) = waits([reading(("s0-0", 18.0))], {"s0-0": 10.0}, THROUGH, [Standstill(9.0, 11.0), Standstill(12.0, 12.5)])
    assert wait.seconds == 6.5


def test_what_was_never_acknowledged_is_measured_from_nothing() -> None:
    assert list(waits([reading(("s0-0", 99.0))], {}, THROUGH)) == []


def test_a_wait_past_the_bound_is_late_and_one_at_it_is_not() -> None:
    at_it = Wait("r0", "s0-0", 10.0, 5.25, "live", "another")
    assert list(late([at_it], 5.25)) == []
    (violation,) = late([at_it._replace(seconds=5.26), at_it], 5.25)
    assert violation.kind == "late"
    assert "r0 saw s0-0 5.26 s after" in violation.what


@given(st.lists(st.floats(0, 20), min_size=1), st.data())
def test_no_single_late_sight_goes_unseen(delays: list[float], data: st.DataObject) -> None:
    keys = [f"s{number}-0" for number in range(len(delays))]
    through = {key: {0} for key in keys}
    acknowledged = dict.fromkeys(keys, 100.0)
    seen = reading(*((key, 100.0 + delay) for key, delay in zip(keys, delays, strict=True)))
    bound = data.draw(st.floats(0.5, 19.5))
    found = list(late(waits([seen], acknowledged, through), bound))
    assert len(found) == sum(100.0 + delay - 100.0 > bound for delay in delays)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 51.0), (0.99, 100.0), (1.0, 100.0)])
def test_quantiles(share: float, value: float) -> None:
    assert quantile([float(number) for number in range(1, 101)], share) == value
    assert quantile([], share) == 0.0
