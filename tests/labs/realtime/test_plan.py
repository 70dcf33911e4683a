"""The faults that are drawn: every kind in every round, the same for one seed, and commands that the stand-in knows."""

from __future__ import annotations

from dataclasses import fields
from itertools import islice
from random import Random

import pytest

from tests.labs.kit.realtime_faults import KINDS, ROOMY, draw
from tests.local_supabase.realtime.control import NAMES
from tests.local_supabase.realtime.faults import Faults
from tests.local_supabase.realtime.limits import Limits

from .plan import Soak, steps

KNOWN = {"faults": {field.name for field in fields(Faults)}, "limits": {field.name for field in fields(Limits)}}


def test_each_round_has_every_kind_once_in_an_order_of_its_own() -> None:
    rounds = [[step.fault.kind for step in planned] for planned in islice(steps(Soak(seed=7)), 4)]
    assert all(sorted(kinds) == sorted(KINDS) for kinds in rounds)
    assert len({tuple(kinds) for kinds in rounds}) == 4


def test_a_seed_repeats_its_faults_and_another_has_others() -> None:
    one, again, other = (list(islice(steps(Soak(seed=seed)), 2)) for seed in (7, 7, 8))
    assert one == again != other


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_commanded_exists_and_is_taken_back(kind: str) -> None:
    for seed in range(20):
        fault = draw(kind, Random(seed))
        for name, body in (*fault.begin, *fault.end, ROOMY):
            assert name in NAMES
            assert body.keys() <= KNOWN.get(name, body.keys())
        begun = {key for name, body in fault.begin for key in body if name == "faults"}
        ended = {key: value for name, body in fault.end for key, value in body.items() if name == "faults"}
        assert ended == {key: getattr(Faults(), key) for key in begun}


def test_a_brisk_soak_takes_a_share_of_the_time() -> None:
    usual, brisk = (next(steps(Soak(seed=7, brisk=share))) for share in (1.0, 0.25))
    for slow, fast in zip(usual, brisk, strict=True):
        assert fast.fault.kind == slow.fault.kind
        assert fast.fault.duration == pytest.approx(slow.fault.duration / 4)
        assert fast.quiet == pytest.approx(slow.quiet / 4)
