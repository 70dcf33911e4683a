"""What is done with conversations: messages and what is done to them, drafts and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from umbral_chat.drafts import DraftView
    from umbral_chat.model.conversations import Conversation
    from umbral_chat.model.cursor import Cursor
    from umbral_chat.model.encoded_entry import EncodedEntry
    from umbral_chat.model.entries import Sender
    from umbral_chat.model.receipts import Receipt
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
    from umbral_chat.providers.auth import Principal


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

    async def mark_read(self, principal: Principal, conversation: str, seq: int, receipt: bool | None = None) -> int:
        """Move the caller's read marker forward; where it stands now. `receipt`: whether others see it from now on;
        None: as before, at first not."""
        ...

    def speaking(self, principal: Principal, sender: Sender | None) -> Sender:
        """On whose behalf `principal` speaks or types, if it may; counted towards its rate of writes."""
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


class DraftService(Protocol):
    """The drafts: messages that are being written."""

    def of(self, conversation: str) -> list[DraftView]:
        """The drafts of a conversation, oldest first."""
        ...

    def touch(self, conversation: str, message_id: str) -> None:
        """There is a sign of life of the message that is being written, other than a piece: it does not end yet. Does
        nothing for a message of which no draft is known."""
        ...


class ReceiptService(Protocol):
    """How far those have read who let the others of a conversation see it."""

    def of(self, conversation: str) -> list[Receipt]:
        """The receipts of a conversation that are known here, at most 50, each reader once. Neither waits nor reads;
        the conversation's readers are notified when it changes."""
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


__all__ = ["ChatService", "DraftService", "ReceiptService", "RunService", "SentEntry"]
