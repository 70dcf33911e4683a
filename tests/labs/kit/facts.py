"""What a run records: what was sent, how it was answered, and what every reader was shown. Nothing is judged here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Item(NamedTuple):
    """An entry as a client was shown it; equal items are the same entry, unchanged."""

    seq: int
    kind: str
    key: str
    """The idempotency key that it was sent with (`client_id`)."""
    message_id: str
    at: str
    sender: str
    content: str
    rest: str = ""
    """Fields that no message of ours has, as JSON."""


class Sent(NamedTuple):
    """A message that was sent, once or more often, always with the same key."""

    key: str
    conversation: str
    sender: str
    number: int
    """Rises along a sender, who begins a message only after the one before was answered or given up."""
    content: str


class Acknowledgement(NamedTuple):
    """A 2xx to a send or to a repeat of it."""

    key: str
    created: bool
    item: Item


class Shown(NamedTuple):
    """When and how a reader was shown an entry."""

    at: float
    """Monotonic seconds."""
    mode: str
    """The mode in the answer: how its instance learnt of others' entries then."""


@dataclass(slots=True)
class Reading:
    """What one reader was given of one conversation, in the order of arrival."""

    reader: str
    conversation: str
    items: list[Item] = field(default_factory=list)
    instance: int = 0
    """The instance that it asks."""
    shown: list[Shown] = field(default_factory=list)
    """For each of the items."""


@dataclass(slots=True)
class Facts:
    """Everything that a verdict needs."""

    sent: dict[str, Sent] = field(default_factory=dict)
    through: dict[str, set[int]] = field(default_factory=dict)
    """The instances that each key was sent to."""
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    """Conversations that the run itself made, with members: an `update` is their first entry."""
    logs: dict[str, list[Item]] = field(default_factory=dict)
    """Each conversation, read afresh from its beginning after everything was over."""
    heads: dict[str, int] = field(default_factory=dict)
    """The head in the answer of this fresh read."""
    readings: list[Reading] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    """Answers that the contract does not allow there."""


_SHOWN = {"seq", "kind", "client_id", "message_id", "at", "sender", "content"}


def item_of(entry: dict[str, Any]) -> Item:
    """The item that an entry's JSON shows; raises KeyError or TypeError when it has not the contract's form."""
    sender = entry["sender"]
    rest = {name: value for name, value in entry.items() if name not in _SHOWN}
    return Item(
        seq=entry["seq"],
        kind=entry["kind"],
        key=entry.get("client_id", ""),
        message_id=entry.get("message_id", ""),
        at=entry["at"],
        sender=f"{sender['role']}/{sender.get('id', '')}/{sender.get('name', '')}",
        content=entry.get("content", ""),
        rest=repr(sorted(rest.items())) if rest else "",
    )


__all__ = ["Acknowledgement", "Facts", "Item", "Reading", "Sent", "Shown", "item_of"]
