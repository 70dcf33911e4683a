"""What the database's functions answer, as Structs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from umbral_chat.errors import Conflict, ConversationDeleted, Forbidden, NotFound
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

Refusal = Literal[
    "conversation_deleted", "idempotency_conflict", "message_id_taken", "message_redacted", "message_not_found",
    "not_your_message",
]  # fmt: skip


class RpcResult(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the answers that may be refusals."""

    refused: Refusal | None = None

    def check(self, conversation: str, message_id: str | None = None) -> None:
        """Raises what a refusal means."""
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
            case "not_your_message":
                raise Forbidden(f"Message {message_id!r} was written by somebody else.", code="not_your_message")


class WriteResult(RpcResult, frozen=True, kw_only=True):
    """Of a write."""

    entry: Entry | None = None
    created: bool = False
    epoch: str = ""
    follow_ups: list[Entry] = []

    @property
    def appended(self) -> Appended:
        """What became of the write, once it was checked."""
        if self.entry is None:
            raise AssertionError("an answer that refuses nothing has an entry")
        return Appended(self.entry, self.created, self.epoch, tuple(self.follow_ups))


class HeadRow(msgspec.Struct, frozen=True, array_like=True):
    """Where a log stands."""

    epoch: str
    seq: int
    redaction: int

    @property
    def head(self) -> Head:
        return Head(self.epoch, self.seq, self.redaction)


class ReadResult(RpcResult, frozen=True, kw_only=True):
    """Of a read."""

    head: HeadRow | None = None
    entries: list[Entry] = []


class MessageRow(msgspec.Struct, frozen=True, array_like=True):
    """A message and the newest entry about it."""

    message: Message
    change: Edit | Redaction | None

    @property
    def folded(self) -> FoldedMessage:
        """The message as it is now."""
        return fold(self.message, self.change)


class MessagesResult(RpcResult, frozen=True, kw_only=True):
    """Of a page of messages."""

    head: HeadRow | None = None
    messages: list[MessageRow] = []
    has_more: bool = False


class MessageResult(RpcResult, frozen=True, kw_only=True):
    """Of one message."""

    message: MessageRow | None = None


class HeadsResult(msgspec.Struct, frozen=True):
    """Of many logs."""

    heads: dict[str, HeadRow]
    deleted: list[str]


class ConversationRow(msgspec.Struct, frozen=True):
    """A conversation as a whole."""

    id: str
    epoch: str
    head: int
    status: Status
    responder: Responder
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
        """As the core knows it."""
        return Conversation(
            id=self.id,
            epoch=self.epoch,
            head=self.head,
            status=self.status,
            responder=self.responder,
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
    """Of one conversation."""

    conversation: ConversationRow | None = None


class EnsureResult(msgspec.Struct, frozen=True):
    """Of an explicit creation."""

    conversation: ConversationRow
    made: bool


class InboxResult(msgspec.Struct, frozen=True):
    """Of a page of the inbox."""

    conversations: list[ConversationRow]
    has_more: bool


class ReadMarkerResult(RpcResult, frozen=True, kw_only=True):
    """Of a read marker."""

    seq: int = 0


class DeleteResult(msgspec.Struct, frozen=True):
    """Of a deletion."""

    removed: bool
    more: bool = False


class SweepResult(msgspec.Struct, frozen=True):
    """Of a sweep."""

    more: bool


class NewEpochsResult(msgspec.Struct, frozen=True):
    """Of new epochs."""

    logs: int


class ProbeResult(msgspec.Struct, frozen=True):
    """Of a probe. `why` it was not told: `off`, `partition`, or an SQLSTATE."""

    told: bool
    why: str | None = None


class BroadcastFailures(msgspec.Struct, frozen=True):
    """How often a broadcast was not what it should be, since the project's database was made."""

    failed: int
    unpartitioned: int
    head_only: int
    unerased: int


class MemberTopicsResult(msgspec.Struct, frozen=True):
    """On which topics members listen, by conversation."""

    topics: dict[str, str]


class DatabaseState(msgspec.Struct, frozen=True):
    """Of the database as a whole."""

    schema: str
    realtime: bool
    shards: int
    broadcasts: BroadcastFailures


def fold(message: Message, change: Edit | Redaction | None) -> FoldedMessage:
    """The message after its newest change."""
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
    "ReadResult",
    "RpcResult",
    "SweepResult",
    "WriteResult",
]
