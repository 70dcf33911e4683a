"""What else plugins give: presence, edge offers, consumers of logs, and checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from umbral_chat.model.entries import Entry


class PresenceState(msgspec.Struct, frozen=True):
    """Who is in a conversation, as a poll answers it. `version` rises with every change."""

    version: int
    people: list[dict[str, Any]]
    typing: list[dict[str, Any]]


class Presence(Protocol):
    """Who is here and who types. Selected as the history is: one a service."""

    name: str
    rank: int

    def state(self, conversation: str) -> PresenceState:
        """What is known now, without waiting."""
        ...


class Offer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One way in which a client may take its feed now. Of the highest `rank` is what it should use."""

    edge: str
    rank: int
    url: str
    parameters: dict[str, Any] = {}


class Consumer(Protocol):
    """A durable consumer of logs.

    Each conversation's entries come to it in order, from where its stored cursor stands, by one instance at a time
    (a lease); the cursor is stored after `handle` returned, so an entry may come again after a crash: at least once.
    A consumer whose name the store does not know yet begins with the first entry of every log.
    """

    name: str
    """Stable: the cursor is stored under it."""

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """Take one entry. What it raises is logged and counted, and the entry comes again after a pause."""
        ...


class CheckResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a check found; `mend` says what to do when it is not well."""

    ok: bool
    detail: str
    mend: str | None = None


class Check(msgspec.Struct, frozen=True):
    """One line of `umbral-chat doctor`. `ready`: also part of readiness, so it must be quick and harmless."""

    name: str
    run: Callable[[], Awaitable[CheckResult]]
    ready: bool = False


__all__ = ["Check", "CheckResult", "Consumer", "Offer", "Presence", "PresenceState"]
