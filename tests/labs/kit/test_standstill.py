"""The time in which no reader could be shown anything, because the machine ran nothing."""

from __future__ import annotations

import asyncio
import time

import pytest

from .standstill import LATE, TICK, Standstill, stood_still, watch


@pytest.mark.parametrize(
    ("began", "ended", "seconds"), [(0.0, 1.0, 0.0), (1.0, 9.0, 3.0), (2.5, 6.5, 1.0), (4.0, 5.0, 0.0), (2.2, 2.4, 0.2)]
)
def test_what_lies_within_counts(began: float, ended: float, seconds: float) -> None:
    found = [Standstill(2.0, 3.0), Standstill(6.0, 8.0)]
    assert stood_still(found, began, ended) == pytest.approx(seconds)


async def test_a_loop_that_does_not_run_is_seen() -> None:
    found: list[Standstill] = []
    watching = asyncio.create_task(watch(found))
    await asyncio.sleep(TICK / 2)
    before = time.monotonic()
    time.sleep(TICK + 3 * LATE)  # noqa: ASYNC251 - that is what is to be seen
    after = time.monotonic()
    await asyncio.sleep(0.01)
    watching.cancel()
    assert stood_still(found, before, after) >= 2 * LATE
