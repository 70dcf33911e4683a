"""What one run is asked for, and what each person does in it. Pure: drawn from the seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple

from tests.labs.kit.realtime_faults import KINDS as REALTIME

Kind = Literal["join", "leave", "reload", "hop", "move", "renew_device", "crash", "type", "say", "status"]

WEIGHTS: dict[Kind, int] = {
    "join": 5,
    "leave": 4,
    "reload": 6,
    "hop": 3,
    "move": 2,
    "renew_device": 2,
    "crash": 3,
    "type": 6,
    "say": 2,
    "status": 2,
}
"""How often each is drawn. `reload` leaves and joins again at the same instance, `hop` at the other one; `move` goes on
reporting at the other one without a word; `renew_device` crashes and joins as another device."""

ROLES = ("user", "user", "user", "agent", "assistant")
STATUSES = ("online", "online", "away", "busy")

FAULTS = ("toggle", "socket_cut", "socket_freeze", "store_cut", *REALTIME)
"""Every kind. `store_cut`: one instance reaches nothing of the project for a while."""


@dataclass(frozen=True)
class Plan:
    """One run."""

    seed: int = 1
    people: int = 200
    conversations: int = 10
    rounds: int = 6
    chaos: float = 15.0
    """Seconds of each round in which people do things and Realtime is broken; then all are left in peace, and observers
    must come to agree."""
    acts: float = 4.0
    """What a person does in a round, on average."""
    faults: int = 4
    """Faults a round."""
    kinds: tuple[str, ...] = FAULTS
    instances: int = 2
    ttl: float = 12.0
    """Short, and yet so long that a beat of an instance (a ninth of it) may be late on a slow machine."""
    hold_back: float = 10.0
    typing_ttl: float = 8.0
    prefix: str = ""
    """Of the conversations' names: runs on one store have conversations of their own."""

    @property
    def names(self) -> list[str]:
        """The conversations."""
        return [f"{self.prefix}room-{number}" for number in range(self.conversations)]


class Act(NamedTuple):
    """One thing that a person does, at its second of the round."""

    at: float
    kind: Kind
    device: int
    instance: int
    """Through which, where the kind leaves that open."""
    amount: float
    """0 to 1, for whatever else there is to choose."""


@dataclass(frozen=True)
class Person:
    """A person, as drawn."""

    number: int
    conversation: str
    role: str
    devices: int
    invisible: bool
    acts: tuple[tuple[Act, ...], ...]
    """By round."""
    types_on: tuple[bool, ...]
    """By round: whether it types all through the peace after it, if it is here."""

    @property
    def id(self) -> str:
        """As the sender's id, and as its name."""
        return f"p{self.number}"


def cast(plan: Plan) -> list[Person]:
    """Everybody."""
    return [_person(plan, number) for number in range(plan.people)]


def _person(plan: Plan, number: int) -> Person:
    random = Random(f"{plan.seed}/person/{number}")
    devices = random.randint(1, 3)
    rounds = tuple(tuple(sorted(_acts(plan, random, devices, first=not n))) for n in range(plan.rounds))
    return Person(
        number,
        plan.names[number % plan.conversations],
        random.choice(ROLES),
        devices,
        random.random() < 0.05,
        rounds,
        tuple(random.random() < 0.1 for _ in range(plan.rounds)),
    )


def _acts(plan: Plan, random: Random, devices: int, *, first: bool) -> Iterator[Act]:
    if first:  # most are there early, so that much can happen to them
        yield Act(random.uniform(0.0, plan.chaos / 4), "join", 0, random.randrange(2), random.random())
    for _ in range(random.randint(0, round(2 * plan.acts))):
        (kind,) = random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        at = random.uniform(0.0, plan.chaos)
        yield Act(at, kind, random.randrange(devices), random.randrange(2), random.random())


class Planned(NamedTuple):
    """A fault, at its second of the round."""

    at: float
    kind: str
    duration: float
    instance: int
    draw: int
    """What the kind's own details are drawn from."""


def faults(plan: Plan, round_: int) -> list[Planned]:
    """Those of a round, one after the other."""
    random = Random(f"{plan.seed}/faults/{round_}")
    every = plan.chaos / max(1, plan.faults)
    some = random.sample(plan.kinds, min(plan.faults, len(plan.kinds)))
    return [
        Planned(
            (number + random.uniform(0.1, 0.3)) * every,
            kind,
            random.uniform(0.3, 0.6) * every,
            random.randrange(2),
            random.randrange(1 << 30),
        )
        for number, kind in enumerate(some)
    ]


__all__ = ["FAULTS", "WEIGHTS", "Act", "Kind", "Person", "Plan", "Planned", "cast", "faults"]
