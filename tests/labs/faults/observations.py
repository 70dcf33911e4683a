"""When each reader was shown what was acknowledged, and how long nothing stood in the way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.labs.kit.checker import Violation
from tests.labs.kit.facts import Facts
from tests.labs.kit.standstill import Standstill, stood_still

from .outages import Span, longest_without
from .snapshots import SnapshotReading, first_shown


class Observation(NamedTuple):
    """One reader's first observation of one entry."""

    reader: str
    conversation: str
    instance: int
    key: str
    acknowledged: float
    seen: float
    mode: str
    staleness: float
    """The longest time between the two in which nothing that is excused was broken: no history out of reach, no link
    of its own cut. Without what of the time the machine stood still."""


def observations(
    facts: Facts,
    snapshots: Iterable[SnapshotReading],
    acknowledged_at: Mapping[str, float],
    excused: Sequence[Sequence[Span]],
    standstills: Sequence[Standstill] = (),
) -> Iterator[Observation]:
    """Of every reader. `excused`: of each instance, merged spans in which its readers could not be served."""

    def observed(
        reader: str, conversation: str, instance: int, key: str, seen: float, mode: str
    ) -> Iterator[Observation]:
        at = acknowledged_at.get(key)
        if at is not None:
            stale = unexcused(excused[instance], standstills, at, seen)
            yield Observation(reader, conversation, instance, key, at, max(at, seen), mode, stale)

    for reading in facts.readings:
        known: set[str] = set()
        for item, shown in zip(reading.items, reading.shown, strict=True):
            if item.key not in known:
                known.add(item.key)
                yield from observed(
                    reading.reader, reading.conversation, reading.instance, item.key, shown.at, shown.mode
                )
    for each in snapshots:
        seqs = {item.key: item.seq for item in facts.logs.get(each.conversation, [])}
        for key, copy in first_shown(each, seqs):
            yield from observed(each.reader, each.conversation, each.instance, key, copy.at, copy.mode)


def unexcused(excused: Sequence[Span], standstills: Sequence[Standstill], began: float, ended: float) -> float:
    """The longest stretch between `began` and `ended` in which nothing was broken, without what the machine stood still
    meanwhile. 0 when there is no time between them."""
    if ended <= began:
        return 0.0
    return max(0.0, longest_without(excused, began, ended) - stood_still(standstills, began, ended))


def stale(found: Iterable[Observation], bound: float) -> Iterator[Violation]:
    """Entries that were shown later than is promised."""
    for one in found:
        if one.staleness > bound:
            yield Violation(
                "late",
                f"{one.reader} of instance {one.instance} saw {one.key} in {one.conversation} "
                f"{one.seen - one.acknowledged:.2f} s after it was acknowledged, {one.staleness:.2f} s of these in a "
                f"row without an excuse ({one.mode} then); at most {bound:.2f} s are promised",
            )


def unfilled(
    found: Iterable[Observation],
    lives: Sequence[Sequence[float]],
    doubtful: Sequence[Span],
    excused: Sequence[Sequence[Span]],
    *,
    slack: float,
    bound: float,
    standstills: Sequence[Standstill] = (),
) -> Iterator[Violation]:
    """What was acknowledged before an instance called itself live, and shown well after: the gap was not filled first.

    `lives`: of each instance, when it was seen to have become live. `doubtful`: spans in which what is delivered may be
    lost on the way: an entry that was acknowledged between the fill and the moment of being called live may be.
    `excused`: as in `observations`. `slack`: seconds by which moments are uncertain. `bound`: seconds in which what was
    filled is shown."""
    for one in found:
        for live in lives[one.instance]:
            if not one.acknowledged < live - slack < one.seen - bound - slack:
                continue
            if any(span.meets(one.acknowledged - slack, live) for span in doubtful):
                continue
            if unexcused(excused[one.instance], standstills, live, one.seen) > bound:
                yield Violation(
                    "late",
                    f"{one.reader} of instance {one.instance} saw {one.key} in {one.conversation} "
                    f"{one.seen - live:.2f} s after the instance was live again, and it was acknowledged "
                    f"{live - one.acknowledged:.2f} s before: live before the gap was filled",
                )
                break


def unfollowed(
    switched: Sequence[tuple[float, str]],
    modes: Sequence[Sequence[tuple[float, str]]],
    excused: Sequence[Sequence[Span]],
    *,
    within: float,
) -> Iterator[Violation]:
    """Times that the toggle was switched, and an instance that could be reached did not follow in time."""
    for number, (at, mode) in enumerate(switched):
        later = switched[number + 1][0] if number + 1 < len(switched) else float("inf")
        if later < at + within:
            continue  # too short to be observed
        for instance, seen in enumerate(modes):
            if any(span.meets(at - within, at + within) for span in excused[instance]):
                continue
            now = [each for when, each in seen if when <= at + within]
            if now and now[-1] and (now[-1] == "off") != (mode == "off"):
                yield Violation(
                    "late", f"instance {instance} was still {now[-1]} {within:.1f} s after realtime was switched {mode}"
                )


__all__ = ["Observation", "observations", "stale", "unexcused", "unfilled", "unfollowed"]
