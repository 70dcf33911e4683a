"""Intervals: short while people write, longer the longer they do not; and pauses that grow while the store fails."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_polling.interval import TickInterval, long_poll, poll_after, poll_after_drain

events = st.lists(st.sampled_from(["news", "quiet", "nothing in part", "news in part", "failed", "restart"]))


class Fixed(random.Random):
    """Draws `draw` of each range, in [0, 1)."""

    def __init__(self, draw: float) -> None:
        super().__init__()
        self.draw = draw

    def random(self) -> float:
        return self.draw


def interval(rng: random.Random | None = None, highest: float = 5.0) -> TickInterval:
    return TickInterval(start=1.0, lowest=0.25, highest=highest, rng=rng)


@given(events, st.floats(0, 1, exclude_max=True), st.floats(1.0, 5.0))
def test_every_interval_lies_within_its_bounds(past: list[str], draw: float, highest: float) -> None:
    ticking = interval(Fixed(draw), highest)
    for what in past:
        match what:
            case "news" | "quiet":
                ticking.succeeded(news=what == "news")
            case "news in part" | "nothing in part":
                ticking.partly_read(news=what == "news in part")
            case "failed":
                assert 0.25 <= ticking.failed() <= highest
            case _:
                ticking.restart()
        assert 0.25 <= ticking.seconds <= highest


def test_the_pause_after_a_failure_is_within_bounds_that_are_close_together() -> None:
    assert TickInterval(start=1.0, lowest=1.0, highest=1.0, rng=Fixed(0)).failed() == 1.0


def test_news_makes_it_as_short_as_allowed_at_once() -> None:
    ticking = interval()
    assert ticking.seconds == 1.0
    ticking.succeeded(news=True)
    assert ticking.seconds == 0.25


def test_without_news_it_grows_step_by_step_to_its_longest() -> None:
    ticking = interval()
    intervals = []
    for _ in range(6):
        intervals.append(ticking.seconds)
        ticking.succeeded(news=False)
    assert intervals == [1.0, 1.5, 2.25, 3.375, 5.0, 5.0]


def test_a_read_in_part_without_news_does_not_lengthen_it() -> None:
    ticking = interval()
    ticking.partly_read(news=False)
    assert ticking.seconds == 1.0


def test_failures_back_off_and_are_forgotten_by_the_first_answer() -> None:
    rng = Fixed(0.999999)
    ticking = interval(rng)
    assert [round(ticking.failed(), 2) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    rng.draw = 0
    assert ticking.failed() == 2.5, "the draw spreads it over the upper half"
    ticking.succeeded(news=False)
    assert (ticking.failures, ticking.seconds) == (0, 1.5)
    rng.draw = 0.999999
    assert round(ticking.failed(), 2) == 0.5


def test_an_outage_of_days_is_only_a_long_pause() -> None:
    ticking = interval()
    assert max(ticking.failed() for _ in range(2000)) <= 5.0


def test_the_first_to_watch_after_a_quiet_time_does_not_wait_the_longest_interval() -> None:
    ticking = interval()
    ticking.seconds = 5.0
    ticking.restart()
    assert ticking.seconds == 1.0


silences = st.floats(0, 1e9)
draws = st.floats(0, 1, exclude_max=True)


@given(silences, silences, st.booleans())
def test_a_longer_silence_never_asks_to_come_back_sooner(one: float, other: float, writing: bool) -> None:
    sooner, later = (poll_after(silence, writing=writing, lowest=0.25, highest=5.0) for silence in sorted((one, other)))
    assert 0.25 <= sooner <= later <= 5.0


@pytest.mark.parametrize(("silence", "seconds"), [(0, 0.25), (30, 0.25), (60, 0.5), (120, 1.0), (600, 5.0), (1e6, 5.0)])
def test_it_grows_with_the_silence(silence: float, seconds: float) -> None:
    assert poll_after(silence, writing=False, lowest=0.25, highest=5.0) == seconds


def test_while_a_message_is_being_written_it_is_as_soon_as_allowed() -> None:
    assert poll_after(1e6, writing=True, lowest=0.25, highest=5.0) == 0.25


@given(st.floats(0, 1e6), draws)
def test_a_long_poll_waits_as_asked_and_never_past_its_end(wait: float, draw: float) -> None:
    seconds = long_poll(wait, draw, longest=55)
    assert 0 <= seconds <= wait
    assert seconds <= 55
    assert seconds == wait or seconds >= 45 - 1e-9


def test_those_who_are_sent_away_together_come_back_spread() -> None:
    assert poll_after_drain(0, lowest=0.25) == 0.25
    assert poll_after_drain(0.5, lowest=0.25) == 1.25
