"""Arithmetic of spans."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from .outages import Span, longest_without, merged, total

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)).map(lambda pair: Span(pair[0], pair[0] + pair[1])))


def test_spans_that_touch_or_overlap_become_one() -> None:
    assert merged([Span(5, 6), Span(1, 2), Span(2, 3), Span(1.5, 1.7)]) == [Span(1, 3), Span(5, 6)]
    assert total([Span(0, 2), Span(1, 3)]) == 3


def test_what_counts_is_the_longest_stretch_in_one_piece() -> None:
    outages = [Span(2, 4), Span(9, 10)]
    assert longest_without(outages, 0, 12) == 5
    assert longest_without(outages, 2.5, 3.5) == 0
    assert longest_without(outages, 3, 5) == 1
    assert longest_without(outages, 9.5, 20) == 10
    assert longest_without([], 1, 4) == 3
    assert longest_without([Span(0, 1)], 2, 5) == 3
    assert longest_without([Span(6, 7)], 2, 5) == 3


@given(SPANS, st.integers(0, 60), st.integers(0, 60))
def test_it_is_what_counting_the_seconds_finds(spans: list[Span], one: int, other: int) -> None:
    began, ended = sorted((one, other))
    longest = run = 0
    for second in range(began, ended):
        out = any(span.began <= second and second + 1 <= span.ended for span in spans)
        run = 0 if out or any(span.began == second for span in spans) else run
        run += not out
        longest = max(longest, run)
    assert longest_without(merged(spans), began, ended) == longest
