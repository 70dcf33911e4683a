"""What a promise is held against, whichever way entries come: places, order, content, dead letters. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from .observations import Event, Stored

Place = tuple[str, int]
"""A conversation and a seq."""

KINDS = (
    "lost",
    "reordered",
    "repeated",
    "altered",
    "identity",
    "unsigned",
    "followed",
    "dead letter",
    "tries",
    "end",
    "shared",
    "fencing",
    "tame",
    "surprise",
)


class Violation(NamedTuple):
    """A promise that was broken, with the facts."""

    kind: str
    what: str


def place_of(event: Event) -> Place:
    """Where the event's entry is."""
    return event.conversation, event.seq


def named(place: Place) -> str:
    """A place for a person."""
    return f"entry {place[1]} of {place[0]}"


def predecessors(stored: Iterable[Stored]) -> dict[Place, Place]:
    """For each entry the one before it in its conversation."""
    ordered = sorted((one.conversation, one.seq) for one in stored)
    return {place: before for before, place in pairwise(ordered) if before[0] == place[0]}


def altered(name: str, event: Event, stored: Mapping[Place, Stored]) -> Iterator[Violation]:
    """How an event differs from what was stored."""
    where, known = f"{name}: {named(place_of(event))}", stored.get(place_of(event))
    if known is None:
        yield Violation("altered", f"{where} is {event.content[:40]!r}, and nothing was stored there")
    elif (event.key, event.content) != (known.key, known.content):
        yield Violation("altered", f"{where} is {event.content[:40]!r}, and {known.content[:40]!r} was stored")
    elif event.cursor != f"{known.epoch}.{known.seq}":
        yield Violation("altered", f"{where} has the cursor {event.cursor}, and not {known.epoch}.{known.seq}")


def judge_ids(name: str, events: Iterable[Event]) -> Iterator[Violation]:
    """An entry has one id, whenever it comes, and no other entry has it."""
    ids: dict[Place, str] = {}
    places: dict[str, Place] = {}
    for event in events:
        place = place_of(event)
        if ids.setdefault(place, event.id) != event.id:
            yield Violation("identity", f"{name}: {named(place)} came again as {event.id!r}")
        if places.setdefault(event.id, place) != place:
            yield Violation("identity", f"{name}: {named(place)} has the id of {named(places[event.id])}")


def judge_dead(name: str, expected: Collection[Place], actual: Collection[Place]) -> Iterator[Violation]:
    """The dead letters, which are to be what could not be delivered, and nothing else."""
    for place in sorted(set(expected) - set(actual)):
        yield Violation("dead letter", f"{name}: {named(place)} was undeliverable, and is not among the dead letters")
    for place in sorted(set(actual) - set(expected)):
        yield Violation("dead letter", f"{name}: {named(place)} is among the dead letters, and was deliverable")
    for place, number in Counter(actual).items():
        if number > 1:
            yield Violation("dead letter", f"{name}: {named(place)} is {number} times among the dead letters")


def judge_tame(hits: Mapping[str, int], kinds: Iterable[str]) -> Iterator[Violation]:
    """Faults that hit nothing: such a run shows less than it says."""
    for kind in kinds:
        if not hits.get(kind):
            yield Violation("tame", f"{kind} hit nothing")


__all__ = [
    "KINDS",
    "Place",
    "Violation",
    "altered",
    "judge_dead",
    "judge_ids",
    "judge_tame",
    "named",
    "place_of",
    "predecessors",
]
