"""Chat: what a principal may do with a conversation, within which bounds. Every edge writes through it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from umbral_chat._core.auth.limits import Rates
from umbral_chat._core.auth.senders import sender_for
from umbral_chat._core.conversations.drafts import Drafts, not_your_draft
from umbral_chat._core.conversations.importing import checked_finish, import_write, missing_right
from umbral_chat._core.conversations.reserved_ids import ReservedIds
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.settings.sections import Limits
from umbral_chat.clock import Clock
from umbral_chat.errors import Conflict, HistoryUnavailable, InvalidRequest, NotFound
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.conversations import Conversation
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.model.entries import Changes, Sender
from umbral_chat.model.ids import check_conversation_id, new_conversation_id
from umbral_chat.model.requests import ConversationBody, DraftBody, EditBody, ImportBody, PatchBody, SendBody
from umbral_chat.model.validation import (
    NAME_LIMIT,
    check_content,
    check_idempotency_key,
    check_internal,
    check_members,
    check_message_id,
    check_metadata,
    check_original_time,
    check_sender,
    check_text,
)
from umbral_chat.model.writes import Write, WriteEdit, WriteMessage, WriteRedaction, WriteUpdate
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.history import History
from umbral_chat.providers.presence import person
from umbral_chat.telemetry import Telemetry


class Sent(NamedTuple):
    """The result of a write: the encoded entry, its cursor, and whether it is new (or a repeat of a stored one)."""

    entry: EncodedEntry
    cursor: Cursor
    created: bool


class Chat:
    """Checks writes, appends them to the history, and publishes the entries on the bus of this process."""

    def __init__(
        self,
        history: History,
        *,
        bus: Bus,
        drafts: Drafts,
        reserved: ReservedIds,
        rates: Rates,
        limits: Limits,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._history = history
        self._bus = bus
        self._drafts = drafts
        self._reserved = reserved
        self._limiter = rates.sends
        self._limits = limits
        sends = telemetry.counter("umbral_chat.sends")
        self._created, self._repeated = sends.labels("created"), sends.labels("repeated")
        self._refused, self._unavailable = sends.labels("refused"), sends.labels("unavailable")

    async def send(self, principal: Principal, conversation: str, body: SendBody, header_key: str | None) -> Sent:
        """Append a message. Raises what `History.append` raises, InvalidRequest, Forbidden and TooManyRequests."""
        self._limiter.check(principal)
        sender = sender_for(principal, check_sender(body.sender))
        if body.message_id is not None:
            self._drafts.check(
                conversation, body.message_id, subject=principal.author, sender=sender, trusted=principal.trusted
            )
            if not principal.trusted:
                await self._check_reserved(conversation, body.message_id)
        return await self._append(
            WriteMessage(
                conversation=conversation,
                subject=principal.author,
                epoch=principal.epoch,
                sender=sender,
                key=check_idempotency_key(header_key, body.client_id),
                content=check_content(body.content, body.metadata, limit=self._limits.content_chars),
                message_id=None if body.message_id is None else check_message_id(body.message_id),
                reply_to=None if body.reply_to is None else check_message_id(body.reply_to, field="reply_to"),
                metadata=check_metadata(body.metadata, limit=self._limits.metadata_bytes, depth=self._limits.depth),
                at=None if body.at is None else self._original_time(principal, body.at),
                finish=checked_finish(principal, body.finish),
            )
        )

    async def import_entry(
        self, principal: Principal, conversation: str, body: ImportBody, header_key: str | None
    ) -> Sent:
        """Append an entry of another log, with its time and sender. Raises what `send` raises."""
        return await self._append(
            import_write(
                principal,
                conversation,
                body,
                key=check_idempotency_key(header_key, body.client_id),
                at=self._original_time(principal, body.at),
                limits=self._limits,
            )
        )

    def _original_time(self, principal: Principal, at: datetime) -> datetime:
        if "import" not in principal.rights:
            raise missing_right("import", field="at")
        return check_original_time(at, now=self._clock.now())

    async def edit(
        self, principal: Principal, conversation: str, message_id: str, body: EditBody, header_key: str | None
    ) -> Sent:
        """Replace a message's content. Without the right `moderate` only the caller's own."""
        self._limiter.check(principal)
        return await self._append(
            WriteEdit(
                conversation=conversation,
                subject=principal.author,
                epoch=principal.epoch,
                sender=sender_for(principal, None),
                key=check_idempotency_key(header_key, body.client_id),
                message_id=check_message_id(message_id),
                content=check_content(body.content, body.metadata, limit=self._limits.content_chars),
                metadata=check_metadata(body.metadata, limit=self._limits.metadata_bytes, depth=self._limits.depth),
                own_only="moderate" not in principal.rights,
            )
        )

    async def redact(self, principal: Principal, conversation: str, message_id: str, header_key: str | None) -> Sent:
        """Blank a message and its edits. Without the right `moderate` only the caller's own."""
        self._limiter.check(principal)
        return await self._append(
            WriteRedaction(
                conversation=conversation,
                subject=principal.author,
                epoch=principal.epoch,
                sender=sender_for(principal, None),
                key=check_idempotency_key(header_key, None),
                message_id=check_message_id(message_id),
                own_only="moderate" not in principal.rights,
            )
        )

    async def make(
        self, principal: Principal, body: ConversationBody, header_key: str | None
    ) -> tuple[Conversation, bool]:
        """Make, update or revive a conversation. Returns it, and whether it was made or revived."""
        conversation = new_conversation_id() if body.id is None else check_conversation_id(body.id)
        changes = self._changes(conversation, body.title, body.metadata, Changes(members=body.members))
        key = check_idempotency_key(header_key, body.client_id)
        _, made = await self._history.ensure(conversation)
        if made:
            self._drafts.forget(conversation)
        if not changes.empty:
            await self._update(principal, conversation, changes, key)
        return await self.conversation(principal, conversation), made

    async def patch(
        self, principal: Principal, conversation: str, body: PatchBody, header_key: str | None
    ) -> Conversation:
        """Change an existing conversation. Raises NotFound."""
        changes = self._changes(
            conversation,
            body.title,
            body.metadata,
            Changes(status=body.status, responder=body.responder, realtime=body.realtime, members=body.members),
        )
        await self.conversation(principal, conversation)
        if changes.empty:
            raise InvalidRequest("There is nothing to change: give at least one field.", code="nothing_to_change")
        await self._update(principal, conversation, changes, check_idempotency_key(header_key, body.client_id))
        return await self.conversation(principal, conversation)

    async def delete(self, conversation: str) -> None:
        """Remove everything of a conversation. Raises NotFound when it was never made."""
        if not await self._history.delete(conversation):
            raise _not_found(conversation)
        self._drafts.forget(conversation)
        self._bus.publish(LogChange(conversation, "", []))

    async def conversation(self, principal: Principal, conversation: str) -> Conversation:
        """One conversation as `principal` sees it. Raises NotFound, ConversationDeleted."""
        found = await self._history.conversation(conversation, subject=principal.author)
        if found is None:
            raise _not_found(conversation)
        check_epoch(principal, conversation, found.epoch)
        return found

    async def draft(self, principal: Principal, conversation: str, body: DraftBody) -> int:
        """Add a piece to the draft of a message; the length so far, in Unicode code points."""
        if principal.epoch is not None:
            await self.conversation(principal, conversation)
        message_id = check_message_id(body.message_id)
        if not principal.trusted and not self._drafts.has(conversation, message_id):
            await self._check_unwritten(conversation, message_id)
            await self._check_reserved(conversation, message_id)
        length = self._drafts.piece(
            conversation,
            message_id,
            offset=body.offset,
            text=check_text(body.text, field="text", limit=self._limits.content_chars, least=0),
            sender=sender_for(principal, check_sender(body.sender)),
            subject=principal.author,
            trusted=principal.trusted,
            limit=self._limits.content_chars,
        )
        if principal.trusted:
            await self._reserved.claim(conversation, message_id, principal.author)
        return length

    async def _check_reserved(self, conversation: str, message_id: str) -> None:
        """Raise Conflict (`not_your_draft`) for the id of an answer that a service key is writing at another
        instance."""
        if await self._reserved.is_taken(conversation, message_id):
            raise not_your_draft()

    async def _check_unwritten(self, conversation: str, message_id: str) -> None:
        """Raise Conflict (`draft_ended`) for the id of a stored message: a visitor's draft would be shown in its
        place."""
        if await self._history.message(conversation, message_id) is not None:
            raise Conflict("This message was sent already: its draft has ended.", code="draft_ended")

    def speaking(self, principal: Principal, sender: Sender | None) -> Sender:
        """The sender of something that counts as a write and is not stored, such as typing: `sender`, or `principal`
        itself as presence names it. Counts towards its rate of writes. Raises InvalidRequest, Forbidden and
        TooManyRequests."""
        self._limiter.check(principal)
        resolved = sender_for(principal, check_sender(sender))
        return resolved if sender is not None and "send_as" in principal.rights else person(principal)

    async def mark_read(self, principal: Principal, conversation: str, seq: int) -> int:
        """Raise the caller's read marker; its position now."""
        if principal.epoch is not None:
            await self.conversation(principal, conversation)
        return await self._history.mark_read(conversation, principal.author, seq)

    def _changes(self, conversation: str, title: Any, metadata: Any, rest: Changes) -> Changes:
        if isinstance(title, str):
            check_text(title, field="title", limit=NAME_LIMIT)
        if isinstance(metadata, dict):
            check_metadata(metadata, limit=self._limits.metadata_bytes, depth=self._limits.depth)
        if isinstance(rest.members, list):
            members = check_members(rest.members)
            check_internal(conversation, members)
            rest = msgspec.structs.replace(rest, members=members)
        return msgspec.structs.replace(rest, title=title, metadata=metadata)

    async def _update(self, principal: Principal, conversation: str, changes: Changes, key: str | None) -> None:
        sender = Sender(role="system") if "send_as" in principal.rights else sender_for(principal, None)
        await self._append(
            WriteUpdate(
                conversation=conversation,
                subject=principal.author,
                epoch=principal.epoch,
                sender=sender,
                key=key,
                changes=changes,
            )
        )

    async def _append(self, write: Write) -> Sent:
        try:
            appended = await self._history.append(write)
        except HistoryUnavailable:
            self._unavailable.value += 1
            raise
        except Exception:
            self._refused.value += 1
            raise
        stored = EncodedEntry.of(appended.entry, appended.json)
        counter = self._created if appended.created else self._repeated
        counter.value += 1
        if appended.created:
            entries = [stored, *(EncodedEntry.of(entry) for entry in appended.follow_ups)]
            self._bus.publish(LogChange(write.conversation, appended.epoch, entries, write.subject))
        return Sent(stored, Cursor(appended.epoch, stored.seq), appended.created)


def _not_found(conversation: str) -> NotFound:
    return NotFound(
        f"There is no conversation {conversation!r} yet: the first message creates it, or POST /v1/conversations.",
        code="conversation_not_found",
    )


__all__ = ["Chat", "Sent"]
