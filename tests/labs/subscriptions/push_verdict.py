"""What one receiver may be sent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from .observations import Delivery, Stored
from .verdict import Place, Violation, altered, judge_ids, named, place_of, predecessors


def judge_push(
    name: str,
    stored: Sequence[Stored],
    deliveries: Sequence[Delivery],
    *,
    undeliverable: Collection[Place] = (),
    tries: int = 1,
    unseen: int = 0,
) -> Iterator[Violation]:
    """What was broken. The receiver never takes what is `undeliverable`: that is to be tried `tries` times before the
    next entry of its conversation, and the receiver saw all of these tries but `unseen`."""
    known = {(one.conversation, one.seq): one for one in stored}
    lower, answered = predecessors(stored), _first_answers(deliveries)
    seen = Counter[Place]()
    for delivery in deliveries:
        event, place = delivery.event, place_of(delivery.event)
        where = f"{name}: {named(place)}"
        if not delivery.signed:
            yield Violation("unsigned", f"{where} came with a signature that is not valid")
        if delivery.webhook_id != event.id:
            yield Violation("identity", f"{where} is {event.id!r}, and {delivery.webhook_id!r} in the header")
        yield from altered(name, event, known)
        seen[place] += 1
        if (before := lower.get(place)) is None:
            continue
        if before not in undeliverable:
            # One that was never answered is reported once, as lost.
            if answered.get(before, 0) > delivery.order:
                yield Violation("reordered", f"{where} came before {named(before)} was taken")
        elif seen[before] < tries - unseen:
            yield Violation("tries", f"{where} came after {seen[before]} tries of {named(before)}, not {tries}")
    yield from judge_ids(name, (delivery.event for delivery in deliveries))
    for place in sorted(known.keys() - answered.keys() - set(undeliverable)):
        yield Violation("lost", f"{name}: {named(place)} came {seen[place]} times and was never taken")


def _first_answers(deliveries: Iterable[Delivery]) -> dict[Place, int]:
    found: dict[Place, int] = {}
    for delivery in deliveries:
        if delivery.answered is not None:
            place = place_of(delivery.event)
            found[place] = min(delivery.answered, found.get(place, delivery.answered))
    return found


__all__ = ["judge_push"]
