"""What is logged of a history that does not answer: each outage, but not the thousand of a full disk."""

from __future__ import annotations

import pytest
from umbral_chat._core.history.health import LOG_INTERVAL, HistoryHealth
from umbral_chat.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().split(";")[0] for record in caplog.records]


async def test_an_outage_is_logged_once_and_so_is_its_end(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    health = HistoryHealth(clock)
    for _ in range(3):
        health.failed("gone")
        await clock.elapse(LOG_INTERVAL)
    assert health.since is not None
    health.answered(health.outages)
    health.answered(health.outages)
    assert health.since is None
    assert logged(caplog) == [
        "the history does not answer: gone",
        "the history answers again",
    ]


async def test_outages_that_follow_soon_are_counted_instead(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    health = HistoryHealth(clock)
    for _ in range(50):
        health.failed("full")
        assert health.since is not None
        health.answered(health.outages)
        assert health.since is None
    assert len(logged(caplog)) == 2
    await clock.elapse(LOG_INTERVAL)
    health.failed("full")
    assert logged(caplog)[-1] == (
        "the history does not answer: full (49 short outages more since the last one that was logged)"
    )


async def test_an_outage_that_began_soon_after_another_and_goes_on_is_logged(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    health = HistoryHealth(clock)
    health.failed("first")
    health.answered(health.outages)
    health.failed("second")
    assert len(logged(caplog)) == 2
    await clock.elapse(LOG_INTERVAL)
    health.failed("second")
    health.answered(health.outages)
    assert logged(caplog)[2:] == [
        "the history does not answer: second",
        "the history answers again",
    ]


def test_an_answer_to_what_was_asked_before_the_outage_does_not_end_it(clock: ManualClock) -> None:
    health = HistoryHealth(clock)
    before = health.outages
    health.failed("gone")
    during = health.outages
    health.answered(before)
    assert health.since is not None
    health.answered(during)
    assert health.since is None
