"""The verdict: facts in, violations out. Pure, so that its own tests can feed it every kind of broken history."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from .facts import Facts, Item, Reading

Kind = Literal["lost", "duplicated", "reordered", "gap", "altered", "retry", "foreign", "surprise", "late", "tame"]
"""`late` and `tame` are for labs that break Realtime: an entry was shown too late, a fault hit nothing."""
KINDS: tuple[Kind, ...] = ("lost", "duplicated", "reordered", "gap", "altered", "retry", "foreign", "surprise")


class Violation(NamedTuple):
    """One broken promise and the facts that show it."""

    kind: Kind
    what: str


def check(facts: Facts) -> list[Violation]:
    """Every violation, those of the log itself first."""
    return [
        *_log_has_no_gap(facts),
        *_log_holds_what_was_sent(facts),
        *_acknowledged_is_there(facts),
        *_repeats_answer_the_first(facts),
        *_senders_are_in_order(facts),
        *(
            violation
            for reading in facts.readings
            for violation in reading_equals_log(reading, facts.logs.get(reading.conversation, []))
        ),
        *(Violation("surprise", what) for what in facts.surprises),
    ]


def _log_has_no_gap(facts: Facts) -> Iterator[Violation]:
    for conversation, log in facts.logs.items():
        for expected, item in enumerate(log, start=1):
            if item.seq != expected:
                yield Violation("gap", f"{conversation}: seq {expected} was expected, {_show(item)} found")
                break  # every later one is off, too
        if facts.heads[conversation] != len(log):
            yield Violation("gap", f"{conversation}: head is {facts.heads[conversation]}, entries are {len(log)}")


def _log_holds_what_was_sent(facts: Facts) -> Iterator[Violation]:
    for conversation, log in facts.logs.items():
        first: dict[str, Item] = {}
        for item in log:
            if item.kind == "update" and item.seq == 1 and conversation in facts.made:
                continue
            sent = facts.sent.get(item.key)
            if sent is None or item.kind != "message":
                yield Violation("foreign", f"{conversation}: no sender sent {_show(item)}")
                continue
            if sent.conversation != conversation:
                yield Violation("foreign", f"{_show(item)} was sent to {sent.conversation}, and is in {conversation}")
            if sent.content != item.content:
                yield Violation("altered", f"{conversation}: {_show(item)} was sent as {sent.content[:80]!r}")
            if item.key in first:
                yield Violation("duplicated", f"{conversation}: {_show(first[item.key])} is there again, {_show(item)}")
            first.setdefault(item.key, item)


def _acknowledged_is_there(facts: Facts) -> Iterator[Violation]:
    by_seq = {name: {item.seq: item for item in log} for name, log in facts.logs.items()}
    for ack in facts.acknowledgements:
        conversation = facts.sent[ack.key].conversation
        kept = by_seq.get(conversation, {}).get(ack.item.seq)
        if kept == ack.item:
            continue
        if kept is None or kept.key != ack.key:
            yield Violation("lost", f"{conversation}: {_show(ack.item)} was acknowledged, at its seq is {_show(kept)}")
        else:
            yield Violation("altered", f"{conversation}: acknowledged as {ack.item}, kept as {kept}")


def _repeats_answer_the_first(facts: Facts) -> Iterator[Violation]:
    first: dict[str, Item] = {}
    for ack in facts.acknowledgements:
        known = first.setdefault(ack.key, ack.item)
        if known != ack.item:
            yield Violation("retry", f"{_show(known)} was first, its repeat was answered {_show(ack.item)}")
        if ack.item.key != ack.key:
            yield Violation("retry", f"a send with key {ack.key} was answered {_show(ack.item)}")
    created = Counter(ack.key for ack in facts.acknowledgements if ack.created)
    for key, times in created.items():
        if times > 1:
            yield Violation("retry", f"the send with key {key} was answered as new {times} times")


def _senders_are_in_order(facts: Facts) -> Iterator[Violation]:
    """A message that was begun after another's answer stands after it; of those given up nothing is known."""
    seqs: dict[tuple[str, str], list[tuple[int, int, str]]] = defaultdict(list)
    for key, item in {ack.key: ack.item for ack in facts.acknowledgements}.items():
        sent = facts.sent[key]
        seqs[sent.sender, sent.conversation].append((sent.number, item.seq, key))
    for (sender, conversation), sends in seqs.items():
        sends.sort()
        for (_, before, one), (_, after, other) in pairwise(sends):
            if after <= before:
                text = f"{conversation}: {sender} sent {one} (seq {before}) before {other} (seq {after})"
                yield Violation("reordered", text)


def reading_equals_log(reading: Reading, log: Sequence[Item]) -> Iterator[Violation]:
    """A reader was shown all of a log, or of its end, each entry once and in order."""
    who = f"{reading.reader} in {reading.conversation}"
    by_seq = {item.seq: item for item in log}
    seen: set[int] = set()
    highest = log[0].seq - 1 if log else 0
    for item in reading.items:
        if item.seq in seen:
            yield Violation("duplicated", f"{who} saw {_show(item)} again, after seq {highest}")
        elif item.seq < highest:
            yield Violation("reordered", f"{who} saw {_show(item)} after seq {highest}")
        elif item.seq != highest + 1:
            yield Violation("gap", f"{who} saw {_show(item)} right after seq {highest}")
        if item != (kept := by_seq.get(item.seq)):
            yield Violation("altered", f"{who} saw {_show(item)}, the log has {_show(kept)}")
        seen.add(item.seq)
        highest = max(highest, item.seq)
    if missed := [item for item in log if item.seq not in seen]:
        yield Violation("lost", f"{who} never saw {len(missed)} entries, the first is {_show(missed[0])}")


def _show(item: Item | None) -> str:
    return "nothing" if item is None else f"#{item.seq} ({item.key or item.kind}, {item.content[:40]!r})"


__all__ = ["KINDS", "Kind", "Violation", "check", "reading_equals_log"]
