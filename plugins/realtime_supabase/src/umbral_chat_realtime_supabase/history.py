"""The history: each call is one function of the database, which does its work in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.conversations import Conversation, Deleted, Head, InboxFilter, InboxPage, LogPage, MessagePage
from umbral_chat.model.entries import FoldedMessage, Status
from umbral_chat.model.ids import new_message_id
from umbral_chat.model.writes import Appended, Write, WriteEdit, WriteMessage, WriteRedaction, WriteRun, WriteUpdate

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.inbox_cursor import InboxCursor, decode, encode
from umbral_chat_realtime_supabase.membership_events import MembershipEvents, changes_members

PAGE_LIMIT = 1_000
"""Most items in the result of one read."""

_END = 2**62


class SupabaseHistory:
    """Ordered durable logs in Supabase's Postgres; `History`, `KnowsReaders`, `OperatorInbox` and
    `RenewsEpochs`."""

    name = "supabase"

    def __init__(self, calls: Calls, membership_events: MembershipEvents | None = None) -> None:
        self._calls = calls
        self._membership_events = membership_events or MembershipEvents()

    async def append(self, write: Write) -> Appended:
        return await self._append(write, _FUNCTIONS[type(write)])

    async def take(self, write: WriteUpdate) -> Appended:
        return await self._append(write, "take")

    async def _append(self, write: Write, function: str) -> Appended:
        entry = _entry(write)
        given: dict[str, Any] = {
            "conversation": write.conversation,
            "entry": _json(entry),
            "author": write.subject,
            "epoch": write.epoch,
        }
        if write.key is not None:
            given |= {"key": write.key, "fingerprint": write.fingerprint().hex()}
        if isinstance(write, WriteEdit | WriteRedaction):
            given["own_only"] = write.own_only
        # With a key a repeated call answers with the first entry, and so does a second redaction.
        safe = write.key is not None or isinstance(write, WriteRedaction)
        result = await self._calls.call(rpc_results.WriteResult, function, safe=safe, **given)
        result.check(write.conversation, entry.get("message_id"))
        if changes_members(write):
            self._membership_events.changed(write.conversation)
        return result.appended

    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        page = await self._calls.call(
            rpc_results.ReadResult,
            "read",
            conversation=conversation,
            after=min(after, _END),
            limit=max(0, min(limit, PAGE_LIMIT)),
        )
        page.check(conversation)
        return LogPage(None if page.head is None else page.head.head, page.entries)

    async def messages(
        self, conversation: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> MessagePage:
        page = await self._calls.call(
            rpc_results.MessagesResult,
            "messages",
            conversation=conversation,
            after=None if after is None else min(after, _END),
            before=None if before is None else min(before, _END),
            limit=max(0, min(limit, PAGE_LIMIT)),
        )
        page.check(conversation)
        head = None if page.head is None else page.head.head
        return MessagePage(head, [row.folded for row in page.messages], page.has_more)

    async def message(self, conversation: str, message_id: str) -> FoldedMessage | None:
        result = await self._calls.call(
            rpc_results.MessageResult, "message", conversation=conversation, message_id=message_id
        )
        result.check(conversation)
        return None if result.message is None else result.message.folded

    async def heads(self, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
        result = await self._calls.call(rpc_results.HeadsResult, "heads", conversations=_json(list(conversations)))
        heads: dict[str, Head | Deleted] = {name: row.head for name, row in result.heads.items()}
        return heads | dict.fromkeys(result.deleted, Deleted())

    async def ensure(self, conversation: str) -> tuple[Conversation, bool]:
        result = await self._calls.call(rpc_results.EnsureResult, "ensure", safe=False, conversation=conversation)
        return result.conversation.conversation, result.made

    async def conversation(self, conversation: str, *, subject: str | None = None) -> Conversation | None:
        result = await self._calls.call(
            rpc_results.ConversationResult, "conversation", conversation=conversation, subject=subject
        )
        result.check(conversation)
        return None if result.conversation is None else result.conversation.conversation

    async def conversations(
        self,
        *,
        limit: int,
        before: str | None = None,
        status: Status | None = None,
        subject: str | None = None,
    ) -> InboxPage:
        cursor = None if before is None else decode(before)
        limit = max(0, min(limit, PAGE_LIMIT))
        result = await self._calls.call(
            rpc_results.InboxResult,
            "inbox",
            limit=limit,
            before_at=None if cursor is None else cursor.at.isoformat(),
            before_id=None if cursor is None else cursor.id,
            status=status,
            subject=subject,
        )
        rows = result.conversations
        more = encode(InboxCursor(rows[-1].last_activity, rows[-1].id)) if result.has_more and rows else None
        return InboxPage([row.conversation for row in rows], more)

    async def search(
        self, sought: InboxFilter, *, limit: int, before: str | None = None, subject: str | None = None
    ) -> InboxPage:
        cursor = None if before is None else decode(before)
        result = await self._calls.call(
            rpc_results.SearchResult,
            "search",
            filters=_json(_filters(sought)),
            limit=max(0, min(limit, PAGE_LIMIT)),
            before_at=None if cursor is None else cursor.at.isoformat(),
            before_id=None if cursor is None else cursor.id,
            subject=subject,
        )
        return InboxPage(
            [row.conversation for row in result.conversations], None if result.next is None else encode(result.next)
        )

    async def delete(self, conversation: str) -> bool:
        result = await self._calls.call(rpc_results.DeleteResult, "delete", safe=False, conversation=conversation)
        if result.more:
            await self.sweep()
        return result.removed

    async def mark_read(self, conversation: str, subject: str, seq: int) -> int:
        result = await self._calls.call(
            rpc_results.ReadMarkerResult,
            "mark_read",
            conversation=conversation,
            subject=subject,
            seq=max(0, min(seq, _END)),
        )
        result.check(conversation)
        return result.seq

    async def read_markers(self, conversation: str, readers: Sequence[str]) -> dict[str, int]:
        result = await self._calls.call(
            rpc_results.ReadMarkersResult,
            "read_markers",
            conversation=conversation,
            readers=_json(list(readers)),
        )
        return result.markers

    async def new_epochs(self) -> int:
        """Draw a new epoch for every log, so that every earlier cursor expires; the number of logs."""
        return (await self._calls.call(rpc_results.NewEpochsResult, "new_epochs", safe=False)).logs

    async def sweep(self) -> None:
        """Remove the rows of deleted logs, and lapsed records, slice by slice."""
        while (await self._calls.call(rpc_results.SweepResult, "sweep")).more:
            pass


_FUNCTIONS: dict[type[Write], str] = {
    WriteMessage: "append",
    WriteEdit: "edit",
    WriteRedaction: "redact",
    WriteUpdate: "update",
    WriteRun: "end_run",
}


def _filters(sought: InboxFilter) -> dict[str, Any]:
    filters: dict[str, Any] = {"status": sought.status, "waiting": sought.waiting, "text": sought.text}
    return filters if sought.assignee is UNSET else filters | {"assignee": sought.assignee}


def _entry(write: Write) -> dict[str, Any]:
    """The entry to be stored, without its number, and without its time unless it is imported."""
    entry: dict[str, Any] = {"kind": write.__struct_config__.tag, "sender": write.sender}
    entry |= {} if write.key is None else {"client_id": write.key}
    match write:
        case WriteMessage():
            entry |= {"message_id": write.message_id or new_message_id(), "content": write.content}
            if write.reply_to is not None:
                entry["reply_to"] = write.reply_to
            if write.finish is not None:
                entry["finish"] = write.finish
        case WriteEdit():
            entry |= {"message_id": write.message_id, "content": write.content}
        case WriteRedaction():
            entry["message_id"] = write.message_id
        case WriteUpdate():
            entry["changes"] = write.changes
        case WriteRun():
            entry |= {"run_id": write.run_id, "outcome": write.outcome}
            entry |= {} if write.reason is None else {"reason": write.reason}
            entry |= {} if write.for_seq is None else {"for_seq": write.for_seq}
            entry |= {} if write.metadata is None else {"metadata": write.metadata}
    if isinstance(write, WriteMessage | WriteEdit):
        entry |= {} if write.metadata is None else {"metadata": write.metadata}
        entry |= {"redacted": True} if write.redacted else {}
    if write.at is not None:
        entry |= {"at": write.at, "imported": True}
    return entry


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"The write cannot be stored as JSON: {error}.", code="invalid_field") from error


__all__ = ["PAGE_LIMIT", "SupabaseHistory"]
