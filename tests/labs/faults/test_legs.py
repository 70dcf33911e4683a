"""A page is late by what it adds to its instance's own lateness."""

from __future__ import annotations

from .legs import second_leg
from .observations import Observation
from .outages import Span

FREE: list[list[Span]] = [[], []]


def observed(reader: str, seen: float, *, instance: int = 0, acknowledged: float = 10.0, key: str = "a") -> Observation:
    return Observation(reader, "c", instance, key, acknowledged, seen, "live", seen - acknowledged)


def late(page: Observation, *others: Observation, excused: list[list[Span]] = FREE) -> float:
    (found,) = second_leg([page], others, excused)
    assert found._replace(staleness=0.0) == page._replace(staleness=0.0)
    return found.staleness


def test_it_counts_from_the_first_sight_of_a_reader_of_the_same_instance() -> None:
    page = observed("d0", 19.0)
    assert late(page, observed("r0", 15.0), observed("r2", 14.0), observed("r1", 11.0, instance=1)) == 5.0
    assert late(page, observed("r0", 12.0, key="b")) == 9.0, "another entry"


def test_whom_nobody_was_before_is_late_from_the_acknowledgement() -> None:
    assert late(observed("d0", 13.0)) == 3.0
    assert late(observed("d0", 13.0), observed("r0", 14.0)) == 0.0, "its channel was faster"


def test_what_is_excused_does_not_count() -> None:
    assert late(observed("d0", 19.0), observed("r0", 11.0), excused=[[Span(12.0, 17.0)], []]) == 2.0
    assert late(observed("d0", 19.0), observed("r0", 11.0), excused=[[], [Span(12.0, 17.0)]]) == 8.0, (
        "another instance's"
    )
