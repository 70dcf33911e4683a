"""What else plugins give: edge offers, consumers of logs, and checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

import msgspec

from umbral_chat.model.entries import Entry


class Offer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One way in which a client may take its feed now. Of the highest `rank` is what it should use.

    Rank 0 is polling. What is above it pushes, and is offered only while realtime is on, for the service and for the
    conversation.
    """

    edge: str
    rank: int
    url: str
    parameters: dict[str, Any] = {}
    transport: str | None = None
    """Name of the transport without which it brings nothing: offered only while that one is in use. None: it is fed by
    the service itself, in whatever mode. Clients are not told it."""


class Consumer(Protocol):
    """A durable consumer of logs.

    Each conversation's entries come to it in order, from where its stored cursor stands, by one instance at a time
    (a lease); the cursor is stored after `handle` returned, so an entry may come again after a crash: at least once.
    A consumer whose name the store does not know yet begins with the first entry of every log. Imported entries, which
    nobody waits for, do not come to it, unless it has the ability `TakesImported`.
    """

    name: str
    """Stable: the cursor is stored under it."""

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """Take one entry. What it raises is logged and counted, and the entry comes again after a pause."""
        ...


@runtime_checkable
class TakesImported(Protocol):
    """Optional ability of a consumer: imported entries come to it as well (`entry.imported`), where it says so. An
    archive or a search index wants them; what answers, notifies or calls out does not."""

    imported: bool
    """Whether they come."""


class CheckResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a check found; `mend` says what to do when it is not well. `skipped`: there was nothing to look at, which is
    no fault, so `ok` is true."""

    ok: bool
    detail: str
    mend: str | None = None
    skipped: bool = False


class Check(msgspec.Struct, frozen=True):
    """One line of `umbral-chat doctor`, in whose order checks are run.

    `ready`: also part of readiness, so it must be quick and harmless. `seconds`: how long the doctor waits for it, at
    most; then it is cancelled, and its finding is that it did not answer. `needs_store`: the service's store must be
    open; a check of whether it can be opened at all does not need that. `needs_service`: it looks at what only a
    running service has. The doctor leaves it out, and shows what the running service's readiness says of it.

    The doctor starts no service. The services that it makes checks for have their settings, a store that is open for
    those that need it, and the toggle as it is stored. Nothing else was entered or started: no transport (each is
    `off`), no presence, no consumer, no feed, and no key or token is known. A check opens what else it needs itself,
    within `run`, and closes it there. It may run beside the service that it is about, so it changes nothing, or takes
    away what it made.
    """

    name: str
    run: Callable[[], Awaitable[CheckResult]]
    ready: bool = False
    seconds: float = 3.0
    needs_store: bool = True
    needs_service: bool = False


__all__ = ["Check", "CheckResult", "Consumer", "Offer", "TakesImported"]
