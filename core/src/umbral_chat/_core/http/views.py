"""The bodies of the API's answers, as the Structs of which the OpenAPI document is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from umbral_chat._core.conversations.drafts import DraftView
from umbral_chat._core.delivery.failover.failover import TransportStatus
from umbral_chat._core.delivery.toggle import ToggleState
from umbral_chat.model.conversations import Conversation
from umbral_chat.model.entries import ASSIGNEE, SEEN, Entry, FoldedMessage, Member, RealtimeChoice, Responder, Status
from umbral_chat.model.receipts import Receipt
from umbral_chat.model.runs import RunView
from umbral_chat.providers.edges import CheckResult, Offer


class _View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class SentView(_View, frozen=True, kw_only=True):
    """The entry of a write. `created` false: the idempotency key was used before, and this is its first entry."""

    entry: Entry
    cursor: str
    created: bool


class MessagesView(_View, frozen=True, kw_only=True, omit_defaults=False):
    """A page of the folded history, ascending, and the cursor that it was read at: following from it misses nothing."""

    messages: list[FoldedMessage]
    cursor: str
    has_more: bool


class ConversationView(_View, frozen=True, kw_only=True):
    """A conversation; `unread` counts messages past the caller's read marker.

    Every caller that may read a conversation, visitors included, sees all of it, and each change as an `update` entry.
    What visitors must not see belongs in the conversation `internal:{id}`.
    """

    id: str
    epoch: str
    head: int
    cursor: str
    status: Status
    responder: Responder
    assignee: Annotated[str | None, Meta(description=ASSIGNEE)] = None
    realtime: RealtimeChoice
    title: Annotated[str | None, Meta(description=SEEN)] = None
    metadata: Annotated[dict[str, Any] | None, Meta(description=SEEN)] = None
    members: Annotated[list[Member], Meta(description=SEEN)] = []
    created_at: datetime
    last_activity: datetime
    last_message: FoldedMessage | None = None
    unread: Annotated[int, Meta(description="Messages past the caller's read marker, without its own.")]

    @classmethod
    def of(cls, conversation: Conversation) -> ConversationView:
        """The view of `conversation`."""
        fields = {name: getattr(conversation, name) for name in conversation.__struct_fields__}
        return cls(cursor=str(conversation.cursor), **fields)


class InboxView(_View, frozen=True, kw_only=True, omit_defaults=False):
    """Conversations by last activity, newest first. `before` asks for the next page; null: there is none."""

    conversations: list[ConversationView]
    before: str | None


class ReadView(_View, frozen=True, kw_only=True):
    """The position of the caller's read marker."""

    seq: int


class DraftLength(_View, frozen=True, kw_only=True):
    """How long the draft is now, in Unicode code points: the next piece's offset."""

    message_id: str
    length: int


class ConnectView(_View, frozen=True, kw_only=True, omit_defaults=False):
    """The edges that the client may use now, best first, and the cursor to start from."""

    offers: list[Offer]
    cursor: str
    drafts: list[DraftView]
    runs: list[RunView]
    readers: list[Receipt]
    """How far those have read who let others see it."""
    mode: str


class TokenView(_View, frozen=True, kw_only=True):
    """A conversation token. It is shown once and stored nowhere."""

    token: str
    expires_at: datetime


class PluginView(_View, frozen=True, kw_only=True):
    """An installed plugin."""

    name: str
    version: str
    status: str
    provides: list[str]
    reason: str | None = None


class StatusView(_View, frozen=True, kw_only=True, omit_defaults=False):
    """The service as it is now."""

    version: str
    started_at: datetime
    mode: str
    reason: str
    history: str
    history_down_since: datetime | None
    presence: str | None
    realtime: ToggleState
    transports: list[TransportStatus]
    plugins: list[PluginView]
    missing: list[str]
    counters: dict[str, int]


class CheckView(_View, frozen=True, kw_only=True):
    """A check and its result."""

    name: str
    result: CheckResult


class HealthView(_View, frozen=True, kw_only=True, omit_defaults=False):
    """Liveness or readiness. A `degraded` service still answers; the checks say what does not work."""

    status: str
    checks: list[CheckView] = []


__all__ = [
    "CheckView",
    "ConnectView",
    "ConversationView",
    "DraftLength",
    "HealthView",
    "InboxView",
    "MessagesView",
    "PluginView",
    "ReadView",
    "SentView",
    "StatusView",
    "TokenView",
]
