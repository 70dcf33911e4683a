"""What the program of a page tells becomes what it applied and its copies, and each promise about them is judged."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.labs.kit.checker import Kind, reading_equals_log
from tests.labs.kit.facts import Item, item_of

from .direct import DirectReader, Place
from .run import Lab
from .snapshots import broken

LOG = [
    item_of(
        {
            "kind": "message",
            "seq": seq,
            "client_id": f"s0-{seq}",
            "message_id": f"m{seq}",
            "at": "t",
            "sender": {"role": "user", "id": "s0"},
            "content": f"text {seq}",
        }
    )
    for seq in range(2, 9)
]
"""What is after the entry that named the members."""


class Surprised:
    """The part of a run that a reader uses."""

    def __init__(self) -> None:
        self.surprises: list[str] = []

    def surprise(self, what: str) -> None:
        self.surprises.append(what)


def entry(seq: int, **changes: Any) -> dict[str, Any]:
    item = LOG[seq - 2]
    told = {"kind": "message", "seq": seq, "client_id": item.key, "message_id": item.message_id, "at": item.at}
    return told | {"sender": {"role": "user", "id": "s0"}, "content": item.content} | changes


def line(applied: list[int], copy: list[int], **changes: Any) -> dict[str, Any]:
    """What the program tells after it applied these; `applied` are new in the copy."""
    told = [{"entry": entry(seq), "heard": True} for seq in applied]
    changed = [entry(seq) for seq in applied]
    return {"page": 0, "applied": told, "changed": changed, "copy": copy, "over": None} | changes


def reader() -> tuple[DirectReader, Surprised]:
    run = Surprised()
    return DirectReader(cast("Lab", run), 0, Place(0, "c"), {}), run


def kinds(*lines: dict[str, Any], log: list[Item] = LOG) -> set[Kind]:
    page, _ = reader()
    for at, told in enumerate(lines):
        page.take(told, float(at))
    return {
        violation.kind
        for violation in (*reading_equals_log(page.applied, log), *broken(page.copies, log, least=len(log)))
    }


def whole(*more: dict[str, Any]) -> list[dict[str, Any]]:
    return [line([], []), line([2, 3, 4], [2, 3, 4]), *more, line([5, 6, 7, 8], [2, 3, 4, 5, 6, 7, 8])]


def test_a_page_that_applied_each_entry_once_in_order_is_sound() -> None:
    assert kinds(*whole()) == set()
    assert kinds(*whole(line([], [2, 3, 4]))) == set(), "told again, of drafts"


BROKEN: dict[str, tuple[Kind, list[dict[str, Any]]]] = {
    "applied twice, which the copy does not show": ("duplicated", whole(line([4], [2, 3, 4]))),
    "applied in another order": ("reordered", [line([3, 2, 4, 5, 6, 7, 8], [2, 3, 4, 5, 6, 7, 8])]),
    "applied before one that is missing": ("gap", [line([2, 4], [2, 4]), line([3], [2, 3, 4]), *whole()]),
    "a copy with a hole": ("gap", whole(line([], [2, 4]))),
    "a copy that lost its beginning": ("lost", whole(line([], [3, 4]))),
    "a copy in another order": ("reordered", whole(line([], [2, 4, 3]))),
    "a copy of an earlier moment": ("reordered", whole(line([], [2, 3]))),
    "other content in the copy": ("altered", whole(line([], [2, 3, 4], changed=[entry(3, content="other")]))),
    "an end that never came": ("lost", whole()[:-1]),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_page_is_found(what: str) -> None:
    kind, lines = BROKEN[what]
    assert kind in kinds(*lines)


def test_it_keeps_when_and_how_it_learnt_of_each() -> None:
    page, _ = reader()
    page.take(line([2], [2]), 1.0)
    read = {"entry": entry(3), "heard": False}
    page.take(line([], [2, 3], changed=[entry(3)]) | {"applied": [read]}, 2.0)
    assert [tuple(shown) for shown in page.applied.shown] == [(1.0, "heard"), (2.0, "read")]
    assert page.highest == 3
    assert [copy.at for copy in page.copies.copies] == [1.0, 2.0]


def test_a_message_of_a_snapshot_is_the_entry_that_it_is() -> None:
    page, run = reader()
    message = {name: value for name, value in entry(2, version=2).items() if name != "kind"}
    page.take(line([], [2], changed=[message]), 1.0)
    assert page.copies.copies[-1].items == (LOG[0],)
    assert run.surprises == []


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (line([2], [2], over="forbidden"), "d0 in c followed no more: forbidden"),
        (line([], [2]), "d0 in c told what has not the contract's form"),
        (line([], [], changed=[{"seq": 2}]), "d0 in c told what has not the contract's form"),
    ],
)
def test_a_page_that_stops_or_shows_nonsense_is_a_surprise(told: dict[str, Any], what: str) -> None:
    page, run = reader()
    page.take(told, 1.0)
    assert page.ended
    assert run.surprises[0].startswith(what)
    page.end("ended with its program")
    assert len(run.surprises) == 1
