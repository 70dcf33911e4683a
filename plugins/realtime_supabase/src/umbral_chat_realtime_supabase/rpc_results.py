"""The results of the database's functions, as Structs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from umbral_chat.errors import Conflict, ConversationDeleted, Forbidden, NotFound, TakeoverConflict
from umbral_chat.model.conversations import Conversation, Head
from umbral_chat.model.entries import (
    Edit,
    Entry,
    FoldedMessage,
    Member,
    Message,
    RealtimeChoice,
    Redaction,
    Responder,
    Status,
)
from umbral_chat.model.fold import apply, folded
from umbral_chat.model.writes import Appended

from umbral_chat_realtime_supabase.inbox_cursor import InboxCursor

Refusal = Literal[
    "conversation_deleted", "idempotency_conflict", "message_id_taken", "message_redacted", "message_not_found",
    "not_your_message", "already_taken",
]  # fmt: skip


class RpcResult(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the results of functions that may refuse."""

    refused: Refusal | None = None
    assignee: str | None = None
    """With `already_taken`: who has the conversation."""

    def check(self, conversation: str, message_id: str | None = None) -> None:
        """Raise the error of a refusal, where the function refused."""
        match self.refused:
            case None:
                return
            case "conversation_deleted":
                raise ConversationDeleted(conversation)
            case "idempotency_conflict":
                raise Conflict(
                    "This idempotency key was used for another request. Draw a new key for each new write.",
                    code="idempotency_conflict",
                )
            case "message_id_taken":
                raise Conflict(
                    f"There is a message {message_id!r} in this conversation already. Edit it, or choose another "
                    "message_id.",
                    code="message_id_taken",
                    field="message_id",
                )
            case "message_redacted":
                raise Conflict(f"Message {message_id!r} is redacted and cannot be edited.", code="message_redacted")
            case "message_not_found":
                raise NotFound(f"There is no message {message_id!r} in this conversation.", code="message_not_found")
            case "already_taken":
                raise TakeoverConflict(self.assignee or "")
            case "not_your_message":
                raise Forbidden(f"Message {message_id!r} was written by another author.", code="not_your_message")


class WriteResult(RpcResult, frozen=True, kw_only=True):
    """The result of a write."""

    entry: Entry | None = None
    created: bool = False
    epoch: str = ""
    follow_ups: list[Entry] = []

    @property
    def appended(self) -> Appended:
        """The appended entry. `check` comes first."""
        if self.entry is None:
            raise AssertionError("a write that was not refused has an entry")
        return Appended(self.entry, self.created, self.epoch, tuple(self.follow_ups))


class HeadRow(msgspec.Struct, frozen=True, array_like=True):
    """The head of a log."""

    epoch: str
    seq: int
    redaction: int

    @property
    def head(self) -> Head:
        return Head(self.epoch, self.seq, self.redaction)


class ReadResult(RpcResult, frozen=True, kw_only=True):
    """The result of a read."""

    head: HeadRow | None = None
    entries: list[Entry] = []


class MessageRow(msgspec.Struct, frozen=True, array_like=True):
    """A message and the newest entry about it."""

    message: Message
    change: Edit | Redaction | None

    @property
    def folded(self) -> FoldedMessage:
        """The message with its newest change applied."""
        return fold(self.message, self.change)


class MessagesResult(RpcResult, frozen=True, kw_only=True):
    """The result of a read of messages."""

    head: HeadRow | None = None
    messages: list[MessageRow] = []
    has_more: bool = False


class MessageResult(RpcResult, frozen=True, kw_only=True):
    """The result of a read of one message."""

    message: MessageRow | None = None


class HeadsResult(msgspec.Struct, frozen=True):
    """The result of a read of many heads, by conversation."""

    heads: dict[str, HeadRow]
    deleted: list[str]


class ConversationRow(msgspec.Struct, frozen=True):
    """A conversation with its last message."""

    id: str
    epoch: str
    head: int
    status: Status
    responder: Responder
    assignee: str | None
    realtime: RealtimeChoice
    title: str | None
    metadata: dict[str, Any] | None
    members: list[Member]
    created_at: datetime
    last_activity: datetime
    last: Message | None
    change: Edit | Redaction | None
    unread: int

    @property
    def conversation(self) -> Conversation:
        """The same as the core's struct."""
        return Conversation(
            id=self.id,
            epoch=self.epoch,
            head=self.head,
            status=self.status,
            responder=self.responder,
            assignee=self.assignee,
            realtime=self.realtime,
            title=self.title,
            metadata=self.metadata,
            members=self.members,
            created_at=self.created_at,
            last_activity=self.last_activity,
            last_message=None if self.last is None else fold(self.last, self.change),
            unread=self.unread,
        )


class ConversationResult(RpcResult, frozen=True, kw_only=True):
    """The result of a read of one conversation."""

    conversation: ConversationRow | None = None


class EnsureResult(msgspec.Struct, frozen=True):
    """The result of an explicit creation."""

    conversation: ConversationRow
    made: bool


class InboxResult(msgspec.Struct, frozen=True):
    """The result of a read of the inbox."""

    conversations: list[ConversationRow]
    has_more: bool


class SearchResult(msgspec.Struct, frozen=True):
    """The result of a search of the inbox. `next`: the place after which the next one goes on."""

    conversations: list[ConversationRow]
    next: InboxCursor | None


class ReadMarkerResult(RpcResult, frozen=True, kw_only=True):
    """The result of moving a read marker."""

    seq: int = 0


class ReadMarkersResult(msgspec.Struct, frozen=True):
    """The result of reading markers, by reader."""

    markers: dict[str, int]


class DeleteResult(msgspec.Struct, frozen=True):
    """The result of a deletion."""

    removed: bool
    more: bool = False


class SweepResult(msgspec.Struct, frozen=True):
    """The result of a sweep. `more`: there is more to sweep."""

    more: bool


class NewEpochsResult(msgspec.Struct, frozen=True):
    """The result of drawing new epochs: of how many logs."""

    logs: int


class ProbeResult(msgspec.Struct, frozen=True):
    """The result of a probe. `why` it was not broadcast: `off`, `partition`, or an SQLSTATE."""

    told: bool
    why: str | None = None


class BroadcastFailures(msgspec.Struct, frozen=True):
    """How many broadcasts failed, by the kind of failure, since the project's database was created."""

    failed: int
    unpartitioned: int
    head_only: int
    unerased: int


class MemberTopicsResult(msgspec.Struct, frozen=True):
    """The members' topics, by conversation."""

    topics: dict[str, str]


class DatabaseState(msgspec.Struct, frozen=True):
    """Schema version, switch and counters of the database."""

    schema: str
    realtime: bool
    shards: int
    broadcasts: BroadcastFailures


def fold(message: Message, change: Edit | Redaction | None) -> FoldedMessage:
    """The message with its newest change applied."""
    state = {message.message_id: folded(message)}
    return apply(state, () if change is None else (change,))[message.message_id]


__all__ = [
    "BroadcastFailures",
    "ConversationResult",
    "ConversationRow",
    "DatabaseState",
    "DeleteResult",
    "EnsureResult",
    "HeadRow",
    "HeadsResult",
    "InboxResult",
    "MemberTopicsResult",
    "MessageResult",
    "MessagesResult",
    "NewEpochsResult",
    "ProbeResult",
    "ReadMarkerResult",
    "ReadMarkersResult",
    "ReadResult",
    "RpcResult",
    "SearchResult",
    "SweepResult",
    "WriteResult",
]
