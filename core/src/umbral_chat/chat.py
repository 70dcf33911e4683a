"""Chat: what may be done to a conversation, by whom, within which bounds. Every edge writes through it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from umbral_chat.api.bodies import ConversationBody, DraftBody, EditBody, ImportBody, PatchBody, SendBody
from umbral_chat.auth.limits import SendLimiter
from umbral_chat.auth.speaker import speaker
from umbral_chat.bus import Bus, Happened
from umbral_chat.clock import Clock
from umbral_chat.drafts import Drafts
from umbral_chat.epochs import check_epoch
from umbral_chat.errors import HistoryUnavailable, InvalidRequest, NotFound
from umbral_chat.feed.line import Line
from umbral_chat.importing import imported, lacks
from umbral_chat.model.conversations import Conversation
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Changes, Sender
from umbral_chat.model.ids import ID_LIMIT, check_conversation_id, new_conversation_id
from umbral_chat.model.writes import Write, WriteEdit, WriteMessage, WriteRedaction, WriteUpdate
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.history import History
from umbral_chat.rules import (
    NAME_LIMIT,
    check_members,
    check_message_id,
    check_metadata,
    check_original_time,
    check_sender,
    check_text,
)
from umbral_chat.settings.sections import Limits
from umbral_chat.telemetry import Telemetry


class Sent(NamedTuple):
    """What a write became: the entry's line, the cursor that it is at, and whether it is new."""

    line: Line
    cursor: Cursor
    created: bool


class Chat:
    """Checks a write, has the history number it, and tells this process's own parts."""

    def __init__(
        self,
        history: History,
        *,
        bus: Bus,
        drafts: Drafts,
        limiter: SendLimiter,
        limits: Limits,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._history = history
        self._bus = bus
        self._drafts = drafts
        self._limiter = limiter
        self._limits = limits
        sends = telemetry.counter("umbral_chat.sends")
        self._created, self._repeated = sends.labels("created"), sends.labels("repeated")
        self._refused, self._unavailable = sends.labels("refused"), sends.labels("unavailable")

    async def send(self, principal: Principal, conversation: str, body: SendBody, header_key: str | None) -> Sent:
        """Append a message. Raises what `History.append` raises, InvalidRequest, Forbidden and TooManyRequests."""
        self._limiter.check(principal)
        return await self._append(
            WriteMessage(
                conversation=conversation,
                subject=principal.subject,
                epoch=principal.epoch,
                sender=speaker(principal, check_sender(body.sender)),
                key=_key(header_key, body.client_id),
                content=check_text(body.content, field="content", limit=self._limits.content_chars),
                message_id=None if body.message_id is None else check_message_id(body.message_id),
                reply_to=None if body.reply_to is None else check_message_id(body.reply_to, field="reply_to"),
                metadata=check_metadata(body.metadata, limit=self._limits.metadata_bytes),
                at=None if body.at is None else self._original_time(principal, body.at),
            )
        )

    async def import_entry(
        self, principal: Principal, conversation: str, body: ImportBody, header_key: str | None
    ) -> Sent:
        """Append an entry of another log, with its time and sender. Raises what `send` raises."""
        return await self._append(
            imported(
                principal,
                conversation,
                body,
                key=_key(header_key, body.client_id),
                at=self._original_time(principal, body.at),
                limits=self._limits,
            )
        )

    def _original_time(self, principal: Principal, at: datetime) -> datetime:
        if "import" not in principal.rights:
            raise lacks("import", field="at")
        return check_original_time(at, now=self._clock.now())

    async def edit(
        self, principal: Principal, conversation: str, message_id: str, body: EditBody, header_key: str | None
    ) -> Sent:
        """Replace a message's content. Without the right `moderate` only one's own."""
        self._limiter.check(principal)
        return await self._append(
            WriteEdit(
                conversation=conversation,
                subject=principal.subject,
                epoch=principal.epoch,
                sender=speaker(principal, None),
                key=_key(header_key, body.client_id),
                message_id=check_message_id(message_id),
                content=check_text(body.content, field="content", limit=self._limits.content_chars),
                metadata=check_metadata(body.metadata, limit=self._limits.metadata_bytes),
                own_only="moderate" not in principal.rights,
            )
        )

    async def redact(self, principal: Principal, conversation: str, message_id: str, header_key: str | None) -> Sent:
        """Blank a message and its edits. Without the right `moderate` only one's own."""
        self._limiter.check(principal)
        return await self._append(
            WriteRedaction(
                conversation=conversation,
                subject=principal.subject,
                epoch=principal.epoch,
                sender=speaker(principal, None),
                key=_key(header_key, None),
                message_id=check_message_id(message_id),
                own_only="moderate" not in principal.rights,
            )
        )

    async def make(
        self, principal: Principal, body: ConversationBody, header_key: str | None
    ) -> tuple[Conversation, bool]:
        """Make, update or revive a conversation; whether it was made or revived."""
        conversation = new_conversation_id() if body.id is None else check_conversation_id(body.id)
        changes = self._changes(body.title, body.metadata, Changes(members=body.members))
        key = _key(header_key, body.client_id)
        _, made = await self._history.ensure(conversation)
        if made:
            self._drafts.forget(conversation)
        if not changes.empty:
            await self._update(principal, conversation, changes, key)
        return await self.conversation(principal, conversation), made

    async def patch(
        self, principal: Principal, conversation: str, body: PatchBody, header_key: str | None
    ) -> Conversation:
        """Change a conversation that is there. Raises NotFound."""
        changes = self._changes(
            body.title,
            body.metadata,
            Changes(status=body.status, responder=body.responder, realtime=body.realtime, members=body.members),
        )
        await self.conversation(principal, conversation)
        if changes.empty:
            raise InvalidRequest("Nothing is to be changed: give at least one field.", code="nothing_to_change")
        await self._update(principal, conversation, changes, _key(header_key, body.client_id))
        return await self.conversation(principal, conversation)

    async def delete(self, conversation: str) -> None:
        """Remove everything of a conversation. Raises NotFound when it was never made."""
        if not await self._history.delete(conversation):
            raise _not_found(conversation)
        self._drafts.forget(conversation)
        self._bus.publish(Happened(conversation, "", []))

    async def conversation(self, principal: Principal, conversation: str) -> Conversation:
        """One conversation as `principal` sees it. Raises NotFound, ConversationDeleted."""
        found = await self._history.conversation(conversation, subject=principal.subject)
        if found is None:
            raise _not_found(conversation)
        check_epoch(principal, conversation, found.epoch)
        return found

    async def draft(self, principal: Principal, conversation: str, body: DraftBody) -> int:
        """Take a piece of a message that is being written; the length so far."""
        if principal.epoch is not None:
            await self.conversation(principal, conversation)
        return self._drafts.piece(
            conversation,
            check_message_id(body.message_id),
            offset=body.offset,
            text=check_text(body.text, field="text", limit=self._limits.content_chars, least=0),
            sender=speaker(principal, check_sender(body.sender)),
            subject=principal.subject,
            limit=self._limits.content_chars,
        )

    def speaking(self, principal: Principal, sender: Sender | None) -> Sender:
        """As whom `principal` does what counts as a write and is none: `sender`, or itself. It counts towards its rate.
        Raises InvalidRequest, Forbidden and TooManyRequests."""
        self._limiter.check(principal)
        return speaker(principal, check_sender(sender))

    async def mark_read(self, principal: Principal, conversation: str, seq: int) -> int:
        """Raise the caller's read marker; where it is now."""
        if principal.epoch is not None:
            await self.conversation(principal, conversation)
        return await self._history.mark_read(conversation, principal.subject, seq)

    def _changes(self, title: Any, metadata: Any, rest: Changes) -> Changes:
        if isinstance(title, str):
            check_text(title, field="title", limit=NAME_LIMIT)
        if isinstance(metadata, dict):
            check_metadata(metadata, limit=self._limits.metadata_bytes)
        if isinstance(rest.members, list):
            check_members(rest.members)
        return msgspec.structs.replace(rest, title=title, metadata=metadata)

    async def _update(self, principal: Principal, conversation: str, changes: Changes, key: str | None) -> None:
        sender = Sender(role="system") if "send_as" in principal.rights else speaker(principal, None)
        await self._append(
            WriteUpdate(
                conversation=conversation,
                subject=principal.subject,
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
        line = Line.of(appended.entry)
        if appended.created:
            self._created.value += 1
            lines = [line, *(Line.of(entry) for entry in appended.follow_ups)]
            self._bus.publish(Happened(write.conversation, appended.epoch, lines))
        else:
            self._repeated.value += 1
        return Sent(line, Cursor(appended.epoch, line.seq), appended.created)


def _key(header: str | None, client_id: str | None) -> str | None:
    if header is not None and client_id is not None and header != client_id:
        raise InvalidRequest(
            "Idempotency-Key and client_id are the same thing, and these two differ.",
            code="idempotency_key_mismatch",
            field="client_id",
        )
    key = header if client_id is None else client_id
    return None if key is None else check_text(key, field="client_id", limit=ID_LIMIT)


def _not_found(conversation: str) -> NotFound:
    return NotFound(
        f"There is no conversation {conversation!r} yet: the first message makes it, or POST /v1/conversations.",
        code="conversation_not_found",
    )


__all__ = ["Chat", "Sent"]
