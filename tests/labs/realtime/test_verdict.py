"""A soak whose faults hit nothing, or that was never live, is no soak."""

from __future__ import annotations

import pytest

from tests.labs.kit.lateness import Wait

from .run import Strike
from .verdict import bit, one_sided, tame, usual, worst_during


def wait(acknowledged: float, seconds: float, mode: str = "live", *, crossed: bool = True) -> Wait:
    return Wait("r0", f"s0-{acknowledged}", acknowledged, seconds, mode, "another" if crossed else "itself")


QUIET = [wait(float(at), 0.1) for at in range(20)] + [wait(3.0, 0.2, "polling")]
STRIKE = Strike("lose", "0.30", began=100.0, ended=110.0)


def test_the_usual_wait_is_that_of_the_quiet_times_between_instances() -> None:
    slow = [wait(105.0, 9.0)] * 40 + [wait(1.0, 9.0, crossed=False)] * 40
    assert usual(QUIET + slow, [STRIKE]) == 0.1
    assert worst_during(STRIKE, QUIET + slow) == 9.0
    assert worst_during(STRIKE, QUIET) == 0.0
    again_at_115 = Strike("lose", "", began=100.0, ended=110.0, recovered=5.0)
    assert worst_during(again_at_115, [wait(114.0, 2.0), wait(116.0, 3.0)]) == 2.0


def test_a_fault_bit_when_it_was_counted_or_noticed_or_made_an_entry_late() -> None:
    assert not bit(STRIKE, [*QUIET, wait(105.0, 0.3)])
    assert bit(STRIKE, [*QUIET, wait(105.0, 0.9)])
    assert not bit(STRIKE, [*QUIET, wait(111.0, 0.9)])
    assert not bit(STRIKE, [*QUIET, wait(105.0, 0.9, crossed=False)])
    assert bit(Strike("lose", "", 100.0, 110.0, hits=1), QUIET)
    assert bit(Strike("lose", "", 100.0, 110.0, noticed=1.5), QUIET)


def test_a_kind_that_never_bit_or_was_never_done_is_tame() -> None:
    hit = Strike("drop", "", 50.0, 51.0, hits=2)
    assert list(tame([STRIKE, hit], QUIET, ["drop"])) == []
    found = list(tame([STRIKE, STRIKE, hit], QUIET, ["drop", "lose", "stall"]))
    assert [violation.kind for violation in found] == ["tame", "tame"]
    assert "lose was done 2 times" in found[0].what
    assert "stall was done 0 times" in found[1].what
    assert list(tame([STRIKE, Strike("lose", "", 200.0, 201.0, hits=1)], QUIET, ["lose"])) == []


@pytest.mark.parametrize("mode", ["live", "polling"])
def test_both_modes_must_have_carried_entries_across(mode: str) -> None:
    assert list(one_sided(QUIET)) == []
    others = [each for each in QUIET if each.mode != mode]
    (violation,) = one_sided([*others, wait(1.0, 0.1, mode, crossed=False)])
    assert f"mode was {mode}" in violation.what
