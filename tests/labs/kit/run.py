"""The state that senders, readers and what breaks things share in one run: facts, what is in flight, and figures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from .facts import Acknowledgement, Facts
from .http1 import Connection
from .service import Service
from .standstill import Standstill


@dataclass(frozen=True)
class Plan:
    """What is asked for. The seed decides what is drawn; the moments at which things meet are the machine's own."""

    messages: int = 100_000
    senders: int = 8
    kills: int = 10
    readers: int = 4
    conversations: int = 4
    seed: int = 0
    deadline: float = 1_500.0
    """Seconds after which the run is given up."""

    @property
    def names(self) -> list[str]:
        """The conversations' ids."""
        return [f"torture.{self.seed}.{number}" for number in range(self.conversations)]


@dataclass(eq=False, slots=True)
class Flight:
    """One try of a send; in the run's set from the moment it is written until it is answered or lost."""

    key: str
    written_at: float | None = None
    kill: int | None = None
    """The kill that found it in flight."""


@dataclass(slots=True)
class Kill:
    """One `kill -9` of the database's process and what it did."""

    after: int
    """Acknowledged messages at that moment."""
    in_flight: int
    recovery: float = 0.0
    """Seconds from the kill to the next acknowledged send, the restart included."""
    lost: int = 0
    """Sends without an answer, or answered 503: stored or not, the sender cannot know."""
    stored: int = 0
    """Of those, the ones whose repeat showed that the entry had become durable: killed after the commit."""
    unstored: int = 0
    """Of those, the ones whose repeat was new: killed before the commit. The rest was given up."""


@dataclass(slots=True)
class Run:
    """One run in progress."""

    plan: Plan
    services: Sequence[Service]
    """The instances that are asked; on one store, if there are several."""
    facts: Facts = field(default_factory=Facts)
    flights: set[Flight] = field(default_factory=set)
    kills: list[Kill] = field(default_factory=list)
    killed_at: float | None = None
    """When the service was killed, until a send is acknowledged again."""
    acknowledged_at: dict[str, float] = field(default_factory=dict)
    """When a send with each key was first answered 2xx; monotonic seconds."""
    round_trips: list[float] = field(default_factory=list)
    """Seconds that each send took to its 2xx."""
    repeats: int = 0
    hung_up: int = 0
    given_up: int = 0
    refused: int = 0
    """503s, after which the sender sent again."""
    polls: int = 0
    sending: int = 0
    """Senders that are not through yet."""
    worst_lag: float = 0.0
    """Longest time from an acknowledgement to a reader's sight of the entry; a restart in between counts."""
    standstills: list[Standstill] = field(default_factory=list)
    """When the machine ran no process, the driver included."""
    began: float = field(default_factory=time.monotonic)

    def instance(self, number: int) -> int:
        """Whom the sender or reader of this number asks: they take turns."""
        return number % len(self.services)

    def written_through(self, instance: int) -> list[str]:
        """The conversations that an instance is sent messages for."""
        return self.plan.names

    def connection(self, instance: int = 0) -> Connection:
        """A connection of one's own."""
        service = self.services[instance]
        return Connection(service.host, service.port)

    @property
    def broken(self) -> str:
        """What was broken so far, for the progress line."""
        return f"{len(self.kills)} kills"

    async def turn(self, left: int) -> None:
        """A sender waits here before each message, with `left` to send: some labs spread them over a time."""

    def acknowledge(self, ack: Acknowledgement, flight: Flight) -> None:
        """Record a 2xx. Only a request that was written after a kill shows that the service is back."""
        now = time.monotonic()
        self.facts.acknowledgements.append(ack)
        self.acknowledged_at.setdefault(ack.key, now)
        if flight.written_at is not None:
            self.round_trips.append(now - flight.written_at)
        if self.killed_at is not None and (flight.written_at or 0.0) > self.killed_at:
            self.kills[-1].recovery = now - self.killed_at
            self.killed_at = None

    def surprise(self, what: str) -> None:
        """Record what the contract does not allow; a run with many is hopeless and ends."""
        self.facts.surprises.append(what)
        if len(self.facts.surprises) > 20:
            raise RunAborted(f"more than 20 surprises, the last: {what}")


class RunAborted(Exception):
    """The run cannot go on."""


__all__ = ["Flight", "Kill", "Plan", "Run", "RunAborted"]
