"""What one run is asked for, and what its seed decides: messages, faults of the receiver, kills, what is never taken.
Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

Kind = Literal["slow", "error", "busy", "cut", "cut_late", "redirect", "mute", "gone"]

KINDS: tuple[Kind, ...] = ("slow", "error", "busy", "cut", "cut_late", "redirect", "mute", "gone")
"""How a receiver fails. `slow` answers 200, but late; `error` with a 4xx or 5xx; `busy` with a 429 or 503 and
`Retry-After`; `cut` closes the connection before it answers, `cut_late` within the answer's first line; `redirect`
answers with a 3xx; `mute` never answers; `gone` does not listen."""

FOREVER: tuple[Kind, ...] = ("error", "cut", "cut_late", "redirect", "mute")
"""How a receiver fails for ever on single entries."""

TIMEOUT = 3.0
"""Seconds that the service waits for a receiver: few, since each try of what is never answered takes them."""

GONE = 1.0
"""Seconds that a receiver does not listen, at most. It cannot count the tries that fail then: with pauses of a second
or more these are two."""

MERCY = 2
"""Failures of one entry after which its receiver takes it, or its worker acknowledges it, so that no outage exhausts
the tries. Two more may fail while the receiver is gone."""

TRIES = MERCY + 3
"""Bound of tries that the service is given: the least that the failures above cannot reach."""

EARLY = 0.35
"""Share of a run's messages among which those are drawn that are never taken: their tries take the longest."""


@dataclass(frozen=True)
class Plan:
    """One run."""

    seed: int = 1
    entries: int = 5_000
    conversations: int = 200
    seconds: float = 60.0
    """In which the messages are sent and everything is broken."""
    kills: int = 6
    forever: int = 10
    """Entries that the push receiver never takes, and as many that no worker ever finishes."""
    deleted: int = 4
    """Conversations that are deleted once all is delivered; half of them are made again."""
    workers: int = 6
    lease: float = 4.0
    """Seconds of a claim. Longer than it takes from the store to a worker and back, on a busy machine: what expires
    before its ack is sent is tried in vain."""
    deadline: float = 400.0
    """Seconds after the last message was sent, in which all is to be delivered."""

    @property
    def names(self) -> list[str]:
        """The conversations' ids."""
        return [f"subs.{self.seed}.{number}" for number in range(self.conversations)]


class Message(NamedTuple):
    """One that is sent."""

    key: str
    conversation: str
    content: str


class Window(NamedTuple):
    """From `begin` to `end`, in seconds of the run, the receiver fails so."""

    begin: float
    end: float
    kind: Kind


class KillAt(NamedTuple):
    """`kill -9` of an instance, which is started again `down` seconds later."""

    at: float
    instance: int
    down: float


@dataclass(frozen=True)
class Drawn:
    """What the seed decided."""

    messages: Sequence[Message]
    windows: Sequence[Window]
    kills: Sequence[KillAt]
    refused: dict[str, Kind] = field(default_factory=dict)
    """Keys of the messages that the receiver `broken` never takes, and how it fails on each."""
    unfinished: frozenset[str] = frozenset()
    """Keys of the messages that no worker acknowledges."""


def draw(plan: Plan) -> Drawn:
    """Everything that is left to chance, except the moments at which things meet. Raises ValueError for a plan with too
    few conversations for what is never taken, at most one entry in each."""
    if 2 * plan.forever > plan.conversations:
        raise ValueError(f"{plan.forever} undeliverable entries each for push and pull need as many conversations")
    random = Random(f"{plan.seed}/plan")
    names = plan.names
    # Each conversation has a message, and the rest is spread unevenly, as chats are.
    where = names + random.choices(names, [random.paretovariate(1.5) for _ in names], k=plan.entries - len(names))
    random.shuffle(where)
    messages = [
        Message(f"m{number}", name, f"m{number} " + "x" * random.randrange(300)) for number, name in enumerate(where)
    ]
    early = _one_of_each(messages[: int(len(messages) * EARLY)], random)
    refused = {message.key: random.choice(FOREVER) for message in early[: plan.forever]}
    unfinished = frozenset(message.key for message in early[plan.forever : 2 * plan.forever])
    return Drawn(messages, _windows(plan, random), _kills(plan, random), refused, unfinished)


def _one_of_each(messages: Sequence[Message], random: Random) -> list[Message]:
    """One message of each conversation, in random order."""
    shuffled = random.sample(messages, len(messages))
    return list({message.conversation: message for message in shuffled}.values())


def _windows(plan: Plan, random: Random) -> list[Window]:
    """Each kind at least once, one after the other, with a time between them in which all is well."""
    kinds = list(KINDS) * max(1, round(plan.seconds / 60))
    random.shuffle(kinds)
    slot = plan.seconds / len(kinds)
    found = []
    for number, kind in enumerate(kinds):
        length = min(slot * 0.7, random.uniform(0.8, GONE) if kind == "gone" else random.uniform(1.0, 3.5))
        begin = slot * number + random.uniform(0.0, slot - length)
        found.append(Window(begin, begin + length, kind))
    return found


def _kills(plan: Plan, random: Random) -> list[KillAt]:
    """One in each equal slice of the first two thirds, of the instances in turn: their leases must have time to end."""
    slot = plan.seconds * 2 / 3 / max(1, plan.kills)
    first = random.randrange(2)
    return [
        KillAt(slot * (number + random.uniform(0.2, 0.8)), (first + number) % 2, random.uniform(0.0, 2.0))
        for number in range(plan.kills)
    ]


def lengths(drawn: Drawn) -> Counter[str]:
    """Messages of each conversation."""
    return Counter(message.conversation for message in drawn.messages)


__all__ = [
    "FOREVER",
    "KINDS",
    "MERCY",
    "TIMEOUT",
    "TRIES",
    "Drawn",
    "KillAt",
    "Kind",
    "Message",
    "Plan",
    "Window",
    "draw",
    "lengths",
]
