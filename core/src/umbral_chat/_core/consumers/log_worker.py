"""Working through one log: its entries in order from the stored cursor, which moves past each after it was handled."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from umbral_chat._core.consumers.backlog import BLOCKED_PAUSE, Backlog
from umbral_chat._core.consumers.cursor_store import StoredCursor
from umbral_chat._core.consumers.lease import LeaseLost, run_with_lease
from umbral_chat._core.consumers.tries import END, Tries, failed
from umbral_chat._core.runtime.tasks import being_cancelled
from umbral_chat.errors import ConsumerError, HistoryUnavailable, Undeliverable
from umbral_chat.model.conversations import Head, LogPage
from umbral_chat.model.entries import Entry
from umbral_chat.providers.edges import Consumer, LogEnd
from umbral_chat.providers.store import Lease

log = logging.getLogger(__name__)

PAGES_IN_A_ROW = 10
"""Pages of one conversation before others have their turn."""

STORE_EVERY = 1.0
"""Seconds of handling after which the cursor is stored within a page, which bounds what a crash repeats, and the rest
of the page is read again, so that a redaction reaches it."""

STORE_TIMEOUT = 2.0
"""Seconds that storing the cursor may take when the service stops; what is not stored is handled again."""

LEASE = 30.0
"""Seconds after which a conversation of an instance that died is taken over by another."""


class Wait(NamedTuple):
    """The conversation waits for so many seconds, with the entry of `since`."""

    seconds: float
    since: datetime | None


Outcome = Literal["done", "more", "held"] | Wait


class LogWorker:
    """Runs one consumer over every log. `run` goes to the log's end; one call for a conversation at a time."""

    def __init__(self, consumer: Consumer, backlog: Backlog, *, holder: str) -> None:
        self.consumer = consumer
        self.backlog = backlog
        self._holder = holder

    async def run(self, conversation: str) -> Outcome:
        """Handle the log's unhandled entries: `more` when some are left for the next call, `held` when another instance
        has the lease, Wait when an entry failed. Raises HistoryUnavailable, and what a faulty store raises."""
        backlog = self.backlog
        if not await backlog.has_unhandled(conversation):
            return "done"
        try:
            outcome = await run_with_lease(
                backlog.store,
                backlog.cursors.lease_name(conversation),
                self._holder,
                LEASE,
                lambda lease: _Run(self, conversation, lease).run(),
            )
        except LeaseLost:
            return "held"
        return outcome or "held"


class _Run:
    """One run over one log under one lease."""

    def __init__(self, worker: LogWorker, conversation: str, lease: Lease) -> None:
        self._backlog = worker.backlog
        self._consumer = worker.consumer
        self._conversation = conversation
        self._lease = lease
        self._cursor: StoredCursor | None = None
        self._version = 0
        self._dirty = False
        self._stored_at = self._monotonic()

    async def run(self) -> Outcome:
        self._cursor, self._version = await self._backlog.cursors.load(self._conversation)
        if self._cursor is not None and (wait := self._cursor.wait(self._backlog.clock.now())):
            return Wait(wait, None)
        try:
            for _ in range(PAGES_IN_A_ROW):
                outcome = await self._step()
                if outcome is not None:
                    return outcome
        except asyncio.CancelledError:
            await self._store_before_timeout()
            raise
        return "more"

    async def _step(self) -> Outcome | None:
        """Read and handle a page, or hand on the end of the log. None: there may be more."""
        after = 0 if self._cursor is None else self._cursor.seq
        page = await self._backlog.read(self._conversation, after)
        if page is None or page.head is None:
            return await self._deleted()
        if self._cursor is None:
            self._cursor = await self._backlog.begin(self._conversation, page.head)
            self._dirty = True
            if self._cursor.seq:
                return None  # the page was read from the beginning
        elif self._cursor.epoch != page.head.epoch:
            return await self._restarted(self._cursor, page.head)
        elif page.head.seq < self._cursor.seq:
            # The same log, but shorter: it was restored from an older copy. The entries after its head are new ones.
            self._cursor, self._dirty = StoredCursor(page.head.epoch, page.head.seq), True
        return await self._handle(page, page.head)

    async def _deleted(self) -> Outcome:
        if self._cursor is not None and (wait := await self._ended(self._cursor, LogEnd(self._cursor.epoch))):
            return wait
        await self._backlog.forget_conversation(self._conversation)
        return "done"

    async def _restarted(self, before: StoredCursor, head: Head) -> Outcome | None:
        if wait := await self._ended(before, LogEnd(before.epoch, head.epoch)):
            return wait
        await self._backlog.dead.drop(self._conversation)
        self._cursor, self._dirty = StoredCursor(head.epoch, 0), True
        await self._store()
        return None

    async def _ended(self, cursor: StoredCursor, end: LogEnd) -> Wait | None:
        """Hand on the end of the log; Wait: it failed, and is tried again."""
        handle_end = self._backlog.abilities.handle_end
        if handle_end is None:
            return None
        try:
            await handle_end(self._conversation, end)
        except HistoryUnavailable:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and being_cancelled():
                raise
            tries = self._count(cursor, END, error)
            if self._given_up(tries, error):
                log.exception("consumer %s did not take the end of a log in %d tries", self._backlog.name, tries.count)
                return None
            self._cursor, self._dirty = msgspec.structs.replace(cursor, tries=tries), True
            await self._store()
            return Wait(tries.wait(self._backlog.clock.now()), None)
        return None

    async def _handle(self, page: LogPage, head: Head) -> Outcome | None:
        """Handle a page. None: there may be more."""
        selected = {entry.seq for entry in await self._backlog.abilities.selected(self._conversation, page.entries)}
        for entry in page.entries:
            if entry.seq in selected:
                before = self._cursor or StoredCursor(head.epoch, entry.seq - 1)
                if (deferred := await self._backlog.deferred(self._conversation, before, entry)) is not None:
                    return await self._defer(deferred, head)
                if (wait := await self._handle_entry(head.epoch, entry)) is not None:
                    return wait
            due = None if self._cursor is None else self._cursor.due
            self._cursor, self._dirty = StoredCursor(head.epoch, entry.seq, due=due), True
            if self._monotonic() - self._stored_at >= STORE_EVERY:
                await self._store()
                if entry.seq < head.seq:
                    return None
        if self._cursor is not None and self._cursor.due is not None and self._cursor.seq >= head.seq:
            self._cursor, self._dirty = msgspec.structs.replace(self._cursor, due=None), True
        await self._store()
        if self._cursor is None or self._cursor.seq < head.seq:
            return None
        self._backlog.remember(self._conversation, self._cursor)
        return "done"

    async def _defer(self, cursor: StoredCursor, head: Head) -> Outcome:
        """Have the conversation wait, outside of the queue, until what comes next is due."""
        self._cursor, self._dirty = cursor, True
        await self._store()
        self._backlog.remember(self._conversation, StoredCursor(head.epoch, head.seq))
        return "done"

    async def _handle_entry(self, epoch: str, entry: Entry) -> Wait | None:
        """Have the consumer handle it, or make it a dead letter; Wait: it failed, and is tried again."""
        try:
            await self._consumer.handle(self._conversation, epoch, entry)
        except HistoryUnavailable:
            await self._store()
            raise
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and being_cancelled():
                raise
            cursor = self._cursor or StoredCursor(epoch, entry.seq - 1)
            tries = self._count(cursor, entry.seq, error)
            given_up = self._given_up(tries, error)
            if given_up and await self._backlog.bury(self._conversation, epoch, tries):
                # The cursor moves past it at once: after a crash it would be handled again, and later ones were since.
                self._stored_at = float("-inf")
                return None
            self._cursor, self._dirty = msgspec.structs.replace(cursor, tries=tries), True
            await self._store()
            seconds = BLOCKED_PAUSE if given_up else tries.wait(self._backlog.clock.now())
            log.warning(
                "consumer %s: entry %d of %s was not handled: %s; try %d, again in %.1f s",
                *(self._backlog.name, entry.seq, self._conversation, tries.reason, tries.count, seconds),
                exc_info=None if isinstance(error, ConsumerError) else error,
            )
            return Wait(seconds, self._backlog.unhandled_since(entry))
        return None

    def _count(self, cursor: StoredCursor, seq: int, error: BaseException) -> Tries:
        tries = failed(cursor.tries, seq, error, self._backlog.clock.now())
        self._backlog.failed(tries)
        return tries

    def _given_up(self, tries: Tries, error: BaseException) -> bool:
        return isinstance(error, Undeliverable) or tries.count >= self._backlog.abilities.tries

    async def _store(self) -> None:
        if not self._dirty or self._cursor is None:
            return
        version = await self._backlog.cursors.store(
            self._conversation, self._cursor, expect=self._version, lease=self._lease
        )
        if version is None:
            raise LeaseLost(self._conversation)
        self._version, self._dirty, self._stored_at = version, False, self._monotonic()

    async def _store_before_timeout(self) -> None:
        try:
            async with asyncio.timeout(STORE_TIMEOUT):
                await self._store()
        except (LeaseLost, HistoryUnavailable, TimeoutError):
            return  # it is handled again: delivery is at least once

    def _monotonic(self) -> float:
        return self._backlog.clock.monotonic()


__all__ = ["LEASE", "PAGES_IN_A_ROW", "STORE_EVERY", "LogWorker", "Outcome", "Wait"]
