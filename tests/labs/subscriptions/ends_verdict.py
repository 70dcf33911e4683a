"""What is passed on of conversations that were deleted, one of which was made again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from .observations import Claim, Delivery, Event, Stored
from .pull_verdict import may_be_taken
from .verdict import Violation

ENDS = {"deleted", "restarted"}


def pushed(deliveries: Iterable[Delivery]) -> list[tuple[Event, bool]]:
    """The events of deliveries, and whether each was taken."""
    return [(delivery.event, delivery.answered is not None) for delivery in deliveries]


def claimed(claims: Iterable[Claim]) -> list[tuple[Event, bool]]:
    """The events of claims, and whether each was acknowledged."""
    return [(event, claim.finish == "ack" and may_be_taken(claim)) for claim in claims for event in claim.events]


def judge_ends(
    name: str, events: Sequence[tuple[Event, bool]], ended: Mapping[str, str], revived: Sequence[Stored]
) -> Iterator[Violation]:
    """What was broken. `ended`: deleted conversations with the epochs of the logs that ended, all of whose entries had
    been taken; `revived`: what was stored in them afterwards. `events`: since the deletion, in order."""
    over: set[str] = set()
    taken: set[tuple[str, str]] = set()
    for event, was_taken in events:
        yield from _judge_one(name, event, ended, over)
        if was_taken and event.type in ENDS:
            over.add(event.conversation)
        elif was_taken:
            taken.add((event.conversation, event.key))
    ids: dict[str, str] = {}
    for event in (event for event, _ in events if event.type in ENDS):
        if ids.setdefault(event.conversation, event.id) != event.id:
            yield Violation("identity", f"{name}: the end of {event.conversation} came again as {event.id!r}")
    for conversation in sorted(ended.keys() - over):
        yield Violation("lost", f"{name}: the end of {conversation} was never taken")
    for one in revived:
        if (one.conversation, one.key) not in taken:
            yield Violation("lost", f"{name}: what was said in {one.conversation} after its end was never taken")


def _judge_one(name: str, event: Event, ended: Mapping[str, str], over: Collection[str]) -> Iterator[Violation]:
    where = f"{name}: the event {event.type} of {event.conversation}"
    if event.type in ENDS:
        if event.conversation not in ended:
            yield Violation("end", f"{where} came, and its log did not end")
    elif event.conversation in ended:
        new = event.cursor.partition(".")[0] != ended[event.conversation]
        if new and event.conversation not in over:
            yield Violation("reordered", f"{where} is of the new log, and came before the end of the old one")
        if not new and event.conversation in over:
            yield Violation("end", f"{where} is of the old log, and came after its end")


__all__ = ["ENDS", "claimed", "judge_ends", "pushed"]
