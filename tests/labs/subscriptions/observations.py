"""What a run saw, in the order in which it happened: what was stored, delivered, claimed and finished.

Nothing is judged here."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from .plan import Kind


class Stored(NamedTuple):
    """A message that the service acknowledged."""

    key: str
    conversation: str
    epoch: str
    seq: int
    content: str


class Event(NamedTuple):
    """An event as its receiver was given it."""

    id: str
    type: str
    conversation: str
    cursor: str
    key: str
    """First word of the entry's content: which message it is."""
    content: str
    seq: int


@dataclass(slots=True)
class Delivery:
    """One POST to a receiver."""

    order: int
    """Its place among all that was observed in the run."""
    at: float
    subscription: str
    event: Event
    webhook_id: str
    signed: bool
    """Whether its signature is valid, by the judge."""
    failed: Kind | None = None
    """How the receiver failed on it; None: it answered 200, at once or late."""
    answered: int | None = None
    """The place of its 200 among all that was observed; None: it got none."""


@dataclass(slots=True)
class Claim:
    """One claim that a worker was given, and what it did with it."""

    order: int
    at: float
    """Wall clock, when the worker had it."""
    id: str
    conversation: str
    events: list[Event]
    lease_until: float
    """Wall clock of the service, which is that of this machine: until then it is held for certain."""
    ends_at: float
    """When it must have ended: where the store is slow, it began to hold it shortly before the worker had it."""
    finish: str = ""
    """`ack`, `release`, or nothing: the worker forgot it."""
    finish_order: int | None = None
    """The place of its request among all that was observed."""
    finish_sent_at: float | None = None
    finish_answered_at: float | None = None
    status: int | None = None
    """Of the answer; None: there was none, and the claim may have ended or not."""
    code: str = ""
    unsure: bool = False
    """It was sent before, and answered 503: that may have finished it."""


@dataclass(slots=True)
class Observations:
    """Everything that a verdict needs."""

    stored: list[Stored] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    """Requests for the target of a redirect."""
    dead: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """Dead letters of each subscription, as conversation and seq."""
    left: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """Those that are left after everything was mended and they were retried."""
    ended_at: int = 0
    """The place of the first deletion of a conversation among all that was observed; 0: none was deleted."""
    ended: dict[str, str] = field(default_factory=dict)
    """Conversations that were deleted, with the epochs of their logs."""
    revived: list[Stored] = field(default_factory=list)
    """What was stored in them afterwards."""
    surprises: list[str] = field(default_factory=list)
    """Answers that the contract does not allow."""
    _orders: count[int] = field(default_factory=lambda: count(1))

    def next_order(self) -> int:
        """The place of something that happens now."""
        return next(self._orders)


__all__ = ["Claim", "Delivery", "Event", "Observations", "Stored"]
