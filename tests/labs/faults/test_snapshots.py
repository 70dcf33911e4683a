"""Copies as snapshots make them, and each promise about them broken on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.labs.kit.checker import Kind
from tests.labs.kit.facts import Item

from .snapshots import Copy, SnapshotReading, broken, first_shown


def item(seq: int) -> Item:
    return Item(seq, "message", f"s0-{seq}", f"m{seq}", "t", "user//", "text")


LOG = [item(seq) for seq in range(1, 251)]


def reading(*copies: list[Item]) -> SnapshotReading:
    return SnapshotReading("r0", "c", 0, [Copy(float(at), "live", tuple(copy)) for at, copy in enumerate(copies)])


def kinds(*copies: list[Item], log: list[Item] = LOG) -> set[Kind]:
    return {violation.kind for violation in broken(reading(*copies), log)}


def test_sound_copies_pass() -> None:
    assert kinds([], LOG[:3], LOG[:3], LOG[20:120], LOG[150:]) == set()
    assert kinds([], log=[]) == set()
    assert kinds(LOG[:120], LOG[150:]) == set(), "what came from memory may be more than a snapshot has"


BROKEN: dict[str, tuple[Kind, Callable[[list[Item]], list[Item]]]] = {
    "a hole": ("gap", lambda items: items[:50] + items[51:]),
    "a repetition": ("duplicated", lambda items: [*items[:50], items[49], *items[50:]]),
    "a swap": ("reordered", lambda items: [items[1], items[0], *items[2:]]),
    "other content": ("altered", lambda items: [items[0]._replace(content="other"), *items[1:]]),
    "a missing beginning": ("lost", lambda items: items[1:]),
    "something past the log": ("altered", lambda items: [*items, item(251)]),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_copy_is_found(what: str) -> None:
    kind, break_it = BROKEN[what]
    assert kind in kinds(break_it(LOG[150:]))
    assert kind in kinds(LOG[:2], break_it(LOG[150:]), LOG[150:])


def test_a_copy_of_an_earlier_moment_than_the_one_before_is_found() -> None:
    assert kinds(LOG[150:], LOG[149:249], LOG[150:]) == {"reordered"}


def test_one_that_never_got_to_the_end_has_lost_something() -> None:
    assert kinds(LOG[149:249]) == {"lost"}
    assert kinds() == {"lost"}


def test_an_entry_is_shown_with_the_first_copy_that_got_so_far() -> None:
    seqs = {"s0-1": 1, "s0-7": 7, "s0-200": 200, "never": 300}
    found = {key: copy.at for key, copy in first_shown(reading([], LOG[:3], LOG[:7], LOG[150:]), seqs)}
    assert found == {"s0-1": 1.0, "s0-7": 2.0, "s0-200": 3.0}
