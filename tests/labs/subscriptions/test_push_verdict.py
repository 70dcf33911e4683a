"""The verdict on pushes: every broken promise is found, and what was promised is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .observations import Delivery, Event, Stored
from .push_verdict import judge_push
from .verdict import judge_dead, judge_tame

STORED = [Stored(f"m{seq}", "room", "aaaaaaaaaa", seq, f"m{seq} text") for seq in (1, 2, 3)]


def event(seq: int, **other: str) -> Event:
    known = {"id": f"id-{seq}", "cursor": f"aaaaaaaaaa.{seq}", "key": f"m{seq}", "content": f"m{seq} text"}
    return Event(type="entry", conversation="room", seq=seq, **(known | other))


def delivered(order: int, seq: int, answered: int | None = None, **other: str) -> Delivery:
    return Delivery(order, 0.0, "push", event(seq, **other), f"id-{seq}", signed=True, answered=answered)


WELL = [delivered(1, 1, 2), delivered(3, 2, 4), delivered(5, 3, 6)]


def kinds(deliveries: Sequence[Delivery], **given: object) -> set[str]:
    return {violation.kind for violation in judge_push("push", STORED, deliveries, **given)}  # type: ignore[arg-type]  # whatever a test gives


def test_each_entry_once_and_in_order_is_what_was_promised() -> None:
    assert kinds(WELL) == set()


def test_repeats_are_allowed_of_what_was_delivered_and_the_order_goes_on_from_there() -> None:
    again = [delivered(1, 1), delivered(2, 1, 3), delivered(4, 2, 5), delivered(6, 1, 7), delivered(8, 2, 9)]
    assert kinds([*again, delivered(10, 3, 11)]) == set()


@pytest.mark.parametrize(
    ("deliveries", "found"),
    [
        (WELL[:2], "lost"),
        ([*WELL[:2], delivered(5, 3)], "lost"),
        ([WELL[0], delivered(3, 3, 4), delivered(5, 2, 6)], "reordered"),
        ([delivered(1, 1, 4), delivered(3, 2, 5), WELL[2]], "reordered"),
        ([*WELL, delivered(7, 3, 8, id="other")], "identity"),
        ([*WELL[:2], delivered(5, 3, 6, id="id-1")], "identity"),
        ([*WELL[:2], delivered(5, 3, 6, content="m3 other")], "altered"),
        ([*WELL[:2], delivered(5, 3, 6, cursor="bbbbbbbbbb.3")], "altered"),
        ([*WELL, delivered(7, 4, 8)], "altered"),
    ],
)
def test_what_was_broken_is_found(deliveries: Sequence[Delivery], found: str) -> None:
    assert found in kinds(deliveries)


def test_a_signature_that_is_not_valid_is_found() -> None:
    unsigned = delivered(5, 3, 6)
    unsigned.signed = False
    assert kinds([*WELL[:2], unsigned]) == {"unsigned"}


def test_the_header_has_the_event_s_id() -> None:
    other = delivered(5, 3, 6)
    other.webhook_id = "id-2"
    assert kinds([*WELL[:2], other]) == {"identity"}


NEVER = {("room", 2)}


def test_an_undeliverable_entry_is_tried_up_to_the_bound_and_then_passed_over() -> None:
    deliveries = [WELL[0], delivered(3, 2), delivered(4, 2), delivered(5, 2), delivered(6, 3, 7)]
    assert kinds(deliveries, undeliverable=NEVER, tries=3) == set()
    assert kinds(deliveries, undeliverable=NEVER, tries=5, unseen=2) == set()
    assert kinds(deliveries, undeliverable=NEVER, tries=4) == {"tries"}


def test_the_dead_letters_are_the_undeliverable_entries_and_nothing_else() -> None:
    assert not list(judge_dead("push", NEVER, [("room", 2)]))
    for actual in ([], [("room", 2), ("room", 3)], [("room", 2), ("room", 2)]):
        assert {violation.kind for violation in judge_dead("push", NEVER, actual)} == {"dead letter"}


def test_a_fault_that_hits_nothing_is_found() -> None:
    assert not list(judge_tame({"cut": 1}, ["cut"]))
    assert [violation.kind for violation in judge_tame({"cut": 0}, ["cut", "mute"])] == ["tame", "tame"]
