"""Spans of time in which something was broken, and what is left between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """From `began` to `ended`; monotonic seconds."""

    began: float
    ended: float

    def meets(self, began: float, ended: float) -> bool:
        """Whether any of that time lies in it."""
        return self.began <= ended and began <= self.ended


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time, in order and without overlaps."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.began <= found[-1].ended:
            found[-1] = Span(found[-1].began, max(found[-1].ended, span.ended))
        else:
            found.append(span)
    return found


def longest_without(outages: Sequence[Span], began: float, ended: float) -> float:
    """The longest stretch between `began` and `ended` in which nothing was broken. `outages` are merged."""
    longest, since = 0.0, began
    for outage in outages:
        if outage.ended < since:
            continue
        if outage.began >= ended:
            break
        longest = max(longest, outage.began - since)
        since = outage.ended
    return max(longest, ended - since, 0.0)


def total(spans: Iterable[Span]) -> float:
    """Seconds that lie in at least one of them."""
    return sum(span.ended - span.began for span in merged(spans))


__all__ = ["Span", "longest_without", "merged", "total"]
