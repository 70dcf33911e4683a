"""History: the store of logs, the one truth."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from umbral_chat.model.conversations import Conversation, Deleted, Head, InboxPage, LogPage, MessagePage
from umbral_chat.model.entries import FoldedMessage, Status
from umbral_chat.model.writes import Appended, Write
from umbral_chat.providers.store import SharedStore

HEADS_BATCH = 5_000
"""Conversations in one call of `History.heads`, for callers with more of them: a history may hold up its other calls
while it answers, and some limit the size of one statement."""


class History(Protocol):
    """Ordered durable logs.

    Guarantees, which `umbral_chat.testing.HistoryContract` checks:

    - *Order.* A conversation's entries are numbered 1, 2, 3 … without gaps or repeats, in the transaction that makes
      them durable; concurrent appends to one conversation are serialized.
    - *Durability.* What `append` returned survives the loss of power.
    - *Visibility.* What `append` returned is in every later read, by any instance; a read never shows a seq while
      hiding a lower one, and what a page says of the head is of the same snapshot as its entries.
    - *Failure.* A call that raises stored nothing, except HistoryUnavailable after a lost answer, where a repeat with
      the same key tells. A store that cannot be reached raises HistoryUnavailable within a bounded time.
    - *Cancellation.* A cancelled `append` is stored whole or not at all.

    A conversation that was never made reads as an empty log. One that was deleted raises ConversationDeleted from
    every call that names it while its tombstone is kept (30 days), except `ensure`, `heads` and `delete`.
    """

    name: str

    async def append(self, write: Write) -> Appended:
        """Number `write` and make it durable; the first write makes the conversation.

        The same key by the same subject answers with the first entry, and raises Conflict (`idempotency_conflict`)
        when the body differs. Further: Conflict (`message_id_taken`, `message_redacted`), NotFound
        (`message_not_found`, for what edits or redacts), Forbidden (`not_your_message`), ConversationDeleted (also
        when `write.epoch` is not the log's). A redaction blanks the message and its edits in the same transaction;
        redacting again is answered with the first redaction. A message by a `user` to a closed conversation is
        followed by an update that opens it. `at` never decreases inside a log, imported entries aside: a write with
        `at` becomes an entry that shows this time and is `imported`, whose place in the log, and in the inbox, is that
        of the time of writing; it opens no conversation.
        """
        ...

    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        """Up to `limit` entries with `seq > after`, ascending and contiguous from `after + 1`."""
        ...

    async def messages(
        self, conversation: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> MessagePage:
        """Folded messages by the seq of their own entry: the newest page without bounds, else the page that follows
        `after` or precedes `before` (at most one is given)."""
        ...

    async def message(self, conversation: str, message_id: str) -> FoldedMessage | None:
        """One folded message, or None."""
        ...

    async def heads(self, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
        """Where each log stands, in one round trip for many; one that was never made is left out."""
        ...

    async def ensure(self, conversation: str) -> tuple[Conversation, bool]:
        """The conversation, made (or revived with a new epoch) when it is not there, and whether it was."""
        ...

    async def conversation(self, conversation: str, *, subject: str | None = None) -> Conversation | None:
        """One conversation, with `unread` for `subject`; None when it was never made."""
        ...

    async def conversations(
        self,
        *,
        limit: int,
        before: str | None = None,
        status: Status | None = None,
        subject: str | None = None,
    ) -> InboxPage:
        """A page of the inbox by `(last_activity, id)` descending. `before` is what the page before said: opaque,
        InvalidRequest (`invalid_cursor`) when it is not one."""
        ...

    async def delete(self, conversation: str) -> bool:
        """Remove everything of it and leave a tombstone; whether there was anything to remove.

        Neither the content nor the metadata nor the keys can be found in the store's files afterwards.
        """
        ...

    async def mark_read(self, conversation: str, subject: str, seq: int) -> int:
        """Raise the subject's read marker to `seq` (at most the head; never lower) and return what it is now."""
        ...


@runtime_checkable
class RenewsEpochs(Protocol):
    """A history whose logs can be given new epochs, after a copy of its store was restored."""

    async def new_epochs(self) -> int:
        """Draw a new epoch for every log, so that every cursor of before expires; how many logs there were."""
        ...


@runtime_checkable
class TellsWhetherItWrites(Protocol):
    """Optional ability of a history that may read and yet not write: its disk is full, say. Readiness asks."""

    async def refuses_writes(self) -> str | None:
        """Why sends are refused now, without names of files; None: they are taken. Answers within a second or two."""
        ...


@dataclass(frozen=True, slots=True)
class Storage:
    """What a history plugin provides: the logs, and the shared store beside them. Entered once, left at shutdown."""

    name: str
    history: History
    store: SharedStore
    lifespan: AbstractAsyncContextManager[object]
    """Entered before the first call, left after the last."""


__all__ = ["HEADS_BATCH", "History", "RenewsEpochs", "Storage", "TellsWhetherItWrites"]
