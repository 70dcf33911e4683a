"""Chat: what a principal may do with a conversation, within which bounds. Every edge writes through it."""

from __future__ import annotations

from datetime import datetime

from umbral_chat._core.auth.limits import Rates
from umbral_chat._core.auth.senders import checked_finish, sender_for
from umbral_chat._core.conversations.appending import Appender, Sent
from umbral_chat._core.conversations.changes import checked_changes, takes_over, with_assignee_cleared
from umbral_chat._core.conversations.draft_keeper import DraftKeeper
from umbral_chat._core.conversations.draft_pieces import Piece
from umbral_chat._core.conversations.importing import import_write, missing_right
from umbral_chat._core.conversations.receipt_service import Receipts
from umbral_chat._core.conversations.run_service import Runs
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.settings.sections import Limits
from umbral_chat.clock import Clock
from umbral_chat.errors import InvalidRequest, NotFound
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.conversations import Conversation
from umbral_chat.model.entries import Changes, Sender
from umbral_chat.model.ids import check_conversation_id, new_conversation_id
from umbral_chat.model.requests import (
    ConversationBody,
    DraftBody,
    EditBody,
    ImportBody,
    PatchBody,
    SendBody,
    TakeoverBody,
)
from umbral_chat.model.validation import (
    check_content,
    check_idempotency_key,
    check_message_id,
    check_metadata,
    check_original_time,
    check_sender,
    check_text,
)
from umbral_chat.model.writes import WriteEdit, WriteMessage, WriteRedaction, WriteUpdate
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.history import History
from umbral_chat.providers.presence import person


class Chat:
    """Checks writes and appends them."""

    def __init__(
        self,
        history: History,
        *,
        bus: Bus,
        appender: Appender,
        drafts: DraftKeeper,
        runs: Runs,
        receipts: Receipts,
        rates: Rates,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._history = history
        self._bus = bus
        self._append, self._take = appender.append, appender.take
        self._drafts = drafts
        self._runs = runs
        self._receipts = receipts
        self._limiter = rates.sends
        self._limits = limits

    async def send(self, principal: Principal, conversation: str, body: SendBody, header_key: str | None) -> Sent:
        """Append a message. Raises what `History.append` raises, InvalidRequest, Forbidden and TooManyRequests."""
        self._limiter.check(principal)
        sender = sender_for(principal, check_sender(body.sender))
        message_id = None if body.message_id is None else check_message_id(body.message_id)
        drafted = message_id is not None and await self._drafts.check_send(
            conversation, message_id, author=principal.author, sender=sender, trusted=principal.trusted
        )
        sent = await self._append(
            WriteMessage(
                conversation=conversation,
                subject=principal.author,
                epoch=principal.epoch,
                sender=sender,
                key=check_idempotency_key(header_key, body.client_id),
                content=check_content(body.content, body.metadata, limit=self._limits.content_chars),
                message_id=message_id,
                reply_to=None if body.reply_to is None else check_message_id(body.reply_to, field="reply_to"),
                metadata=check_metadata(body.metadata, limit=self._limits.metadata_bytes, depth=self._limits.depth),
                at=None if body.at is None else self._original_time(principal, body.at),
                finish=checked_finish(principal, body.finish),
            )
        )
        if drafted and message_id is not None:
            self._drafts.written(conversation, message_id)
        return sent

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
        check_message_id(message_id)
        if await self._history.message(conversation, message_id) is not None:
            # What may be left of its draft must be gone before the redaction is answered.
            await self._drafts.erase(conversation, message_id)
        return await self._append(
            WriteRedaction(
                conversation=conversation,
                subject=principal.author,
                epoch=principal.epoch,
                sender=sender_for(principal, None),
                key=check_idempotency_key(header_key, None),
                message_id=message_id,
                own_only="moderate" not in principal.rights,
            )
        )

    async def make(
        self, principal: Principal, body: ConversationBody, header_key: str | None
    ) -> tuple[Conversation, bool]:
        """Make, update or revive a conversation. Returns it, and whether it was made or revived."""
        conversation = new_conversation_id() if body.id is None else check_conversation_id(body.id)
        changes = Changes(title=body.title, metadata=body.metadata, members=body.members)
        changes = checked_changes(conversation, changes, self._limits)
        key = check_idempotency_key(header_key, body.client_id)
        _, made = await self._history.ensure(conversation)
        if not changes.empty:
            await self._update(principal, conversation, changes, key)
        return await self.conversation(principal, conversation), made

    async def patch(
        self, principal: Principal, conversation: str, body: PatchBody, header_key: str | None
    ) -> Conversation:
        """Change an existing conversation. Raises NotFound, and TakeoverConflict where the changes take it over from
        another agent."""
        changes = Changes(**{name: getattr(body, name) for name in Changes.__struct_fields__})
        changes = with_assignee_cleared(checked_changes(conversation, changes, self._limits))
        if changes.empty:
            await self.conversation(principal, conversation)
            raise InvalidRequest("There is nothing to change: give at least one field.", code="nothing_to_change")
        return await self._changed(principal, conversation, changes, check_idempotency_key(header_key, body.client_id))

    async def take_over(
        self, principal: Principal, conversation: str, body: TakeoverBody, header_key: str | None
    ) -> Conversation:
        """Have an agent answer instead of the assistant, if no other agent does. Raises NotFound, TakeoverConflict, and
        Forbidden for another agent than the caller without the right `manage`."""
        own = principal.sender.id
        assignee = own if body.assignee is None else body.assignee
        if assignee is None:
            raise InvalidRequest("Name the assignee: this caller has no id.", code="missing_field", field="assignee")
        if assignee != own and "manage" not in principal.rights:
            raise missing_right("manage", field="assignee")
        changes = checked_changes(conversation, Changes(responder="human", assignee=assignee), self._limits)
        return await self._changed(principal, conversation, changes, check_idempotency_key(header_key, body.client_id))

    async def give_back(self, principal: Principal, conversation: str, header_key: str | None) -> Conversation:
        """Have the assistant answer again, and nobody have the conversation. Raises NotFound."""
        changes = with_assignee_cleared(Changes(responder="assistant"))
        return await self._changed(principal, conversation, changes, check_idempotency_key(header_key, None))

    async def _changed(
        self, principal: Principal, conversation: str, changes: Changes, key: str | None
    ) -> Conversation:
        await self.conversation(principal, conversation)
        await self._update(principal, conversation, changes, key)
        return await self.conversation(principal, conversation)

    async def delete(self, conversation: str) -> None:
        """Remove everything of a conversation. Raises NotFound when it was never made."""
        await self._drafts.erase(conversation)
        if not await self._history.delete(conversation):
            raise _not_found(conversation)
        self._bus.publish(LogChange(conversation, "", []))
        await self._runs.forget(conversation)
        await self._receipts.forget(conversation)

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
        length = await self._drafts.piece(
            Piece(
                conversation,
                message_id,
                body.offset,
                check_text(body.text, field="text", limit=self._limits.content_chars, least=0),
                sender_for(principal, check_sender(body.sender)),
                principal.author,
                trusted=principal.trusted,
                replace=body.replace,
            )
        )
        if principal.trusted:
            self._runs.touch(conversation, message_id)
        return length

    def speaking(self, principal: Principal, sender: Sender | None) -> Sender:
        """The sender of something that counts as a write and is not stored, such as typing: `sender`, or `principal`
        itself as presence names it. Counts towards its rate of writes. Raises InvalidRequest, Forbidden and
        TooManyRequests."""
        self._limiter.check(principal)
        resolved = sender_for(principal, check_sender(sender))
        return resolved if sender is not None and "send_as" in principal.rights else person(principal)

    async def mark_read(self, principal: Principal, conversation: str, seq: int, receipt: bool | None = None) -> int:
        """Raise the caller's read marker; its position now. `receipt`: whether others see it from now on, None: as
        before."""
        if principal.epoch is not None:
            await self.conversation(principal, conversation)
        now = await self._history.mark_read(conversation, principal.author, seq)
        await self._receipts.marked(principal, conversation, now, receipt)
        return now

    async def _update(self, principal: Principal, conversation: str, changes: Changes, key: str | None) -> None:
        sender = Sender(role="system") if "send_as" in principal.rights else sender_for(principal, None)
        append = self._take if takes_over(changes) else self._append
        await append(
            WriteUpdate(
                conversation=conversation,
                subject=principal.author,
                epoch=principal.epoch,
                sender=sender,
                key=key,
                changes=changes,
            )
        )


def _not_found(conversation: str) -> NotFound:
    return NotFound(
        f"There is no conversation {conversation!r} yet: the first message creates it, or POST /v1/conversations.",
        code="conversation_not_found",
    )


__all__ = ["Chat"]
