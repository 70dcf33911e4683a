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
    from umbral_chat.feed import Batch, Reader, View
    from umbral_chat.model.conversations import Conversation
    from umbral_chat.model.cursor import Cursor
    from umbral_chat.model.encoded_entry import EncodedEntry
    from umbral_chat.model.entries import Sender
    from umbral_chat.model.requests import ConversationBody, DraftBody, EditBody, ImportBody, PatchBody, SendBody
    from umbral_chat.model.signals import Mode, Signal
    from umbral_chat.providers.auth import Principal
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
    failover: DeliveryService
    toggle: ToggleService
    chat: ChatService
    lifecycle: ServiceLifecycle
    presence: Presence | None
    plugins: PluginList


__all__ = [
    "Base",
    "ChatService",
    "DeliveryService",
    "DraftService",
    "FeedService",
    "PluginInfo",
    "PluginList",
    "SentEntry",
    "ServiceLifecycle",
    "Services",
    "ToggleInfo",
    "ToggleService",
    "TransportInfo",
]
