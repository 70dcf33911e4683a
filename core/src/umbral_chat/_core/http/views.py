"""Answers: what the API shows, as Structs that stand in the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from umbral_chat._core.conversations.drafts import DraftView
from umbral_chat._core.delivery.failover.failover import TransportStatus
from umbral_chat._core.delivery.toggle import ToggleState
from umbral_chat.model.conversations import Conversation
from umbral_chat.model.entries import SEEN, Entry, FoldedMessage, Member, RealtimeChoice, Responder, Status
from umbral_chat.providers.edges import CheckResult, Offer


class _View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class SentView(_View, frozen=True, kw_only=True):
    """What became of a write. `created` false: the key was known, and this is the first one."""

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

    Whoever may read a conversation sees all of it, and each change as an `update` entry: visitors, too. What they must
    not see belongs in the conversation `internal:{id}`.
    """

    id: str
    epoch: str
    head: int
    cursor: str
    status: Status
    responder: Responder
    realtime: RealtimeChoice
    title: Annotated[str | None, Meta(description=SEEN)] = None
    metadata: Annotated[dict[str, Any] | None, Meta(description=SEEN)] = None
    members: Annotated[list[Member], Meta(description=SEEN)] = []
    created_at: datetime
    last_activity: datetime
    last_message: FoldedMessage | None = None
    unread: Annotated[int, Meta(description="The caller's own: by its read marker, without what it wrote itself.")]

    @classmethod
    def of(cls, conversation: Conversation) -> ConversationView:
        """Show `conversation`."""
        fields = {name: getattr(conversation, name) for name in conversation.__struct_fields__}
        return cls(cursor=str(conversation.cursor), **fields)


class InboxView(_View, frozen=True, kw_only=True, omit_defaults=False):
    """Conversations by last activity, newest first. `before` asks for the next page; null: there is none."""

    conversations: list[ConversationView]
    before: str | None


class ReadView(_View, frozen=True, kw_only=True):
    """Where the caller's read marker is now."""

    seq: int


class DraftLength(_View, frozen=True, kw_only=True):
    """How long the draft is now, in Unicode code points: the next piece's offset."""

    message_id: str
    length: int


class ConnectView(_View, frozen=True, kw_only=True, omit_defaults=False):
    """What the client should use now, best first, and where to start from."""

    offers: list[Offer]
    cursor: str
    drafts: list[DraftView]
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
    """One check."""

    name: str
    result: CheckResult


class HealthView(_View, frozen=True, kw_only=True, omit_defaults=False):
    """Liveness or readiness. `degraded` still answers: what is not well is among the checks."""

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
