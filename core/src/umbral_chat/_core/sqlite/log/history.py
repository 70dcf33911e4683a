"""The embedded history: each call is run by the writer or by a reader; nothing is cached in between."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from umbral_chat._core.sqlite.engine.backup import back_up
from umbral_chat._core.sqlite.engine.threads import run_in_thread
from umbral_chat._core.sqlite.engine.timestamps import to_micros
from umbral_chat._core.sqlite.engine.work_queue import WorkQueue
from umbral_chat._core.sqlite.log import conversations, inbox, inbox_search, reads, writes
from umbral_chat._core.sqlite.log.hashed_ids import HashedIds
from umbral_chat._core.sqlite.log.writer import WriterThread
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.conversations import Conversation, Deleted, Head, InboxFilter, InboxPage, LogPage, MessagePage
from umbral_chat.model.entries import FoldedMessage, Status
from umbral_chat.model.writes import Appended, Write, WriteUpdate

MIN_FREE = 64 * 1024
"""Bytes that must be free for a write to be likely to succeed: a few pages, and their WAL frames."""


class SqliteHistory:
    """Ordered durable logs in one file: `History`, `KnowsAuthors`, `KnowsReaders`, `OperatorInbox`,
    `TellsWhetherItWrites`, `RenewsEpochs`, and the CLI's `Backup`."""

    name = "sqlite"

    def __init__(self, path: Path, vfs: str | None, clock: Clock, writer: WriterThread, readers: WorkQueue) -> None:
        self._path, self._vfs, self._clock = path, vfs, clock
        self._writer = writer
        self._write, self._read = writer.queue.submit, readers.submit
        self.ids = HashedIds(b"")
        """With the database's own key once it is open."""

    async def append(self, write: Write) -> Appended:
        appended: Appended = await self._write(partial(writes.append, write), write)
        return appended

    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        page: LogPage = await self._read(
            lambda connection: reads.read(connection, self.ids, self._now(), conversation, after, limit)
        )
        return page

    async def messages(
        self, conversation: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> MessagePage:
        page: MessagePage = await self._read(
            lambda connection: reads.messages(connection, self.ids, self._now(), conversation, after, before, limit)
        )
        return page

    async def message(self, conversation: str, message_id: str) -> FoldedMessage | None:
        message: FoldedMessage | None = await self._read(
            lambda connection: reads.message(connection, self.ids, self._now(), conversation, message_id)
        )
        return message

    async def heads(self, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
        heads: dict[str, Head | Deleted] = await self._read(
            lambda connection: reads.heads(connection, self.ids, self._now(), conversations)
        )
        return heads

    async def ensure(self, conversation: str) -> tuple[Conversation, bool]:
        found: tuple[Conversation, bool] = await self._write(
            lambda transaction: conversations.ensure(transaction, conversation)
        )
        return found

    async def conversation(self, conversation: str, *, subject: str | None = None) -> Conversation | None:
        found: Conversation | None = await self._read(
            lambda connection: inbox.conversation(connection, self.ids, self._now(), conversation, subject)
        )
        return found

    async def conversations(
        self,
        *,
        limit: int,
        before: str | None = None,
        status: Status | None = None,
        subject: str | None = None,
    ) -> InboxPage:
        page: InboxPage = await self._read(
            lambda connection: inbox.conversations(connection, self.ids, limit, before, status, subject)
        )
        return page

    async def search(
        self, sought: InboxFilter, *, limit: int, before: str | None = None, subject: str | None = None
    ) -> InboxPage:
        page: InboxPage = await self._read(
            lambda connection: inbox_search.search(connection, self.ids, sought, limit, before, subject)
        )
        return page

    async def take(self, write: WriteUpdate) -> Appended:
        appended: Appended = await self._write(partial(writes.take, write), write)
        return appended

    async def delete(self, conversation: str) -> bool:
        removed: bool = await self._write(lambda transaction: conversations.delete(transaction, conversation))
        return removed

    async def mark_read(self, conversation: str, subject: str, seq: int) -> int:
        marker: int = await self._write(
            lambda transaction: conversations.mark_read(transaction, conversation, subject, seq)
        )
        return marker

    async def written_by(self, conversation: str, seq: int, authors: Sequence[str]) -> bool | None:
        found: bool | None = await self._read(
            lambda connection: reads.written_by(connection, self.ids, conversation, seq, authors)
        )
        return found

    async def read_markers(self, conversation: str, readers: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = await self._read(
            lambda connection: reads.read_markers(connection, self.ids, conversation, readers)
        )
        return found

    async def refuses_writes(self) -> str | None:
        """Why nothing can be written now; None: writes succeed. After a write that failed, a row that nothing reads is
        written as a probe, since a disk does not report that it has room again."""
        if await self._read(lambda _: self._is_full()):
            return "the disk is full"
        if self._writer.last_failure is None:
            return None
        try:
            await self._write(conversations.touch)
        except HistoryUnavailable as error:
            return self._writer.last_failure or error.detail
        return None

    def _is_full(self) -> bool:
        try:
            return shutil.disk_usage(self._path.parent).free < MIN_FREE
        except OSError:
            return False

    async def new_epochs(self) -> int:
        """Draw a new epoch for every log, so that every earlier cursor expires; the number of logs."""
        logs: int = await self._write(conversations.new_epochs)
        return logs

    async def backup(self, target: Path) -> None:
        """Write a copy of one moment to `target` while the service runs; new epochs are drawn when the copy is first
        opened. Raises StoreError when the target exists or cannot be written, HistoryUnavailable when copying fails."""
        await run_in_thread(lambda: back_up(self._path, self._vfs, target), "umbral-chat-backup")

    def _now(self) -> int:
        return to_micros(self._clock.now())


__all__ = ["SqliteHistory"]
