"""One run's verdict: each promise, held against what the service and n8n have. Pure.

It is the same before a scripted and before a real n8n: both say of every execution for which message and run it was,
one that crashed included. Two things only a real one does. It sends the end of an answer before it records it, so one
that is killed in between has answered and crashed. And it may come to what it had not begun, or find what had crashed,
only minutes after it was killed, when it is no longer asked. What it answers before it is ready (`unready`) is nothing
that may be unknown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from .observations import Answer, Observations, Stored
from .plan import CHATS, PROCESS, Drawn, answer_to

KINDS = ("lost", "twice", "altered", "doubled", "reordered", "dead letter", "tame", "surprise")


ENDED = frozenset({"success", "error", "crashed"})


class Violation(NamedTuple):
    """A promise that was broken, with the facts."""

    kind: str
    what: str


Place = tuple[str, int]
"""A conversation and a seq."""


@dataclass
class Fate:
    """What became of one message."""

    stored: Stored
    executions: list[str] = field(default_factory=list)
    """The statuses of its executions, in n8n's list."""
    calls: list[str] = field(default_factory=list)
    """How its calls were answered."""
    answers: list[Answer] = field(default_factory=list)
    """Whole ones."""
    ends: list[Answer] = field(default_factory=list)
    """What of an answer was not whole, and how a run ended without one."""
    recorded: bool = False
    """Whether n8n recorded the end of one of them while it was asked."""
    dead: bool = False

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.stored.conversation, self.stored.seq

    @property
    def cut(self) -> bool:
        """Whether the caller could not know how its last call ended: the call, or its answer, was lost on the way, or
        never left an instance that was killed."""
        return not self.calls or self.calls[-1] in {"cut_before", "died", "lost", ""}

    @property
    def may_be_unknown(self) -> bool:
        """Whether it may be given up with an unknown outcome. With a key for n8n's API only where n8n had no record of
        an end, by itself or with n8n, while it was asked; without a key, whenever the call or its answer was cut."""
        if not self.cut:
            return False
        return not self.stored.chat.asks or not self.recorded


def fates(observed: Observations) -> list[Fate]:
    """What became of each message, in their order."""
    found = [Fate(one) for one in sorted(observed.stored, key=lambda one: (one.conversation, one.seq))]
    by_key = {one.stored.key: one for one in found}
    by_place = {one.place: one for one in found}
    for call in observed.calls:
        if call.key in by_key:
            by_key[call.key].calls.append(call.how)
    for execution in observed.executions:
        if execution.key in by_key:
            fate = by_key[execution.key]
            fate.executions.append(execution.status)
            fate.recorded |= execution.status in ENDED and execution.lasted <= observed.ask_for
    for answer in observed.answers:
        answered = by_place.get((answer.conversation, answer.for_seq))
        if answered is not None:
            (answered.answers if answer.whole else answered.ends).append(answer)
    for place in {place for places in observed.dead.values() for place in places}:
        if place in by_place:
            by_place[place].dead = True
    return found


def unknown(found: Iterable[Fate], forever: Collection[str]) -> tuple[set[Place], set[Place]]:
    """Of the chats with a key for n8n's API: the messages that may be `unknown`, and those that are."""
    asked = [one for one in found if one.stored.chat.asks and one.stored.key not in forever]
    return {one.place for one in asked if one.may_be_unknown}, {one.place for one in asked if one.dead}


def judge(observed: Observations, drawn: Drawn, *, whole: bool) -> list[Violation]:
    """What was broken; in a run that did not end, only what contradicts a promise already (what is missing may have
    been to come)."""
    found = fates(observed)
    violations = [Violation("surprise", what) for what in observed.surprises]
    for one in found:
        violations += _judge_one(one, forever=one.stored.key in drawn.forever)
    violations += _doubled(observed)
    violations += _reordered(found, observed)
    if not whole:
        return [violation for violation in violations if violation.kind not in {"lost", "dead letter"}]
    known = {one.place for one in found}
    for name, places in observed.dead.items():
        for place, number in Counter(places).items():
            if number > 1 or place not in known:
                what = f"{name}: {named(place)} is {number} times among the dead letters"
                violations.append(Violation("dead letter", what))
    wanted = {str(window.kind) for window in drawn.windows} - set(PROCESS) | set(drawn.forever.values())
    missed = wanted - {call.fault for call in observed.calls}
    violations += [Violation("tame", f"{kind} hit nothing") for kind in sorted(missed)]
    return violations


def _judge_one(one: Fate, *, forever: bool) -> Iterator[Violation]:
    where = f"{one.stored.key}, {named(one.place)} (calls {one.calls}, executions {one.executions})"
    if not one.answers and not one.ends and not one.dead:
        yield Violation("lost", f"{where} was never answered")
    if len(one.answers) > 1 or (one.answers and any(end.content is None for end in one.ends)):
        yield Violation("twice", f"{where} has {len(one.answers)} answers and ended as {_reasons(one.ends)}")
    if one.answers and one.dead:
        yield Violation("dead letter", f"{where} was answered, and is a dead letter")
    for answer in one.answers:
        if answer.content != answer_to(one.stored.key):
            yield Violation("altered", f"{where} was answered {answer.content!r}")
        if not {"success", "crashed"} & set(one.executions):
            yield Violation("altered", f"{where} was answered, and no execution succeeded")
    if forever and not one.dead:
        yield Violation("dead letter", f"{where} was undeliverable, and is no dead letter")
    if one.dead and not forever and not one.may_be_unknown:
        yield Violation("dead letter", f"{where} is a dead letter, and was deliverable: {_reasons(one.ends)}")
    if "success" in one.executions and not one.answers and not one.dead and (one.stored.chat.asks or not one.cut):
        yield Violation("lost", f"{where} was answered by n8n, and its run ended as {_reasons(one.ends)}")


def _doubled(observed: Observations) -> Iterator[Violation]:
    """n8n's list, in which no message and no run is twice."""
    for what, values in (
        ("message", [one.key for one in observed.executions]),
        ("run", [one.run_id for one in observed.executions]),
    ):
        for value, number in Counter(values).items():
            if number > 1:
                yield Violation("doubled", f"{what} {value} has {number} executions")


def _reordered(found: Sequence[Fate], observed: Observations) -> Iterator[Violation]:
    """In each conversation n8n is asked, and the answers come, in the order of the messages. One that was given up as
    unknown is left out: its call was lost, and a real n8n that has much to do may begin it at any time after that."""
    seqs = {one.stored.key: one for one in found}
    began: defaultdict[str, list[int]] = defaultdict(list)
    for execution in observed.executions:
        fate = seqs.get(execution.key)
        if fate is not None and not (fate.dead and fate.may_be_unknown):
            conversation, seq = fate.place
            began[conversation].append(seq)
    answered: defaultdict[str, list[int]] = defaultdict(list)
    for answer in sorted((answer for one in found for answer in one.answers), key=lambda answer: answer.seq):
        answered[answer.conversation].append(answer.for_seq)
    for what, order in (("executed", began), ("answered", answered)):
        for conversation, places in order.items():
            for before, after in pairwise(places):
                if after < before:
                    yield Violation("reordered", f"{conversation}: {after} was {what} after {before}")


def named(place: Place) -> str:
    """A place for a person."""
    return f"message {place[1]} of {place[0]}"


def _reasons(ends: Iterable[Answer]) -> str:
    return ", ".join(one.reason for one in ends) or "nothing"


def undeliverable(found: Iterable[Fate], forever: Collection[str]) -> dict[str, set[Place]]:
    """By chat, what the fault plan made undeliverable for ever."""
    expected: dict[str, set[Place]] = {chat.name: set() for chat in CHATS}
    for one in found:
        if one.stored.key in forever:
            expected[one.stored.chat.name].add(one.place)
    return expected


__all__ = ["KINDS", "Fate", "Place", "Violation", "fates", "judge", "named", "undeliverable", "unknown"]
