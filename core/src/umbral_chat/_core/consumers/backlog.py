"""One consumer's backlog: what it has to process, where it stands in each log, and what it gave up."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from umbral_chat._core.consumers.abilities import Abilities
from umbral_chat._core.consumers.conversation_queue import ConversationQueue
from umbral_chat._core.consumers.cursor_store import CursorStore, StoredCursor
from umbral_chat._core.consumers.dead_letters import DeadLetters
from umbral_chat._core.consumers.deferrals import KEPT
from umbral_chat._core.consumers.registry import StoredStatus
from umbral_chat._core.consumers.tries import Tries
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.conversations import Head, LogPage
from umbral_chat.model.entries import Entry
from umbral_chat.providers.consumers import ConsumerState, Failure
from umbral_chat.providers.history import History, Storage

log = logging.getLogger(__name__)

PAGE = 100
"""Entries read at once."""

PASSED_OVER = 100
"""Entries that are passed over before the cursor is stored: what another instance, or the next start, selects again."""

BLOCKED_PAUSE = 60.0
"""Seconds after which an entry is tried again for which there is no place among the dead letters."""

REMEMBERED_LIMIT = 10_000
"""Most conversations remembered as handled, which saves the next scan from asking the store about them."""


class Backlog:
    """A consumer's queue with its records. The methods that read raise HistoryUnavailable."""

    def __init__(
        self,
        name: str,
        abilities: Abilities,
        storage: Storage,
        clock: Clock,
        *,
        dead_letters: int,
        on_failure: Callable[[], None],
    ) -> None:
        self.name = name
        self.abilities = abilities
        self.history: History = storage.history
        self.store = storage.store
        self.clock = clock
        self.queue = ConversationQueue()
        self.cursors = CursorStore(storage.store, name)
        self.dead = DeadLetters(storage.store, name, dead_letters)
        self.dead_count = 0
        self.blocked = False
        self.failures = 0
        self.last_error: Failure | None = None
        self.begins: datetime | None = None
        """A log without a cursor begins with the first entry at or after this; None: with the first one."""
        self._on_failure = on_failure
        self._handled: OrderedDict[str, StoredCursor] = OrderedDict()

    def wants(self, conversation: str) -> bool:
        """Whether the consumer wants it; a consumer that fails to say so is given it."""
        try:
            return self.abilities.wants(conversation)
        except Exception:
            log.exception("consumer %s could not decide about a conversation", self.name)
            return True

    def handled(self, conversation: str, head: Head) -> bool:
        """Whether it is known here that everything up to `head` is handled."""
        cursor = self._handled.get(conversation)
        return cursor is not None and cursor.epoch == head.epoch and cursor.seq >= head.seq

    def remember(self, conversation: str, cursor: StoredCursor) -> None:
        """Everything up to `cursor` is handled or passed over."""
        self._handled[conversation] = cursor
        self._handled.move_to_end(conversation)
        if len(self._handled) > REMEMBERED_LIMIT:
            self._handled.popitem(last=False)

    async def has_unhandled(self, conversation: str) -> bool:
        """Whether there is something to handle, or a cursor to store or to remove. It needs no lease, which would be
        two writes: most of what a scan finds was handled by another instance, or is passed over."""
        cursor, version = await self.cursors.load(conversation)
        head = (await self.history.heads([conversation])).get(conversation)
        if not isinstance(head, Head):
            self._handled.pop(conversation, None)
            return cursor is not None or version > 0
        if head.seq == 0 and cursor is None:
            self.remember(conversation, StoredCursor(head.epoch, 0))
            return False
        if cursor is not None and cursor.epoch == head.epoch and cursor.seq == head.seq and cursor.due is None:
            self.remember(conversation, cursor)
            return False
        if self._waits(cursor, head):
            # What came meanwhile is looked at when it is due.
            self.remember(conversation, StoredCursor(head.epoch, head.seq))
            return False
        return not await self._pass_over(conversation, cursor, head)

    def _waits(self, cursor: StoredCursor | None, head: Head) -> bool:
        """Whether what comes next is not due yet, in a log that is still the same."""
        if cursor is None or cursor.due is None or cursor.epoch != head.epoch or head.seq < cursor.seq:
            return False
        return cursor.due > self.clock.now()

    async def deferred(self, conversation: str, before: StoredCursor, entry: Entry) -> StoredCursor | None:
        """The cursor before `entry`, which is not due yet and is stored to be; None: it is to be handled now."""
        if self.abilities.due is None:
            return None
        at = self.abilities.due(entry)
        if at <= self.clock.now():
            return None
        await self.cursors.deferrals.add(conversation, at)
        return StoredCursor(before.epoch, entry.seq - 1, due=at)

    async def queue_due(self) -> int:
        """Queue the conversations that are due; how many."""
        queued, now = 0, self.clock.now()
        for conversation, at in await self.cursors.deferrals.due(now):
            if self.queue.full:
                break
            if conversation in self.queue:
                continue
            cursor, _ = await self.cursors.load(conversation)
            if cursor is not None and cursor.due == at:
                queued += self.queue.wake(conversation, at)
            elif at + KEPT < now:
                await self.cursors.deferrals.remove(conversation, at)
        return queued

    def unhandled_since(self, entry: Entry) -> datetime | None:
        """Since when `entry` could be handled; None: not known, since an imported one has the time of its first
        writing."""
        if entry.imported:
            return None
        return entry.at if self.abilities.due is None else max(entry.at, self.abilities.due(entry))

    async def _pass_over(self, conversation: str, cursor: StoredCursor | None, head: Head) -> bool:
        """Whether all that is left is to be passed over, and too little to store the cursor behind it."""
        if self.abilities.select is None and self.abilities.imported:
            return False
        if cursor is None or cursor.epoch != head.epoch or cursor.tries is not None or cursor.due is not None:
            return False
        if not 0 < head.seq - cursor.seq <= PASSED_OVER:
            return False
        known = self._handled.get(conversation)
        passed = known.seq if known is not None and known.epoch == cursor.epoch else 0
        page = await self.read(conversation, max(cursor.seq, passed))
        if page is None or page.head is None or page.head.epoch != cursor.epoch:
            return False
        if page.head.seq - cursor.seq > PASSED_OVER or await self.abilities.selected(conversation, page.entries):
            return False
        self.remember(conversation, StoredCursor(cursor.epoch, page.head.seq))
        return True

    async def read(self, conversation: str, after: int, limit: int = PAGE) -> LogPage | None:
        """A page; None: the conversation does not exist, or was deleted."""
        try:
            page = await self.history.read(conversation, after, limit)
        except ConversationDeleted:
            return None
        return None if page.head is None else page

    async def begin(self, conversation: str, head: Head) -> StoredCursor:
        """The cursor with which a log begins in which none is stored. It is found from the log's end."""
        before = head.seq
        while self.begins is not None and before > 0:
            after = max(0, before - PAGE)
            page = await self.read(conversation, after, before - after)
            if page is None or page.head is None or page.head.epoch != head.epoch:
                break
            for entry in reversed(page.entries):
                # An imported entry has the time of its first writing.
                if not entry.imported and entry.at < self.begins:
                    return StoredCursor(head.epoch, entry.seq)
            before = after
        return StoredCursor(head.epoch, 0)

    def failed(self, tries: Tries) -> None:
        """Count a failed try."""
        self.failures += 1
        self._on_failure()
        self.last_error = Failure(tries.last_at, tries.reason)

    async def bury(self, conversation: str, epoch: str, tries: Tries) -> bool:
        """Make the entry a dead letter; False: there are as many as are kept, so its conversation waits."""
        buried = await self.dead.add(conversation, epoch, tries)
        if buried:
            self.dead_count += 1
            log.error(
                "consumer %s gave up entry %d of %s after %d tries: %s; see umbral-chat consumers failed",
                *(self.name, tries.seq, conversation, tries.count, tries.reason),
            )
        elif not self.blocked:
            log.error(
                "consumer %s has %d dead letters, as many as are kept (core.consumers.dead_letters): "
                "conversations with further ones wait until some are retried or dropped",
                *(self.name, self.dead.limit),
            )
        self.blocked = not buried
        return buried

    async def forget_conversation(self, conversation: str) -> None:
        """Remove every record of a conversation that was deleted."""
        await self.dead.drop(conversation)
        await self.cursors.remove(conversation)
        self._handled.pop(conversation, None)

    async def count_dead(self) -> None:
        """Count the dead letters anew: others may have removed some."""
        self.dead_count = await self.dead.count()
        if self.dead_count < self.dead.limit:
            self.blocked = False

    def state(self) -> ConsumerState:
        """The state as this instance sees it."""
        since, now = self.queue.waiting_since, self.clock.now()
        lag = 0.0 if since is None else max(timedelta(0), now - since).total_seconds()
        return ConsumerState(
            name=self.name,
            lag=lag,
            queued=len(self.queue),
            failures=self.failures,
            last_error=self.last_error,
            dead=self.dead_count,
            blocked=self.blocked,
        )

    def status(self) -> StoredStatus:
        """The state to store."""
        return StoredStatus(
            at=self.clock.now(),
            oldest=self.queue.waiting_since,
            queued=len(self.queue),
            failures=self.failures,
            last_error=self.last_error,
            blocked=self.blocked,
        )


__all__ = ["BLOCKED_PAUSE", "PAGE", "Backlog"]
