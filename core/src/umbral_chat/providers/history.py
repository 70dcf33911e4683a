"""History: the store of logs. The log is the truth."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from umbral_chat.model.conversations import Conversation, Deleted, Head, InboxFilter, InboxPage, LogPage, MessagePage
from umbral_chat.model.entries import FoldedMessage, Status
from umbral_chat.model.writes import Appended, Write, WriteUpdate
from umbral_chat.providers.store import SharedStore

HEADS_BATCH = 5_000
"""Conversations in one call of `History.heads`, for callers with more of them: a history may hold up its other calls
while it answers, and some limit the size of one statement."""


class History(Protocol):
    """Ordered durable logs.

    Guarantees, which `umbral_chat.testing.HistoryContract` checks:

    - *Order.* A conversation's entries are numbered 1, 2, 3 … without gaps or repeats, in the transaction that makes
      them durable; concurrent appends to one conversation are serialized.
    - *Durability.* What `append` returned survives a power failure.
    - *Visibility.* What `append` returned is in every later read, by any instance. A read never returns a seq without
      the lower ones, and the head of a page is of the same snapshot as its entries.
    - *Failure.* A call that raises stored nothing, except HistoryUnavailable after a lost answer: then a repeat with
      the same key shows whether it was stored. A store that cannot be reached raises HistoryUnavailable within a
      bounded time.
    - *Cancellation.* A cancelled `append` is stored whole or not at all.

    A conversation that was never made reads as an empty log. One that was deleted raises ConversationDeleted from
    every call that names it while its tombstone is kept (30 days), except `ensure`, `heads` and `delete`.
    """

    name: str

    async def append(self, write: Write) -> Appended:
        """Number `write` and make it durable; the first write makes the conversation.

        The same key of the same subject returns the first entry, and raises Conflict (`idempotency_conflict`) when
        the body differs. Further: Conflict (`message_id_taken`, `message_redacted`), NotFound
        (`message_not_found`, for what edits or redacts), Forbidden (`not_your_message`), ConversationDeleted (also
        when `write.epoch` is not the log's). A redaction blanks the message and its edits in the same transaction;
        redacting again returns the first redaction. A message by a `user` to a closed conversation is
        followed by an update that opens it. A message with the id of one whose `finish` is `interrupted`, by its
        author, without `finish` and `at`, is appended as an edit of that one, unless that one was changed before. `at`
        never decreases inside a log, except for imported entries: a write with `at` becomes an entry that has this time
        and is `imported`; its place in the log and in the inbox is that of the time of writing, and it opens no
        conversation.
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
        """The heads of many logs in one round trip; one that was never made is left out."""
        ...

    async def ensure(self, conversation: str) -> tuple[Conversation, bool]:
        """The conversation, which is made (or revived with a new epoch) if it does not exist; and whether it was."""
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
        """A page of the inbox by `(last_activity, id)` descending. `before` is that of the previous page, and
        opaque. Raises InvalidRequest (`invalid_cursor`) for an invalid one."""
        ...

    async def delete(self, conversation: str) -> bool:
        """Remove everything of a conversation and leave a tombstone; whether there was anything to remove.

        Afterwards the store's files contain none of its content, metadata and keys.
        """
        ...

    async def mark_read(self, conversation: str, subject: str, seq: int) -> int:
        """Raise the subject's read marker to `seq` (at most the head; never lower) and return its value now."""
        ...


@runtime_checkable
class OperatorInbox(Protocol):
    """Optional ability of a history: what operators need who share an inbox.
    `umbral_chat.testing.OperatorInboxContract` checks it.

    A history without it still answers `History.conversations`; further filters and takeovers are then refused with a
    named error.
    """

    async def search(
        self, sought: InboxFilter, *, limit: int, before: str | None = None, subject: str | None = None
    ) -> InboxPage:
        """`History.conversations`, of the conversations that `sought` lets pass. Raises InvalidRequest
        (`invalid_cursor`).

        Bounded work: where `sought` has a `text`, one call may look at a part of the inbox only. The page is then
        shorter than `limit`, and its `before` is where the next call goes on.
        """
        ...

    async def take(self, write: WriteUpdate) -> Appended:
        """`History.append` of an update that sets an assignee, if the conversation has none or that one: compared and
        set in the transaction of the entry, so that of many takers one succeeds. Raises TakeoverConflict otherwise, and
        what `append` raises. A repeated key is answered with the first entry, whoever has the conversation now."""
        ...


@runtime_checkable
class RenewsEpochs(Protocol):
    """Optional ability of a history: to give its logs new epochs, after a copy of its store was restored."""

    async def new_epochs(self) -> int:
        """Give every log a new epoch, so that all earlier cursors expire; the number of logs."""
        ...


@runtime_checkable
class TellsWhetherItWrites(Protocol):
    """Optional ability of a history that may be able to read but not to write, as with a full disk. Readiness asks
    it."""

    async def refuses_writes(self) -> str | None:
        """Why sends are refused now, without names of files; None: they are accepted. Returns within a second or
        two."""
        ...


@runtime_checkable
class KnowsAuthors(Protocol):
    """Optional ability of a history: to say whose an entry is. The sender of an entry is who it is shown as; its
    author, the principal that wrote it, is in no entry."""

    async def written_by(self, conversation: str, seq: int, authors: Sequence[str]) -> bool | None:
        """Whether one of these (`Principal.author`) wrote the entry; None: there is no such entry, or it is not known.
        Raises HistoryUnavailable."""
        ...


@runtime_checkable
class KnowsReaders(Protocol):
    """Optional ability of a history: to say how far people have read, without moving their markers.
    `umbral_chat.testing.KnowsReadersContract` checks it."""

    async def read_markers(self, conversation: str, readers: Sequence[str]) -> dict[str, int]:
        """The read markers of those of `readers` that have one in the conversation, by reader: an author
        (`Principal.author`), or whatever else `History.mark_read` was given as the subject. Of a conversation that was
        never made, or is deleted, none has one. Raises HistoryUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Storage:
    """What a history plugin provides: the logs, and the shared store beside them. Entered once, left at shutdown."""

    name: str
    history: History
    store: SharedStore
    lifespan: AbstractAsyncContextManager[object]
    """Entered before the first call, left after the last."""


__all__ = [
    "HEADS_BATCH",
    "History",
    "KnowsAuthors",
    "KnowsReaders",
    "OperatorInbox",
    "RenewsEpochs",
    "Storage",
    "TellsWhetherItWrites",
]
