"""Feeds: what every edge reads from. The shell around the merge: views, reads, waits and their bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted, CursorExpired, HistoryUnavailable, Unavailable
from umbral_chat.feed.batch import NOTHING, Batch
from umbral_chat.feed.health import HistoryHealth
from umbral_chat.feed.line import Line
from umbral_chat.feed.reader import Reader
from umbral_chat.feed.reads import Page, Reads
from umbral_chat.feed.shelf import Shelf
from umbral_chat.feed.view import View
from umbral_chat.interest import Interest
from umbral_chat.lifecycle import Lifecycle
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.cursor import Cursor
from umbral_chat.providers.history import History
from umbral_chat.retry import Backoff
from umbral_chat.settings.sections import Cache
from umbral_chat.tasks import Tasks
from umbral_chat.telemetry import Telemetry

log = logging.getLogger(__name__)

FIRST_PAGE = 100
"""Entries that a view's first read asks for when its reader did not say how many."""


class Feeds:
    """Contiguous, exactly-once, in-order reading from a cursor, over hints and the history.

    A reader is a cursor and holds no queue: whoever is slow falls behind what is kept in memory and reads the log
    from where it stands. Entries that come in order cost no read; a gap costs one, shared by all who wait for it.
    """

    def __init__(
        self,
        history: History,
        *,
        health: HistoryHealth,
        interest: Interest,
        lifecycle: Lifecycle,
        telemetry: Telemetry,
        clock: Clock,
        readers_limit: int,
        cache: Cache | None = None,
    ) -> None:
        self._clock = clock
        self._lifecycle = lifecycle
        self._reads = Reads(history, telemetry)
        self._shelf = Shelf(cache or Cache(), added=interest.watch, removed=interest.unwatch)
        self._readers = 0
        self._readers_limit = readers_limit
        self._tasks = Tasks("feeds")
        self.health = health
        hits = telemetry.counter("umbral_chat.cache.reads")
        self._hit, self._miss = hits.labels("hit"), hits.labels("miss")
        self._gaps = telemetry.counter("umbral_chat.gaps.filled").labels()
        telemetry.gauge("umbral_chat.readers", lambda: [((), self._readers)])
        telemetry.gauge("umbral_chat.watched", lambda: [((), len(self._shelf))])
        lifecycle.on_drain(self._wake_all)

    @property
    def cache(self) -> Cache:
        """Bounds of what is kept in memory. The polling plugin sets them from its settings."""
        return self._shelf.bounds

    @cache.setter
    def cache(self, bounds: Cache) -> None:
        self._shelf.bounds = bounds

    # what comes in

    def hint_entries(self, conversation: str, epoch: str, lines: list[Line]) -> None:
        """Entries were appended, here or elsewhere. Never waits; costs nothing when nobody follows."""
        view = self._shelf.get(conversation)
        if view is None:
            return
        news = False
        for line in lines:
            news = view.merge.hint_entry(epoch, line) or news
        self._after_hint(view, news=news)

    def hint_head(self, conversation: str, head: Head | Deleted) -> None:
        """The log stands there, as somebody says."""
        view = self._shelf.get(conversation)
        if view is not None:
            view.merge.hint_head(head)
            self._after_hint(view, news=False)

    def touch_signals(self, conversation: str) -> None:
        """A signal of this conversation changed."""
        view = self._shelf.get(conversation)
        if view is not None:
            view.touch_signals()

    def touch_all_signals(self) -> None:
        """Something that every reader is told changed, as the mode of delivery."""
        for view in self._shelf:
            view.touch_signals()

    # what goes out

    def peek(self, conversation: str) -> View | None:
        """The view, when what it knows is the truth as far as this instance can tell: no wait, no read."""
        view = self._shelf.get(conversation)
        if view is None or self.health.since is not None or not view.merge.settled:
            return None
        view.last_used = self._clock.monotonic()
        return view

    async def read(self, conversation: str, cursor: Cursor, limit: int) -> Batch:
        """What follows `cursor`, at most `limit` entries. Does not wait for new ones.

        Raises CursorExpired, ConversationDeleted, and HistoryUnavailable when the history does not answer and memory
        does not reach back to the cursor.
        """
        view = self._shelf.take(conversation, self._clock.monotonic())
        try:
            if self.health.since is not None:
                view.merge.doubtful = True
            if not view.merge.settled:
                await self._settle(view, cursor, limit)
            if self._strange(view, cursor):
                # Another instance may have got further, or made the log anew: ask before saying that it is wrong.
                view.merge.doubtful = True
                await self._settle(view, cursor, limit)
            return await self._serve(view, cursor, limit)
        except HistoryUnavailable:
            return self._serve_stale(view, cursor, limit)

    @asynccontextmanager
    async def reading(self, conversation: str) -> AsyncIterator[Reader]:
        """Follow a conversation: a Reader to wait with. Raises Unavailable (`too_many_readers`) past the limit."""
        if self._readers >= self._readers_limit:
            raise Unavailable(
                f"This instance holds {self._readers_limit} readers already (core.limits.readers).",
                code="too_many_readers",
                retry_after=5,
            )
        view = self._shelf.take(conversation, self._clock.monotonic())
        self._readers += 1
        view.readers += 1
        try:
            yield Reader(view, self._lifecycle, self._settle_for_readers)
        finally:
            view.readers -= 1
            self._readers -= 1
            view.last_used = self._clock.monotonic()

    # the shell

    async def run(self) -> None:
        """Let go of what nobody reads any more, until cancelled."""
        while True:
            await self._clock.sleep(min(self.cache.ttl / 4, 15.0))
            self._shelf.sweep(self._clock.monotonic())

    async def close(self) -> None:
        """End every task of its own."""
        await self._tasks.close()
        await self._reads.close()

    def _wake_all(self) -> None:
        for view in self._shelf:
            view.wake()

    def _after_hint(self, view: View, *, news: bool) -> None:
        if news:
            view.last_activity = self._clock.monotonic()
            view.wake()
        self._settle_for_readers(view)

    def _settle_for_readers(self, view: View) -> None:
        # Whoever only polls settles it when it comes; for those who wait it is done in the background.
        if view.readers and view.settler is None and not view.merge.settled:
            view.settler = self._tasks.start(self._settle_until_done(view), name=f"settle {view.conversation}")

    async def _settle_until_done(self, view: View) -> None:
        backoff = Backoff(initial=0.1, maximum=2.0)
        try:
            while view.readers and not view.merge.settled:
                try:
                    await self._settle(view, Cursor(view.epoch, view.head), FIRST_PAGE)
                except HistoryUnavailable:
                    await self._clock.sleep(backoff.next())
        finally:
            view.settler = None

    async def _settle(self, view: View, cursor: Cursor, limit: int) -> None:
        while not view.merge.settled:
            if view.pump is None:
                view.pump = self._tasks.start(self._pump(view, cursor, limit), name=f"pump {view.conversation}")
            await asyncio.shield(view.pump)

    async def _pump(self, view: View, cursor: Cursor, limit: int) -> None:
        merge = view.merge
        try:
            while not merge.settled:
                first = not merge.loaded
                gap = merge.gap
                after, size = merge.asked(), max(limit, merge.lines.maxlen or 0)
                if first:
                    after, size = cursor.seq, limit
                try:
                    page = await self._reads.page(view.conversation, after, size, reason="load" if first else "gap")
                except BaseException:
                    merge.unanswered()
                    raise
                self._learn(view, after, page)
                if gap:
                    self._gaps.value += 1
        finally:
            view.pump = None

    def _learn(self, view: View, after: int, page: Page) -> None:
        known = view.merge.loaded
        changed = view.merge.learn_gone() if page.gone else view.merge.learn(after, page.head, page.lines)
        if changed:
            if known:
                view.last_activity = self._clock.monotonic()
            view.wake()

    @staticmethod
    def _strange(view: View, cursor: Cursor) -> bool:
        merge = view.merge
        return not merge.gone and cursor.epoch is not None and (cursor.epoch != merge.epoch or cursor.seq > merge.head)

    async def _serve(self, view: View, cursor: Cursor, limit: int) -> Batch:
        merge = view.merge
        if merge.gone:
            raise ConversationDeleted(view.conversation)
        if self._strange(view, cursor):
            raise CursorExpired
        if merge.epoch is None:
            return NOTHING
        lines = merge.since(cursor.seq, limit)
        if lines is not None:
            self._hit.value += 1
            return self._batch(view, cursor, lines)
        self._miss.value += 1
        page = await self._reads.page(view.conversation, cursor.seq, limit, reason="page")
        if page.gone or page.head is None or page.head.epoch != merge.epoch:
            # Deleted or made anew while it was read: what is known is settled first, then the cursor is judged.
            merge.doubtful = True
            await self._settle(view, cursor, limit)
            if merge.gone:
                raise ConversationDeleted(view.conversation)
            raise CursorExpired
        return self._batch(view, cursor, list(page.lines))

    def _serve_stale(self, view: View, cursor: Cursor, limit: int) -> Batch:
        merge = view.merge
        known = merge.loaded and not merge.gone and merge.epoch is not None and not self._strange(view, cursor)
        lines = merge.since(cursor.seq, limit) if known else None
        if lines is None:
            raise HistoryUnavailable(f"The history does not answer: {self.health.reason}")
        return self._batch(view, cursor, lines, stale=True)

    def _batch(self, view: View, cursor: Cursor, lines: list[Line], *, stale: bool = False) -> Batch:
        merge = view.merge
        return Batch(
            epoch=merge.epoch,
            lines=lines,
            cursor=Cursor(merge.epoch, lines[-1].seq if lines else cursor.seq),
            head=max(merge.head, lines[-1].seq if lines else 0),
            redaction=merge.redaction,
            stale_since=(self.health.since or self._clock.now()) if stale else None,
        )


__all__ = ["Feeds"]
