"""Edge offers, consumers of logs, and checks of plugins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec

from umbral_chat.model.entries import Entry

if TYPE_CHECKING:
    from datetime import datetime

    from umbral_chat.providers.consumers import ConsumerService


class Offer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One edge that a client may use now. It should use the one of the highest `rank`.

    Rank 0 is polling. Edges above it push, and are offered only while realtime is on, for the service and for the
    conversation.
    """

    edge: str
    rank: int
    url: str
    parameters: dict[str, Any] = {}
    transport: str | None = None
    """Name of the transport that it depends on: it is offered only while that one is in use. None: the service itself
    feeds it, in every mode. It is not sent to clients."""


class CompletedOffer(Offer, frozen=True, omit_defaults=True, kw_only=True):
    """An offer of which a part can only be made by waiting, such as a ticket that is kept in the shared store: hooks do
    not wait."""

    complete: Callable[[], Awaitable[dict[str, Any]]]
    """Called when the offer holds, before it is sent: parameters to add. When it raises or takes longer
    than `COMPLETION_TIMEOUT`, the offer is sent without."""


COMPLETION_TIMEOUT = 2.0
"""Seconds that an offer may take to be completed: a store that takes longer is about to be called down."""


class Consumer(Protocol):
    """A durable consumer of logs.

    It gets each conversation's entries in order, from its stored cursor on, on one instance at a time (a lease). The
    cursor is stored after `handle` returned, so after a crash an entry may be passed again: at least once. A consumer
    whose name is not in the store yet begins with the first entry of every log, unless it has the ability `BeginsAt`.
    Imported entries are not passed to it, unless it has the ability `TakesImported`.

    An entry that fails is tried again after growing pauses, read anew each time, so that a redaction reaches it. After
    a bound of tries (`core.consumers.tries`, or `BoundsTries`) it becomes a dead letter, and the consumer goes on with
    the next entry of its conversation.
    """

    name: str
    """Stable: the cursor is stored under it."""

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """Handle one entry. An exception is logged and counted, and the entry is passed again after a pause.

        `Undeliverable` makes it a dead letter at once, `TryLater` sets the pause. HistoryUnavailable, of a store that
        does not answer, is no try: the entry is passed again when the store answers.
        """
        ...


class LogEnd(msgspec.Struct, frozen=True):
    """The end of the log `epoch`: its conversation was deleted, or it began anew."""

    epoch: str
    successor: str | None = None
    """The epoch of the log that took its place; None: there is none, the conversation was deleted."""

    @property
    def kind(self) -> Literal["deleted", "restarted"]:
        """Whether there is another log in its place."""
        return "deleted" if self.successor is None else "restarted"


@runtime_checkable
class TakesImported(Protocol):
    """Optional ability of a consumer: it can get imported entries (`entry.imported`) as well. An archive or a search
    index needs them; a consumer that answers, notifies or calls other services does not."""

    imported: bool
    """Whether imported entries are passed to it."""


@runtime_checkable
class TakesEnds(Protocol):
    """Optional ability of a consumer: the end of a log in which it has a cursor is passed on, in its place: after every
    entry of that log, before any of its successor, at least once. Entries of a deleted conversation that were not
    handled are not passed any more. An end is tried again as an entry is; past the bound it is logged and dropped."""

    async def handle_end(self, conversation: str, end: LogEnd) -> None:
        """Handle the end of a log. Raises what `handle` may raise."""
        ...


@runtime_checkable
class WantsConversations(Protocol):
    """Optional ability of a consumer: conversations that it does not want are left out before anything is read."""

    def wants(self, conversation: str) -> bool:
        """Whether the entries of this conversation are passed. Decided by its id alone, always alike; quick."""
        ...


@runtime_checkable
class SelectsEntries(Protocol):
    """Optional ability of a consumer: it passes over entries that do not concern it, without a lease for each, and with
    its cursor stored seldom."""

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those of `entries` that are to be passed, in their order. The others count as handled. It may be asked
        several times about the same ones. Raises HistoryUnavailable."""
        ...


@runtime_checkable
class DefersEntries(Protocol):
    """Optional ability of a consumer: an entry is passed some time after it was written. Until then its conversation
    waits, in the shared store: whichever instance runs then passes it, and a wait of days holds no memory.

    What is to be passed is decided when the time has come: with `SelectsEntries` a consumer is asked then, and may
    leave an entry out for a later one of the same page, for which the conversation waits in turn."""

    def due(self, entry: Entry) -> datetime:
        """The time before which the entry is not passed. Decided by the entry alone, always alike; quick. It is passed
        within about `DUE_EVERY` seconds of it, as the clock of the instance has it."""
        ...


DUE_EVERY = 5.0
"""Seconds between two looks at what is due."""


@runtime_checkable
class BeginsAt(Protocol):
    """Optional ability of a consumer: it chooses where it begins when its name is not in the store yet."""

    begins: Literal["now", "beginning"]
    """`now`: with the first entry that is appended after it was started; `beginning`: with the first entry of every
    log."""


@runtime_checkable
class BoundsTries(Protocol):
    """Optional ability of a consumer: it has a bound of tries of its own."""

    tries: int
    """Tries of an entry, at least 1, after which it becomes a dead letter."""


@runtime_checkable
class BoundsConcurrency(Protocol):
    """Optional ability of a consumer: it chooses how many conversations one instance works on at once, where that is
    not the usual 32. One whose `handle` waits for others, such as a language model, can take more than one that
    computes."""

    concurrency: int
    """Conversations at once, at least 1; those past it wait."""


@runtime_checkable
class ConsumerSource(Protocol):
    """Starts and stops consumers while the service runs. A plugin's hook `umbral_chat_consumers` may return one
    beside its consumers, or instead of them."""

    name: str
    """Distinct from the names of consumers."""

    async def run(self, consumers: ConsumerService) -> None:
        """Called once, in a task, when the service has started; cancelled when it stops. When it raises, that is
        logged and it is called again after a pause."""
        ...


@runtime_checkable
class StartsConsumers(Protocol):
    """An ability of a ConsumerSource that has consumers from the beginning, such as those of its settings.

    The service accepts requests once they have started, so that one that begins now misses nothing that was sent to it;
    at the latest a few seconds after its own start, since the store may not answer.
    """

    started: asyncio.Event
    """Set by `run` when they have."""


class CheckResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of a check; `mend` says what to do if it failed. `skipped`: there was nothing to check, which is not a
    failure, so `ok` is true."""

    ok: bool
    detail: str
    mend: str | None = None
    skipped: bool = False


class Check(msgspec.Struct, frozen=True):
    """One line of `umbral-chat doctor`, in whose order checks are run.

    `ready`: also part of readiness, so it must be quick and harmless. `seconds`: how long the doctor waits for it, at
    most; then it is cancelled, and counts as not answering. `needs_store`: the service's store must be
    open; a check of whether it can be opened does not need that. `needs_service`: it checks a part that only a running
    service has. The doctor leaves it out, and shows its result in the readiness of the running service.

    The doctor starts no service. The `Services` that it passes have the settings, a store that is open for checks that
    need it, and the stored toggle. Nothing else is entered or started: no transport (each is `off`), no presence, no
    consumer, no feed, and no key or token is loaded. A check opens whatever else it needs within `run`, and closes it
    there. It may run beside the service that it checks, so it must change nothing, or undo its changes.
    """

    name: str
    run: Callable[[], Awaitable[CheckResult]]
    ready: bool = False
    seconds: float = 3.0
    needs_store: bool = True
    needs_service: bool = False


__all__ = [
    "COMPLETION_TIMEOUT",
    "DUE_EVERY",
    "BeginsAt",
    "BoundsConcurrency",
    "BoundsTries",
    "Check",
    "CheckResult",
    "CompletedOffer",
    "Consumer",
    "ConsumerSource",
    "DefersEntries",
    "LogEnd",
    "Offer",
    "SelectsEntries",
    "StartsConsumers",
    "TakesEnds",
    "TakesImported",
    "WantsConversations",
]
