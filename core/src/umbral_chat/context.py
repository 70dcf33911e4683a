"""What the core hands to plugins: first the base, then the storage, at last the parts of the running service.

The parts are typed by protocols with what plugins use of them; what they are inside is private to the core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from umbral_chat.clock import Clock
    from umbral_chat.drafts import DraftView
    from umbral_chat.feed import Batch, Follower, Reader, ReaderPermit, View
    from umbral_chat.model.conversations import Conversation
    from umbral_chat.model.cursor import Cursor
    from umbral_chat.model.encoded_entry import EncodedEntry
    from umbral_chat.model.entries import Sender
    from umbral_chat.model.requests import ConversationBody, DraftBody, EditBody, ImportBody, PatchBody, SendBody
    from umbral_chat.model.runs import (
        CancelBody,
        ProgressBody,
        RunBody,
        RunEndBody,
        RunEnded,
        RunProgress,
        RunStarted,
        RunView,
    )
    from umbral_chat.model.signals import Mode, Signal
    from umbral_chat.providers.auth import Principal, Right
    from umbral_chat.providers.consumers import ConsumerService
    from umbral_chat.providers.history import Storage
    from umbral_chat.providers.presence import Presence
    from umbral_chat.providers.transport import TransportState
    from umbral_chat.settings import Settings
    from umbral_chat.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Base:
    """What exists before any provider is made."""

    settings: Settings
    telemetry: Telemetry
    clock: Clock


class FeedService(Protocol):
    """The feeds: conversations as this instance follows them."""

    async def read(self, conversation: str, cursor: Cursor, limit: int) -> Batch:
        """What follows `cursor`, at most `limit` entries, without waiting for new ones.

        Raises CursorExpired, ConversationDeleted, and HistoryUnavailable when the history does not answer and memory
        does not reach back to the cursor.
        """
        ...

    def peek(self, conversation: str) -> View | None:
        """The conversation as memory has it, if that is current as far as this instance can tell: no wait, no read."""
        ...

    def reading(self, conversation: str, caller: Principal | None = None) -> AbstractAsyncContextManager[Reader]:
        """Follow a conversation: a Reader to wait with, on behalf of `caller` (None: of the service itself).

        Entering it raises Unavailable (`too_many_readers`) past the instance's limit and TooManyRequests
        (`too_many_own_readers`) past the caller's own.
        """
        ...

    def permit(self, caller: Principal | None) -> ReaderPermit:
        """A reader's place for `caller` (None: the service itself), held until its `close`: for an edge whose readers
        wait on something else than a Reader. Raises what `reading` raises."""
        ...

    def follow(self, conversation: str, on_change: Callable[[], None]) -> Follower:
        """Follow a conversation until the `close` of what is returned.

        `on_change` is called at once, with nothing, when entries, signals, the mode, or the log's existence change, and
        when the service drains; it must neither wait nor raise. What changed is found by asking. It takes no reader's
        place: those on whose behalf the conversation is followed have one each.
        """
        ...

    async def epoch(self, conversation: str) -> str | None:
        """The log's epoch; None when it was never made. Raises ConversationDeleted and HistoryUnavailable."""
        ...


class DraftService(Protocol):
    """The drafts: messages that are being written."""

    def of(self, conversation: str) -> list[DraftView]:
        """The drafts of a conversation, oldest first."""
        ...

    def touch(self, conversation: str, message_id: str) -> None:
        """There is a sign of life of the message that is being written, other than a piece: it does not end yet. Does
        nothing for a message of which no draft is known."""
        ...


class RunService(Protocol):
    """The runs of assistants. `start`, `progress` and `end` need the right `send_as`."""

    def of(self, conversation: str) -> list[RunView]:
        """The runs of a conversation that go on, the oldest first. Neither waits nor reads; the conversation's readers
        are notified when it changes."""
        ...

    async def start(self, principal: Principal, conversation: str, body: RunBody) -> RunStarted:
        """Begin a run; with a `run_id` a repeat changes nothing. Raises Conflict (`idempotency_conflict`) and
        TooManyRequests (`too_many_runs`)."""
        ...

    async def progress(self, principal: Principal, conversation: str, run_id: str, body: ProgressBody) -> RunProgress:
        """Report what the run does now, which is a sign of life of it; whether it is to stop. Raises NotFound
        (`unknown_run`) and Conflict (`run_ended`)."""
        ...

    async def end(self, principal: Principal, conversation: str, run_id: str, body: RunEndBody) -> RunEnded:
        """End the run. If it left no message, the log has an entry for it when this returns. The same end again is
        answered with the first one. Raises NotFound (`unknown_run`) and Conflict (`run_ended`)."""
        ...

    async def cancel(self, principal: Principal, conversation: str, run_id: str, body: CancelBody) -> RunProgress:
        """Ask the run's producer to end it. For callers with the right `moderate` and the sender of the message that
        the run is for: raises Forbidden (`not_your_run`), NotFound (`unknown_run`) and Conflict (`run_ended`)."""
        ...


class SentEntry(Protocol):
    """A stored entry, as it is answered to its sender."""

    @property
    def entry(self) -> EncodedEntry:
        """The entry with its JSON."""
        ...

    @property
    def cursor(self) -> Cursor:
        """The cursor behind it."""
        ...

    @property
    def created(self) -> bool:
        """Whether it was written now; else it was stored before, under the same idempotency key."""
        ...


class ChatService(Protocol):
    """What is done with conversations, checked as the API checks it. Every method raises RequestErrors.

    `header_key` is an idempotency key that came beside the body.
    """

    async def send(self, principal: Principal, conversation: str, body: SendBody, header_key: str | None) -> SentEntry:
        """Append a message; the first one makes the conversation."""
        ...

    async def import_entry(
        self, principal: Principal, conversation: str, body: ImportBody, header_key: str | None
    ) -> SentEntry:
        """Append an entry of another log, with its time and sender."""
        ...

    async def edit(
        self, principal: Principal, conversation: str, message_id: str, body: EditBody, header_key: str | None
    ) -> SentEntry:
        """Replace a message's content. Without the right `moderate` only one's own."""
        ...

    async def redact(
        self, principal: Principal, conversation: str, message_id: str, header_key: str | None
    ) -> SentEntry:
        """Blank a message for good. Without the right `moderate` only one's own."""
        ...

    async def make(
        self, principal: Principal, body: ConversationBody, header_key: str | None
    ) -> tuple[Conversation, bool]:
        """The conversation, and whether it was made now."""
        ...

    async def patch(
        self, principal: Principal, conversation: str, body: PatchBody, header_key: str | None
    ) -> Conversation:
        """Change title, members, status and the like."""
        ...

    async def delete(self, conversation: str) -> None:
        """Delete a conversation with its whole log."""
        ...

    async def conversation(self, principal: Principal, conversation: str) -> Conversation:
        """Title, members, status and where its log stands."""
        ...

    async def draft(self, principal: Principal, conversation: str, body: DraftBody) -> int:
        """Take a piece of a message that is being written; the length so far, in characters."""
        ...

    async def mark_read(self, principal: Principal, conversation: str, seq: int) -> int:
        """Move the caller's read marker forward; where it stands now."""
        ...

    def speaking(self, principal: Principal, sender: Sender | None) -> Sender:
        """On whose behalf `principal` speaks or types, if it may; counted towards its rate of writes."""
        ...


class TransportInfo(Protocol):
    """One transport, as `GET /v1/status` shows it."""

    @property
    def name(self) -> str:
        """Its own name."""
        ...

    @property
    def rank(self) -> int:
        """The highest one that is live is used."""
        ...

    @property
    def state(self) -> TransportState:
        """Its state, since when, and why."""
        ...

    @property
    def in_use(self) -> bool:
        """Whether it delivers now."""
        ...

    @property
    def next_attempt_in(self) -> float | None:
        """Seconds until it is started again; None: it runs, or is switched off."""
        ...


class DeliveryService(Protocol):
    """How entries and signals of other instances arrive, and signals leave."""

    @property
    def mode(self) -> Mode:
        """`live`, `polling` or `local`."""
        ...

    def status(self) -> Sequence[TransportInfo]:
        """Every transport, the highest rank first."""
        ...

    def publish(self, signal: Signal) -> None:
        """Queue a signal for other instances, best effort. Never waits, never raises."""
        ...


class AccessService(Protocol):
    """Who may do what, for connections that last: a request is authenticated and authorized once, by the guard."""

    async def authenticate(self, credential: str | None) -> Principal:
        """The principal of a bearer credential (None: there was none). A user of an identity provider has its rights
        only in a conversation: see `authorize`. Raises Unauthorized (`unauthorized`, `token_expired`), TooManyRequests
        (`rate_limited`) and Unavailable."""
        ...

    async def authorize(self, principal: Principal, right: Right, conversation: str) -> Principal:
        """The principal as it is in `conversation` now, if it has `right` there now; also asked again, for a principal
        that this returned before.

        Raises Unauthorized (`token_expired` past its expiry), Forbidden, ConversationDeleted, and Unavailable when that
        cannot be decided now.
        """
        ...

    def count(self, principal: Principal, rate: Literal["requests", "drafts", "markers"] = "requests") -> None:
        """Count one action of `principal` towards a rate, as the guard counts a request. Raises TooManyRequests
        (`rate_limited`)."""
        ...

    def encode(self, principal: Principal) -> bytes:
        """The principal for a record in the shared store. It has no credential in it."""
        ...

    def decode(self, data: bytes) -> Principal:
        """The principal that `encode` encoded, at any instance. Raises Unauthorized when it cannot be read."""
        ...


class ToggleInfo(Protocol):
    """Whether realtime is on, and who switched it."""

    @property
    def enabled(self) -> bool:
        """Whether it is on."""
        ...

    @property
    def by(self) -> str | None:
        """Who switched it; None: it has its start value."""
        ...

    @property
    def at(self) -> datetime | None:
        """When."""
        ...

    @property
    def locked(self) -> bool:
        """Whether it is off in the settings, which the API cannot change."""
        ...


class ToggleService(Protocol):
    """The realtime toggle."""

    @property
    def state(self) -> ToggleInfo:
        """The value in force."""
        ...

    def on_change(self, listener: Callable[[ToggleInfo], None]) -> None:
        """Call `listener` when it is switched, here or at another instance."""
        ...


class PluginInfo(Protocol):
    """One installed plugin."""

    @property
    def name(self) -> str:
        """Its entry point, and its section in the settings."""
        ...

    @property
    def state(self) -> Literal["active", "disabled", "broken", "incompatible"]:
        """Whether it is active."""
        ...

    @property
    def reason(self) -> str | None:
        """Why it is not."""
        ...

    @property
    def faults(self) -> tuple[str, ...]:
        """What its hooks have raised since the start."""
        ...


class PluginList(Protocol):
    """The installed plugins."""

    @property
    def statuses(self) -> Sequence[PluginInfo]:
        """Each with its state."""
        ...


class ServiceLifecycle(Protocol):
    """When the service began, and whether it only finishes what it has."""

    started_at: datetime
    draining: asyncio.Event
    """Set from the moment at which open requests are to be answered at once."""

    def on_drain(self, listener: Callable[[], None]) -> None:
        """Call `listener` when draining begins."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running service. Plugins' routes, offers, checks and consumers work on these."""

    base: Base
    storage: Storage
    feeds: FeedService
    drafts: DraftService
    runs: RunService
    failover: DeliveryService
    toggle: ToggleService
    chat: ChatService
    lifecycle: ServiceLifecycle
    presence: Presence | None
    plugins: PluginList
    access: AccessService
    consumers: ConsumerService


__all__ = [
    "AccessService",
    "Base",
    "ChatService",
    "DeliveryService",
    "DraftService",
    "FeedService",
    "PluginInfo",
    "PluginList",
    "RunService",
    "SentEntry",
    "ServiceLifecycle",
    "Services",
    "ToggleInfo",
    "ToggleService",
    "TransportInfo",
]
