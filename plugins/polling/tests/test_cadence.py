"""When a client is asked to come back: soon while people write, later the longer they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_polling.cadence import long_poll, poll_after, poll_after_drain

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
