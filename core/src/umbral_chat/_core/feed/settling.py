"""Settling: the reads that bring a view's merge up to what the log says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from umbral_chat._core.feed.reads import Page, Reads
from umbral_chat._core.feed.view import View
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.transport_kit.backoff import Backoff

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry

FIRST_PAGE = 100
"""Entries that a view's first read asks for when its reader did not say how many."""

AT_ONCE = 32
"""Views settled at once for those who wait. When a history comes back, thousands need a read: not all together."""


Learnt = Callable[[str, Sequence[EncodedEntry], int | None], None]
"""Told of each page: its conversation, its lines, and up to where the log was known (None: not at all)."""


class Settling:
    """One read at a time a view; everybody who needs it waits for the one."""

    def __init__(self, reads: Reads, telemetry: Telemetry, clock: Clock, learnt: Learnt) -> None:
        self._learnt = learnt
        self._reads = reads
        self._clock = clock
        self._tasks = Tasks("feeds")
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._gaps = telemetry.counter("umbral_chat.gaps.filled").labels()

    def in_background(self, view: View) -> None:
        """Settle it for those who wait, who do not ask themselves; whoever only polls settles it when it comes."""
        if view.readers and view.settler is None and not view.merge.settled:
            view.settler = self._tasks.start(self._until_settled(view), name=f"settle {view.conversation}")

    async def settle(self, view: View, cursor: Cursor, limit: int) -> None:
        """Return when what the merge knows is of a moment after this call, as far as anybody told. Raises
        HistoryUnavailable.

        `cursor` and `limit` are the reader's: the first read of a view brings what it came for.
        """
        # The read that runs may have begun before this call; the one after it did not. More are not waited for: in a
        # log that is always in motion there would be no end of it.
        for _ in range(2):
            if view.merge.settled:
                return
            if view.pump is None:
                view.pump = self._tasks.start(self._pump(view, cursor, limit), name=f"pump {view.conversation}")
            failure = await asyncio.shield(view.pump)
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
                    async with self._turns:
                        await self.settle(view, Cursor(view.epoch, view.head), FIRST_PAGE)
                except Exception:  # noqa: BLE001 - told by the history's health, or as the end of the pump's task
                    await self._clock.sleep(backoff.next())
        finally:
            view.settler = None

    async def _pump(self, view: View, cursor: Cursor, limit: int) -> HistoryUnavailable | None:
        merge, gap, first = view.merge, view.merge.gap, not view.merge.loaded
        after, size = merge.asked(), max(limit, merge.lines.maxlen or 0)
        if first:
            after, size = cursor.seq, limit
        try:
            page = await self._reads.fresh(view.conversation, after, size, reason="load" if first else "gap")
        except BaseException as error:
            merge.unanswered()
            if isinstance(error, Exception):
                # Those who wait rely on what this read was to tell.
                self.in_background(view)
            if isinstance(error, HistoryUnavailable):
                return error  # handed on: as the outcome of a task it would be logged once a view
            raise
        finally:
            view.pump = None
        self._learn(view, after, page)
        if gap:
            self._gaps.value += 1
        return None

    def _learn(self, view: View, after: int, page: Page) -> None:
        known = view.merge.loaded
        self._learnt(view.conversation, page.lines, view.merge.head if known else None)
        changed = view.merge.learn_gone() if page.gone else view.merge.learn(after, page.head, page.lines)
        if changed:
            if known:
                view.last_activity = self._clock.monotonic()
            view.wake()


__all__ = ["AT_ONCE", "FIRST_PAGE", "Learnt", "Settling"]
