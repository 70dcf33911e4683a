"""Reads of the log: those that bring a view up to date, and pages of older entries, each shared by its readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from umbral_chat._core.feed.view import View
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted, HistoryUnavailable
from umbral_chat.model.conversations import Head
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.providers.history import History
from umbral_chat.transport_kit.backoff import Backoff

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry

FIRST_PAGE = 100
"""Entries that a view's first read asks for when its reader did not say how many."""

CONCURRENCY = 32
"""Views that are read at once in the background. When a history answers again, thousands need a read: not all
together."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the log. `gone`: the conversation is deleted."""

    head: Head | None
    entries: Sequence[EncodedEntry]
    gone: bool = False


class Reads:
    """Reads of the log. Those for the same page share one query while it runs.

    A shared read may have begun before a reader joins it, so its page may be of an earlier moment than the question:
    contiguous and true, but not the newest. `fresh` answers with a moment after the call.
    """

    def __init__(self, history: History, telemetry: Telemetry) -> None:
        self._history = history
        self._running: dict[tuple[str, int, int], asyncio.Task[Page]] = {}
        self._count = telemetry.counter("umbral_chat.history.reads")

    async def fresh(self, conversation: str, after: int, limit: int, *, reason: str) -> Page:
        """A page after `after`, of a moment after this call. Raises HistoryUnavailable."""
        self._count.labels(reason).value += 1
        return await self._read(conversation, after, limit)

    async def shared(self, conversation: str, after: int, limit: int) -> Page:
        """A page after `after`, by the read that runs already where there is one. Raises HistoryUnavailable."""
        key = (conversation, after, limit)
        task = self._running.get(key)
        if task is None:
            self._count.labels("page").value += 1
            task = asyncio.create_task(self._read(conversation, after, limit), name=f"read {conversation}")
            self._running[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        # Shielded: a reader that leaves must not cancel the query of the others.
        return await asyncio.shield(task)

    async def _read(self, conversation: str, after: int, limit: int) -> Page:
        try:
            page = await self._history.read(conversation, after, limit)
        except ConversationDeleted:
            return Page(None, (), gone=True)
        return Page(page.head, [EncodedEntry.of(entry) for entry in page.entries])

    def _done(self, key: tuple[str, int, int], task: asyncio.Task[Page]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # retrieved here: a page that no reader waits for any more must not be logged as lost

    async def close(self) -> None:
        """Cancel what runs."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


PageListener = Callable[[str, Sequence[EncodedEntry], int | None], None]
"""Called with each page: its conversation, its entries, and the seq up to which the log was known (None: not at
all)."""


class CatchUp:
    """Brings views up to date. One read at a time a view, shared by every reader that needs it."""

    def __init__(self, reads: Reads, telemetry: Telemetry, clock: Clock, on_page: PageListener) -> None:
        self._on_page = on_page
        self._reads = reads
        self._clock = clock
        self._tasks = Tasks("feeds")
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._gaps = telemetry.counter("umbral_chat.gaps.filled").labels()

    def in_background(self, view: View) -> None:
        """Bring it up to date for readers that wait, which do not read by themselves; a plain poll reads when it
        arrives."""
        if view.readers and view.catch_up_task is None and not view.merge.settled:
            view.catch_up_task = self._tasks.start(self._until_settled(view), name=f"catch up {view.conversation}")

    async def catch_up(self, view: View, cursor: Cursor, limit: int) -> None:
        """Return when what the merge knows is of a moment after this call, as far as hints reported it. Raises
        HistoryUnavailable.

        `cursor` and `limit` are the reader's: the first read of a view is for the page that it asked for.
        """
        # The read that runs may have begun before this call; the one after it did not. More are not waited for: in a
        # log that is always written to there would be no end of it.
        for _ in range(2):
            if view.merge.settled:
                return
            if view.in_flight_read is None:
                reading = self._read_missing(view, cursor, limit)
                view.in_flight_read = self._tasks.start(reading, name=f"read {view.conversation}")
            failure = await asyncio.shield(view.in_flight_read)
            if failure is not None:
                raise HistoryUnavailable(str(failure)) from failure

    async def close(self) -> None:
        """End every task."""
        await self._tasks.close()

    async def _until_settled(self, view: View) -> None:
        backoff = Backoff(initial=0.1, maximum=5.0)
        try:
            while view.readers and not view.merge.settled:
                try:
                    async with self._slots:
                        await self.catch_up(view, Cursor(view.epoch, view.head), FIRST_PAGE)
                except Exception:  # noqa: BLE001 - reported by the history's health, or as the end of the read's task
                    await self._clock.sleep(backoff.next())
        finally:
            view.catch_up_task = None

    async def _read_missing(self, view: View, cursor: Cursor, limit: int) -> HistoryUnavailable | None:
        merge, gap, first = view.merge, view.merge.gap, not view.merge.loaded
        after, size = merge.begin_read(), max(limit, merge.entries.maxlen or 0)
        if first:
            after, size = cursor.seq, limit
        try:
            page = await self._reads.fresh(view.conversation, after, size, reason="load" if first else "gap")
        except BaseException as error:
            merge.read_failed()
            if isinstance(error, Exception):
                # Readers that wait depend on what this read was to find.
                self.in_background(view)
            if isinstance(error, HistoryUnavailable):
                return error  # returned: as the outcome of a task it would be logged once a view
            raise
        finally:
            view.in_flight_read = None
        self._apply(view, after, page)
        if gap:
            self._gaps.value += 1
        return None

    def _apply(self, view: View, after: int, page: Page) -> None:
        known, hidden = view.merge.loaded, view.merge.hidden
        self._on_page(view.conversation, page.entries, view.merge.head if known else None)
        changed = view.merge.apply_deletion() if page.gone else view.merge.apply_page(after, page.head, page.entries)
        if changed:
            if known:
                view.last_activity = self._clock.monotonic()
            view.wake()
        elif hidden:
            # What a hint contradicted is as it was: who was refused it from memory gets it now.
            view.wake()


__all__ = ["CONCURRENCY", "FIRST_PAGE", "CatchUp", "Page", "PageListener", "Reads"]
