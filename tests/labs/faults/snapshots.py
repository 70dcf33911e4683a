"""What a reader of snapshots was given, and whether each of them was the log's end as it stood. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.labs.kit.checker import Violation
from tests.labs.kit.facts import Item

LEAST = 100
"""Messages that a snapshot has, if there are as many: `polling.batch_size`."""


class Copy(NamedTuple):
    """The copy that a client had after an answer."""

    at: float
    mode: str
    items: tuple[Item, ...]

    @property
    def highest(self) -> int:
        """Seq of its newest message."""
        return self.items[-1].seq if self.items else 0


@dataclass(slots=True)
class SnapshotReading:
    """The copies of one reader, in the order in which it had them."""

    reader: str
    conversation: str
    instance: int
    copies: list[Copy] = field(default_factory=list)


def unfolded(message: dict[str, Any]) -> dict[str, Any]:
    """A snapshot's message as the entry that it is. Nothing is edited here: its version is its seq. Raises KeyError."""
    if message["version"] != message["seq"]:
        raise KeyError("version")
    return {name: value for name, value in message.items() if name != "version"} | {"kind": "message"}


def broken(reading: SnapshotReading, log: Sequence[Item], *, least: int = LEAST) -> Iterator[Violation]:
    """Every copy is the log's newest messages of some moment, in order and without a gap, and `least` of them if there
    are so many; none is of an earlier moment than the one before; the last one is all that there is. `log`: the
    messages, with nothing else between them."""
    who = f"{reading.reader} in {reading.conversation}"
    known = set(log)
    before = log[0].seq - 1 if log else 0
    highest = 0
    for copy in reading.copies:
        if copy.highest < highest:
            yield Violation("reordered", f"{who} had a copy up to {highest}, and then one up to {copy.highest}")
        highest = max(highest, copy.highest)
        seqs = [item.seq for item in copy.items]
        if len(seqs) < min(least, copy.highest - before):
            yield Violation("lost", f"{who} had {len(seqs)} messages up to {copy.highest}")
        if len(set(seqs)) != len(seqs):
            yield Violation("duplicated", f"{who} had a message twice: {seqs}")
        elif seqs != sorted(seqs):
            yield Violation("reordered", f"{who} had messages in the order {seqs}")
        elif seqs and seqs[-1] - seqs[0] + 1 != len(seqs):
            yield Violation("gap", f"{who} had {seqs}")
        if any(item not in known for item in copy.items):
            yield Violation("altered", f"{who} had others than the log has, up to {copy.highest}")
    if log and highest < log[-1].seq:
        yield Violation("lost", f"{who} never saw what came after {highest}, up to {log[-1].seq}")


def first_shown(reading: SnapshotReading, seqs: Mapping[str, int]) -> Iterator[tuple[str, Copy]]:
    """Of each key the first copy that it must have been in: one that got so far."""
    waiting = sorted((seq, key) for key, seq in seqs.items())
    number = 0
    for copy in reading.copies:
        while number < len(waiting) and waiting[number][0] <= copy.highest:
            yield waiting[number][1], copy
            number += 1


__all__ = ["LEAST", "Copy", "SnapshotReading", "broken", "first_shown", "unfolded"]
