"""Trying again: it waits as the service asks, it has an end, and what does not pass is not repeated."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat._core.cli.retry import with_retries


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.slept.append(seconds)


class Attempt:
    """Raises the given errors in turn, then the last for ever or succeeds."""

    def __init__(self, *errors: Exception, for_ever: bool = False) -> None:
        self.errors = list(errors)
        self.for_ever = for_ever
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        if not self.errors:
            return "done"
        raise self.errors[0] if self.for_ever else self.errors.pop(0)


GONE = Unreachable("http://127.0.0.1:1", "refused.")


async def test_a_transient_error_is_retried_and_notified_once() -> None:
    clock, notified = Clock(), list[Exception]()
    attempt = Attempt(GONE, Problem(503, "Down"), Problem(429, "Slow down", retry_after=7.0))
    assert await with_retries(attempt, patience=60, notice=notified.append, clock=clock) == "done"
    assert attempt.tries == 4
    assert notified == [GONE]
    assert clock.slept[2] >= 7


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422, 500])
async def test_a_permanent_error_is_not_retried(status: int) -> None:
    attempt = Attempt(Problem(status, "No"), for_ever=True)
    with pytest.raises(Problem):
        await with_retries(attempt, patience=60, clock=Clock())
    assert attempt.tries == 1


async def test_a_delay_that_is_longer_than_the_patience_is_not_begun() -> None:
    clock = Clock()
    with pytest.raises(Problem):
        await with_retries(Attempt(Problem(503, "Down", retry_after=3600.0), for_ever=True), patience=10, clock=clock)
    assert clock.slept == []


@given(st.floats(0, 300))
async def test_it_ends_within_its_patience(patience: float) -> None:
    clock, attempt = Clock(), Attempt(GONE, for_ever=True)
    with pytest.raises(Unreachable):
        await with_retries(attempt, patience=patience, clock=clock)
    assert clock.time <= patience
    # It did try for as long as it was asked to: the next pause, of at most 5 s, would have been too long.
    assert clock.time >= patience - 5
    assert attempt.tries == len(clock.slept) + 1
