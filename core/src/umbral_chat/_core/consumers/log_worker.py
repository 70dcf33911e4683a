"""Working through one log: its entries in order from the stored cursor, which moves past each after it was handled."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Literal

from umbral_chat._core.consumers.cursor_store import CursorStore, StoredCursor
from umbral_chat._core.consumers.lease import LeaseLost, run_with_lease
from umbral_chat._core.runtime.tasks import being_cancelled
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted, HistoryUnavailable
from umbral_chat.model.conversations import Head, LogPage
from umbral_chat.model.entries import Entry
from umbral_chat.providers.edges import Consumer, TakesImported
from umbral_chat.providers.history import History
from umbral_chat.providers.store import Lease, SharedStore

PAGE = 100
"""Entries read at once."""

PAGES_IN_A_ROW = 10
"""Pages of one conversation before others have their turn."""

STORE_EVERY = 1.0
"""Seconds of handling after which the cursor is stored within a page: this bounds what a crash repeats."""

STORE_TIMEOUT = 2.0
"""Seconds that storing the cursor may take when the service stops; what is not stored is handled again."""

LEASE = 30.0
"""Seconds after which a conversation of an instance that died is taken over by another."""

REMEMBERED_LIMIT = 10_000
"""Most conversations remembered as handled, which saves the next scan from asking the store about them."""

Outcome = Literal["done", "more", "held"]


class EntryFailed(Exception):
    """The consumer raised on an entry. `progress`: it handled others before, in the same run."""

    def __init__(self, conversation: str, seq: int, *, progress: bool) -> None:
        super().__init__(f"entry {seq} of {conversation!r} was not handled")
        self.progress = progress


class LogWorker:
    """Runs one consumer over every log. `run` goes to the log's end; one call for a conversation at a time."""

    def __init__(self, consumer: Consumer, history: History, store: SharedStore, clock: Clock, *, holder: str) -> None:
        self._consumer = consumer
        self._history = history
        self._store = store
        self._clock = clock
        self._holder = holder
        self.cursors = CursorStore(store, consumer.name)
        self._takes_imported = isinstance(consumer, TakesImported) and consumer.imported
        self._handled: OrderedDict[str, StoredCursor] = OrderedDict()

    def handled(self, conversation: str, head: Head) -> bool:
        """Whether it is known here that everything up to `head` is handled."""
        cursor = self._handled.get(conversation)
        return cursor is not None and cursor.epoch == head.epoch and cursor.seq >= head.seq

    async def run(self, conversation: str) -> Outcome:
        """Handle the log's unhandled entries: `more` when some are left for the next call, `held` when another instance
        has the lease. Raises EntryFailed, HistoryUnavailable, and what a faulty store raises."""
        if not await self._has_unhandled(conversation):
            return "done"
        try:
            outcome = await run_with_lease(
                self._store,
                self.cursors.lease_name(conversation),
                self._holder,
                LEASE,
                lambda lease: _Run(self, conversation, lease).run(),
            )
        except LeaseLost:
            return "held"
        return outcome or "held"

    async def _has_unhandled(self, conversation: str) -> bool:
        # Most of what a scan finds was handled by another instance: checked without a lease, which would be two writes.
        cursor, version = await self.cursors.load(conversation)
        head = (await self._history.heads([conversation])).get(conversation)
        if not isinstance(head, Head):
            self._handled.pop(conversation, None)
            return version > 0
        if head.seq == 0 or (cursor is not None and cursor.epoch == head.epoch and cursor.seq == head.seq):
            self.remember(conversation, cursor or StoredCursor(head.epoch, 0))
            return False
        return True

    def remember(self, conversation: str, cursor: StoredCursor) -> None:
        self._handled[conversation] = cursor
        self._handled.move_to_end(conversation)
        if len(self._handled) > REMEMBERED_LIMIT:
            self._handled.popitem(last=False)

    async def read(self, conversation: str, after: int) -> LogPage | None:
        """A page; None: the conversation does not exist, or was deleted."""
        try:
            page = await self._history.read(conversation, after, PAGE)
        except ConversationDeleted:
            return None
        return None if page.head is None else page

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """Have the consumer handle an entry, unless it is an imported one that the consumer does not take."""
        if not entry.imported or self._takes_imported:
            await self._consumer.handle(conversation, epoch, entry)

    def monotonic(self) -> float:
        return self._clock.monotonic()


class _Run:
    """One run over one log under one lease."""

    def __init__(self, worker: LogWorker, conversation: str, lease: Lease) -> None:
        self._worker = worker
        self._conversation = conversation
        self._lease = lease
        self._cursor: StoredCursor | None = None
        self._version = 0
        self._dirty = False
        self._stored_at = worker.monotonic()

    async def run(self) -> Outcome:
        self._cursor, self._version = await self._worker.cursors.load(self._conversation)
        try:
            for _ in range(PAGES_IN_A_ROW):
                after = 0 if self._cursor is None else self._cursor.seq
                page = await self._worker.read(self._conversation, after)
                if page is None or page.head is None:
                    await self._worker.cursors.remove(self._conversation)
                    return "done"
                if await self._handle(page, page.head):
                    return "done"
        except asyncio.CancelledError:
            await self._store_before_timeout()
            raise
        return "more"

    async def _handle(self, page: LogPage, head: Head) -> bool:
        """Handle a page. Whether that was the log's end."""
        if self._cursor is None or self._cursor.epoch != head.epoch:
            before, self._cursor = self._cursor, StoredCursor(head.epoch, 0)
            if before is not None and before.seq:
                return False  # the page was read at a cursor of another log
        elif head.seq < self._cursor.seq:
            # The same log, but shorter: it was restored from an older copy. The entries after its head are new ones.
            self._cursor, self._dirty = StoredCursor(head.epoch, head.seq), True
        began = self._cursor.seq
        try:
            for entry in page.entries:
                try:
                    await self._worker.handle(self._conversation, head.epoch, entry)
                except (Exception, asyncio.CancelledError) as error:
                    if isinstance(error, asyncio.CancelledError) and being_cancelled():
                        raise
                    progress = self._cursor.seq > began
                    raise EntryFailed(self._conversation, entry.seq, progress=progress) from error
                self._cursor, self._dirty = StoredCursor(head.epoch, entry.seq), True
                if self._worker.monotonic() - self._stored_at >= STORE_EVERY:
                    await self._store()
        except EntryFailed:
            await self._store()
            raise
        await self._store()
        if self._cursor.seq < head.seq:
            return False
        self._worker.remember(self._conversation, self._cursor)
        return True

    async def _store(self) -> None:
        if not self._dirty or self._cursor is None:
            return
        version = await self._worker.cursors.store(
            self._conversation, self._cursor, expect=self._version, lease=self._lease
        )
        if version is None:
            raise LeaseLost(self._conversation)
        self._version, self._dirty, self._stored_at = version, False, self._worker.monotonic()

    async def _store_before_timeout(self) -> None:
        try:
            async with asyncio.timeout(STORE_TIMEOUT):
                await self._store()
        except (LeaseLost, HistoryUnavailable, TimeoutError):
            return  # it is handled again: delivery is at least once


__all__ = ["LEASE", "PAGE", "PAGES_IN_A_ROW", "STORE_EVERY", "EntryFailed", "LogWorker", "Outcome"]
