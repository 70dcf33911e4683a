"""The scan: finds in the inbox what no wake-up reported: written by another instance, or while none ran."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from umbral_chat._core.consumers.conversation_queue import ConversationQueue
from umbral_chat._core.consumers.cursor_store import CursorStore
from umbral_chat.model.conversations import Head
from umbral_chat.providers.history import History

PAGE = 200
"""Conversations read at once."""

OVERLAP = timedelta(minutes=2)
"""How much of what was scanned is scanned again: the clocks of instances differ, and what was written first need not
be seen first."""

STORE_EVERY = timedelta(minutes=1)
"""How far the scan must have advanced for that to be stored: less, at the next start, would not be worth a write."""


class InboxScan:
    """Newest activity first, back to where the previous scan began. The first scan goes back to the stored time before
    which everything was handled, or through the whole inbox when none is stored.
    """

    def __init__(
        self,
        history: History,
        cursors: CursorStore,
        queue: ConversationQueue,
        *,
        handled: Callable[[str, Head], bool],
        wait_for_space: Callable[[], Awaitable[None]],
    ) -> None:
        self._history = history
        self._cursors = cursors
        self._queue = queue
        self._handled = handled
        self._wait_for_space = wait_for_space
        self._reached: datetime | None = None
        self._stored: datetime | None = None
        self._first = True

    async def run(self) -> None:
        """One scan. It waits while the queue is full. Raises HistoryUnavailable; then nothing counts as scanned."""
        if self._first:
            self._reached = self._stored = await self._cursors.scanned()
            self._first = False
        reached = await self._walk(None if self._reached is None else self._reached - OVERLAP)
        if reached is None:
            return
        self._reached = reached if self._reached is None else max(reached, self._reached)
        await self._store(self._queue.oldest or self._reached)

    async def _walk(self, floor: datetime | None) -> datetime | None:
        """Queue what may be unhandled, back to `floor`; the newest activity that was seen."""
        newest = before = None
        while True:
            page = await self._history.conversations(limit=PAGE, before=before)
            for conversation in page.conversations:
                if newest is None:
                    newest = conversation.last_activity
                if floor is not None and conversation.last_activity < floor:
                    return newest
                if conversation.head and not self._handled(
                    conversation.id, Head(conversation.epoch, conversation.head)
                ):
                    await self._wait_for_space()
                    self._queue.add_found(conversation.id, conversation.last_activity)
            before = page.before
            if before is None:
                return newest

    async def _store(self, scanned: datetime) -> None:
        if self._stored is None or scanned >= self._stored + STORE_EVERY:
            await self._cursors.store_scanned(scanned)
            self._stored = scanned


__all__ = ["OVERLAP", "InboxScan"]
