"""Back-off: pauses grow, stay within their bounds, and are spread by the jitter."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.transport_kit.backoff import Backoff, Jitter

JITTERS: tuple[Jitter, ...] = get_args(Jitter)


@given(st.sampled_from(JITTERS), st.integers(), st.floats(0.1, 10), st.floats(1, 4), st.integers(1, 2000))
def test_no_pause_is_longer_than_the_maximum(
    jitter: Jitter, seed: int, initial: float, multiplier: float, pauses: int
) -> None:
    backoff = Backoff(initial=initial, maximum=5.0, multiplier=multiplier, jitter=jitter, rng=random.Random(seed))
    assert all(0 <= backoff.next() <= 5.0 for _ in range(pauses))


def test_without_jitter_the_bound_is_the_pause() -> None:
    backoff = Backoff(initial=0.5, maximum=5.0, multiplier=2.0, jitter="none")
    assert [backoff.next() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 0.5


@pytest.mark.parametrize(
    ("jitter", "lowest", "highest"), [("decorrelated", 1.0, 3.0), ("full", 0.0, 1.0), ("equal", 0.5, 1.0)]
)
def test_the_first_pauses_of_many_are_spread_over_their_range(jitter: Jitter, lowest: float, highest: float) -> None:
    drawn = [Backoff(initial=1.0, maximum=9.0, jitter=jitter, rng=random.Random(seed)).next() for seed in range(500)]
    assert lowest <= min(drawn) < lowest + 0.1
    assert highest - 0.1 < max(drawn) <= highest
