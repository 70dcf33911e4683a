"""The pace: quick while things happen, slow while they do not, patient while the store fails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_polling.interval import Pace

happenings = st.lists(st.sampled_from(["news", "quiet", "glance", "found", "failed", "restart"]))


def pace() -> Pace:
    return Pace(start=1.0, lowest=0.25, highest=5.0)


def happen(pace: Pace, what: str) -> None:
    match what:
        case "news" | "quiet":
            pace.succeeded(news=what == "news")
        case "found" | "glance":
            pace.glanced(news=what == "found")
        case "failed":
            pace.failed()
        case _:
            pace.restart()


@given(happenings, st.floats(0, 1, exclude_max=True))
def test_every_pause_lies_within_its_bounds(past: list[str], draw: float) -> None:
    ticking = pace()
    for what in past:
        happen(ticking, what)
        assert 0.25 <= ticking.seconds <= 5.0
        assert 0.25 <= ticking.pause(draw) <= 5.0


def test_news_makes_it_as_quick_as_allowed_at_once() -> None:
    ticking = pace()
    assert ticking.pause(0) == 1.0
    ticking.succeeded(news=True)
    assert ticking.pause(0) == 0.25


def test_silence_slows_it_down_step_by_step_to_its_longest() -> None:
    ticking = pace()
    pauses = []
    for _ in range(6):
        pauses.append(ticking.pause(0))
        ticking.succeeded(news=False)
    assert pauses == [1.0, 1.5, 2.25, 3.375, 5.0, 5.0]


def test_a_glance_that_finds_nothing_does_not_slow_it_down() -> None:
    ticking = pace()
    ticking.glanced(news=False)
    assert ticking.pause(0) == 1.0


def test_failures_back_off_and_are_forgotten_by_the_first_answer() -> None:
    ticking = pace()
    pauses = []
    for _ in range(6):
        ticking.failed()
        pauses.append(ticking.pause(0.999999))
    assert [round(pause, 2) for pause in pauses] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert ticking.pause(0) == 2.5, "the draw spreads it over the upper half"
    ticking.succeeded(news=False)
    assert (ticking.failures, ticking.pause(0)) == (0, 1.5)


def test_an_outage_of_days_is_only_a_long_pause() -> None:
    ticking = pace()
    ticking.failures = 1_000_000
    assert ticking.pause(0.5) <= 5.0


def test_whoever_comes_after_a_quiet_time_does_not_wait_the_longest_pause() -> None:
    ticking = pace()
    ticking.seconds = 5.0
    ticking.restart()
    assert ticking.seconds == 1.0
