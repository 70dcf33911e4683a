"""What the workers of one subscription may be given. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from .observations import Claim, Stored
from .verdict import Place, Violation, altered, judge_ids, named, place_of, predecessors

CLOCK = 1.0
"""Seconds by which the moments that a worker and the service see may differ on a busy machine, around a lease's end."""


def judge_pull(
    name: str, stored: Sequence[Stored], claims: Sequence[Claim], *, undeliverable: Collection[Place] = ()
) -> Iterator[Violation]:
    """What was broken. No worker ever acknowledges what is `undeliverable`."""
    known = {(one.conversation, one.seq): one for one in stored}
    finished, certain = _acknowledged(claims)
    lower = {place: before for place, before in predecessors(stored).items() if before not in undeliverable}
    of_conversation: defaultdict[str, list[Claim]] = defaultdict(list)
    given: set[Place] = set()
    for claim in claims:
        of_conversation[claim.conversation].append(claim)
        given.update(map(place_of, claim.events))
        for event in claim.events:
            yield from altered(name, event, known)
        yield from _order(name, claim, lower, finished, certain)
        yield from _fencing(name, claim)
    for each in of_conversation.values():
        for one, other in pairwise(each):
            yield from _shared(name, one, other)
    yield from judge_ids(name, (event for claim in claims for event in claim.events))
    for place in sorted(known.keys() - finished.keys() - set(undeliverable)):
        yield Violation(
            "lost", f"{name}: {named(place)} was {'' if place in given else 'not '}given, and never finished"
        )


def may_be_taken(claim: Claim) -> bool:
    """Whether what finished it was taken, as far as its worker can know."""
    return claim.finish != "" and (claim.status is None or claim.status < 300 or claim.unsure)


def _acknowledged(claims: Sequence[Claim]) -> tuple[dict[Place, int], dict[Place, int]]:
    """When the first ack of each entry was sent: of those that may have been taken, and of those answered 2xx."""
    finished: dict[Place, int] = {}
    certain: dict[Place, int] = {}
    for claim in claims:
        if claim.finish != "ack" or claim.finish_order is None or not may_be_taken(claim):
            continue
        for place in map(place_of, claim.events):
            finished[place] = min(claim.finish_order, finished.get(place, claim.finish_order))
            if claim.status is not None and claim.status < 300:
                certain[place] = min(claim.finish_order, certain.get(place, claim.finish_order))
    return finished, certain


def _order(
    name: str,
    claim: Claim,
    lower: Mapping[Place, Place],
    finished: Mapping[Place, int],
    certain: Mapping[Place, int],
) -> Iterator[Violation]:
    previous: Place | None = None
    for event in claim.events:
        place = place_of(event)
        before = lower.get(place)
        where = f"{name}: {named(place)}"
        if event.conversation != claim.conversation:
            yield Violation("altered", f"{where} is in a claim of {claim.conversation}")
        # What was never acknowledged is reported once, as lost.
        if before is not None and before != previous and finished.get(before, 0) > claim.order:
            yield Violation("reordered", f"{where} was given before {named(before)} was acknowledged")
        if certain.get(place, claim.order) < claim.order:
            yield Violation("repeated", f"{where} was given again after its ack was answered 2xx")
        previous = place


def _fencing(name: str, claim: Claim) -> Iterator[Violation]:
    if claim.finish_sent_at is None or claim.finish_answered_at is None or claim.status is None:
        return
    where = f"{name}: {claim.finish} of a claim of {claim.conversation}"
    late = claim.finish_sent_at - claim.ends_at
    if claim.status < 300 and late > CLOCK:
        yield Violation("fencing", f"{where} was sent {late:.1f} s after its end, and taken")
    early = claim.lease_until - claim.finish_answered_at
    if claim.status == 409 and not claim.unsure and early > CLOCK:
        yield Violation("fencing", f"{where} was refused {early:.1f} s before its end ({claim.code})")


def _shared(name: str, one: Claim, other: Claim) -> Iterator[Violation]:
    """`other` is the next claim of the conversation: the first one must have ended."""
    left = one.lease_until - other.at
    sent = one.finish_order is not None and one.finish_order < other.order
    if left > CLOCK and not (sent and may_be_taken(one)):
        yield Violation("shared", f"{name}: {one.conversation} was given again {left:.1f} s before a claim's end")
    taken = one.finish == "ack" and one.status is not None and one.status < 300
    if taken and one.finish_order is not None and one.finish_order > other.order:
        yield Violation("fencing", f"{name}: an ack was taken after {one.conversation} had been given again")


__all__ = ["CLOCK", "judge_pull", "may_be_taken"]
