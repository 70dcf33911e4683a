"""How tries are counted and spaced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given
from umbral_chat._core.consumers.bisection import failed_tries
from umbral_chat._core.consumers.claim_ends import released
from umbral_chat._core.consumers.claim_records import ClaimRecord
from umbral_chat._core.consumers.cursor_store import StoredCursor
from umbral_chat._core.consumers.tries import (
    LONGEST_PAUSE,
    LONGEST_WISH,
    Tries,
    failed,
    pause_after,
    reason_of,
)
from umbral_chat.errors import HistoryUnavailable, TryLater, Undeliverable
from umbral_chat.providers.consumers import REASON_LIMIT
from umbral_chat.providers.edges import LogEnd

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

moments = st.datetimes(NOON.replace(tzinfo=None), datetime(2027, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001
errors = st.one_of(
    st.just(ValueError("its content")),
    st.builds(TryLater, st.floats(), st.text()),
    st.builds(Undeliverable, st.text()),
)


@given(failures=st.lists(st.tuples(st.integers(1, 3), moments, errors), min_size=1, max_size=30))
def test_tries_of_one_entry_in_a_row_are_counted_and_those_of_another_begin_anew(
    failures: list[tuple[int, datetime, Exception]],
) -> None:
    tries: Tries | None = None
    row: list[datetime] = []
    for seq, now, error in failures:
        row = [*row, now] if tries is not None and tries.seq == seq else [now]
        tries = failed(tries, seq, error, now)
        assert (tries.seq, tries.count) == (seq, len(row))
        assert (tries.first_at, tries.last_at) == (row[0], row[-1])
        assert 0 < tries.wait(now) <= LONGEST_WISH
        assert tries.wait(now + timedelta(seconds=LONGEST_WISH)) == 0
        assert tries.wait(now - timedelta(days=30)) <= LONGEST_WISH, "a clock that is wrong holds it up no longer"
        assert len(tries.reason) <= REASON_LIMIT
        assert tries.reason.isprintable()
        assert "its content" not in tries.reason
        assert msgspec.json.decode(msgspec.json.encode(tries), type=Tries) == tries


def test_pauses_double_to_a_bound_and_are_never_shorter_than_asked_for() -> None:
    for count in range(1, 100):
        bound = min(LONGEST_PAUSE, 2.0 ** (count - 1))
        assert bound / 2 <= pause_after(count) <= bound
    assert failed(None, 1, TryLater(90, "busy"), NOON).wait(NOON) == 90
    assert failed(None, 1, TryLater(float("inf"), "busy"), NOON).wait(NOON) == LONGEST_WISH
    assert failed(None, 1, TryLater(float("nan"), "busy"), NOON).wait(NOON) <= 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("the text of the entry"), "ValueError"),
        (Undeliverable("the receiver\nanswers \x1b[31m410"), "the receiver answers [31m410"),
        (TryLater(5, ""), "TryLater"),
        (HistoryUnavailable("down"), "down"),
    ],
)
def test_the_reason_is_one_line_and_never_the_text_of_a_foreign_error(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@given(
    before=st.one_of(
        st.none(), st.builds(Tries, seq=st.just(8), count=st.integers(0, 9), first_at=moments, last_at=moments)
    ),
    delay=st.floats(0, 1000),
    reason=st.one_of(st.none(), st.just("no")),
    end=st.booleans(),
    given_entries=st.integers(1, 100),
    bound=st.integers(1, 20),
)
def test_what_is_given_back_counts_only_when_it_failed(
    before: Tries | None, delay: float, reason: str | None, end: bool, given_entries: int, bound: int
) -> None:
    cursor = StoredCursor("aaaaaaaaaa", 7, before)
    ended = LogEnd("aaaaaaaaaa", None) if end else None
    record = ClaimRecord(conversation="room", token=1, before=cursor, end=ended, given=given_entries)
    tries = released(record, cursor, delay=delay, failed=reason, bound=bound, now=NOON)
    count = 0 if before is None else before.count
    counted = count if reason is None else failed_tries(count, given_entries, bound)
    assert (0 if tries is None else tries.count) == counted
    wait = 0.0 if tries is None else tries.wait(NOON)
    assert wait >= delay - 0.001
    if tries is not None:
        assert tries.seq == (0 if end else 8)
    if reason is None:
        assert wait <= delay + 0.001
