"""Feeds: what every edge reads from. The I/O around the merge: views, reads, waits and their bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from umbral_chat._core.feed.catch_up import CatchUp, PageListener, Reads
from umbral_chat._core.feed.follower import Follower, ReaderPermit
from umbral_chat._core.feed.reader import NOTHING, Batch, Reader, ReaderCounter, ReaderRegistration, counted
from umbral_chat._core.feed.view import View, ViewCache
from umbral_chat._core.history.health import HistoryHealth
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat._core.settings.sections import Cache
from umbral_chat.clock import Clock
from umbral_chat.errors import ConversationDeleted, CursorExpired, HistoryUnavailable
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.history import History

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry

TRIES = 4
"""Times that a read begins anew because the log was deleted, made anew or redacted while it ran."""


class Subscriptions(Protocol):
    """Is notified of which conversations are followed here."""

    def watch(self, conversation: str) -> None:
        """Follow it from now on. Must not raise."""
        ...

    def unwatch(self, conversation: str) -> None:
        """Stop following it. Must not raise."""
        ...


class Feeds:
    """Contiguous, exactly-once, in-order reading from a cursor, over hints and the history.

    A reader is a cursor and holds no queue: a slow one falls behind what is kept in memory and reads the log
    from where it stands. Entries that come in order cost no read; a gap costs one, shared by all who wait for it.
    """

    def __init__(
        self,
        history: History,
        *,
        health: HistoryHealth,
        subscriptions: Subscriptions,
        lifecycle: Lifecycle,
        telemetry: Telemetry,
        clock: Clock,
        readers_limit: int,
        own_readers_limit: int | None = None,
        cache: Cache | None = None,
    ) -> None:
        self._clock = clock
        self._lifecycle = lifecycle
        self._reads = Reads(history, telemetry)
        self._views = ViewCache(cache or Cache(), added=subscriptions.watch, removed=subscriptions.unwatch)
        self.readers = ReaderCounter(readers_limit, readers_limit if own_readers_limit is None else own_readers_limit)
        self._catch_up = CatchUp(self._reads, telemetry, clock, self._on_page)
        self.on_read: PageListener | None = None
        """Called with every page that brings a view up to date, before its readers resume."""
        self.health = health
        hits = telemetry.counter("umbral_chat.cache.reads")
        self._hit, self._miss = hits.labels("hit"), hits.labels("miss")
        telemetry.gauge("umbral_chat.readers", lambda: [((), self.readers.count)])
        telemetry.gauge("umbral_chat.watched", lambda: [((), len(self._views))])
        lifecycle.on_drain(self._wake_all)

    # hints

    def hint_entries(self, conversation: str, epoch: str, entries: list[EncodedEntry]) -> bool:
        """Entries were appended, here or elsewhere; whether that is news to readers. Never waits; costs nothing for a
        conversation that is not followed."""
        view = self._views.get(conversation)
        if view is None:
            return False
        news = False
        for entry in entries:
            news = view.merge.hint_entry(epoch, entry) or news
        self._after_hint(view, news=news)
        return news

    def hint_head(self, conversation: str, head: Head | Deleted) -> None:
        """The log stands there, as a transport or a read reports."""
        view = self._views.get(conversation)
        if view is not None:
            view.merge.hint_head(head)
            self._after_hint(view, news=False)

    def touch_signals(self, conversation: str) -> None:
        """A signal of this conversation changed."""
        view = self._views.get(conversation)
        if view is not None:
            view.touch_signals()

    def touch_all_signals(self) -> None:
        """Something changed that every answer contains, such as the mode of delivery."""
        for view in self._views:
            view.touch_signals()

    # reads

    def peek(self, conversation: str) -> View | None:
        """The view, if it is current as far as this instance can tell: no wait, no read."""
        view = self._views.get(conversation)
        if view is None or self.health.since is not None or not view.merge.settled or view.merge.gone:
            return None
        self._views.use(view, self._clock.monotonic())
        return view

    async def read(self, conversation: str, cursor: Cursor, limit: int) -> Batch:
        """What follows `cursor`, at most `limit` entries. Does not wait for new ones.

        Raises CursorExpired, ConversationDeleted, and HistoryUnavailable when the history does not answer and memory
        does not reach back to the cursor.
        """
        view = self._views.take(conversation, self._clock.monotonic())
        merge = view.merge
        if merge.settled and self.health.since is None and not merge.gone and not _strange(view, cursor):
            # The common case, a shortcut of `_read`: nothing to read, and memory reaches back far enough.
            entries = merge.since(cursor.seq, limit)
            if entries is not None and merge.epoch is not None:
                self._hit.value += 1
                return self._batch(view, cursor, entries)
        try:
            return await self._read(view, cursor, limit)
        except HistoryUnavailable:
            if (batch := self._remembered(view, cursor, limit)) is None:
                raise
            return batch

    async def epoch(self, conversation: str) -> str | None:
        """The log's epoch; None when it was never made. The conversation is followed from now on as for a reader, so
        that frequent calls are mostly answered from memory.

        Raises ConversationDeleted, and HistoryUnavailable when the history does not answer and nothing is known.
        """
        view = self._views.take(conversation, self._clock.monotonic())
        merge = view.merge
        known = merge.settled
        try:
            await self._catch_up.catch_up(view, Cursor(merge.epoch, merge.head), 1)
            if known and merge.gone:
                # Another instance may have made it anew.
                merge.mark_stale()
                await self._catch_up.catch_up(view, Cursor(), 1)
        except HistoryUnavailable:
            if not merge.loaded or merge.hidden:
                raise
        if merge.gone:
            raise ConversationDeleted(conversation)
        return merge.epoch

    def known_epoch(self, conversation: str) -> str | None:
        """The log's epoch as memory has it: no wait, no read. None: not known, never made, or deleted."""
        view = self._views.get(conversation)
        return None if view is None or not view.merge.loaded or view.merge.gone else view.merge.epoch

    def reading(self, conversation: str, caller: Principal | None = None) -> AbstractAsyncContextManager[Reader]:
        """Follow a conversation: a Reader to wait with, on behalf of `caller` (None: of the service itself).

        To be entered raises Unavailable (`too_many_readers`) past the instance's limit, of which visitors and users
        leave a tenth to service keys, and TooManyRequests (`too_many_own_readers`) past the limit of one visitor or
        user.
        """
        return ReaderRegistration(conversation, counted(caller), self._enter, self._leave)

    def permit(self, caller: Principal | None) -> ReaderPermit:
        """A permit to read for `caller` (None: the service itself). Raises what `reading` raises."""
        return ReaderPermit(self.readers, counted(caller))

    def follow(self, conversation: str, on_change: Callable[[], None]) -> Follower:
        """Follow a conversation until the `close` of what is returned: see `FeedService.follow`."""
        view = self._views.take(conversation, self._clock.monotonic())
        follower = Follower(view, self.health, on_change, self._use)
        self._catch_up.in_background(view)
        return follower

    def _use(self, view: View) -> None:
        self._views.use(view, self._clock.monotonic())

    def _enter(self, conversation: str, author: str | None) -> Reader:
        self.readers.add(author)
        view = self._views.take(conversation, self._clock.monotonic())
        view.readers += 1
        return Reader(view, self._lifecycle, self._catch_up.in_background)

    def _leave(self, reader: Reader, author: str | None) -> None:
        reader.view.readers -= 1
        self.readers.remove(author)
        self._use(reader.view)

    @property
    def waited_on(self) -> list[str]:
        """The conversations with a waiting reader."""
        return [view.conversation for view in self._views if view.readers]

    # background

    async def run(self) -> None:
        """Evict unused views, until cancelled."""
        while True:
            await self._clock.sleep(min(self._views.bounds.ttl / 4, 15.0))
            self._views.sweep(self._clock.monotonic())

    async def close(self) -> None:
        """End every task of its own."""
        await self._catch_up.close()
        await self._reads.close()

    def _on_page(self, conversation: str, entries: Sequence[EncodedEntry], known: int | None) -> None:
        if self.on_read is not None:
            self.on_read(conversation, entries, known)

    def _wake_all(self) -> None:
        for view in self._views:
            view.wake()

    def _after_hint(self, view: View, *, news: bool) -> None:
        if news:
            view.last_activity = self._clock.monotonic()
            view.wake()
        self._catch_up.in_background(view)

    async def _read(self, view: View, cursor: Cursor, limit: int) -> Batch:
        for _ in range(TRIES):
            if self.health.since is not None:
                view.merge.mark_stale()
            from_memory = view.merge.settled
            await self._catch_up.catch_up(view, cursor, limit)
            if _strange(view, cursor) or (from_memory and view.merge.gone):
                # Another instance may have got further, or made the log anew: read before the cursor is called wrong,
                # or a reader is sent away for good.
                view.merge.mark_stale()
                await self._catch_up.catch_up(view, cursor, limit)
            if (batch := await self._serve(view, cursor, limit)) is not None:
                return batch
        raise HistoryUnavailable(f"The log of {view.conversation!r} changes faster than it can be read.")

    async def _serve(self, view: View, cursor: Cursor, limit: int) -> Batch | None:
        """What there is after `cursor`; None when the log became another while it was read."""
        merge = view.merge
        if merge.gone:
            raise ConversationDeleted(view.conversation)
        if _strange(view, cursor):
            raise CursorExpired
        if merge.epoch is None:
            return NOTHING
        entries = merge.since(cursor.seq, limit)
        if entries is not None:
            self._hit.value += 1
            return self._batch(view, cursor, entries)
        self._miss.value += 1
        page = await self._reads.shared(view.conversation, cursor.seq, limit)
        if page.gone or page.head is None or page.head.epoch != merge.epoch or merge.hidden:
            merge.mark_stale()
            return None
        if page.head.redaction < merge.redaction:
            return None  # of a moment before the redaction, and may show what it blanked
        merge.keep_older(page.head, page.entries)
        if page.head.seq > merge.head:
            self.hint_head(view.conversation, page.head)
        return self._batch(view, cursor, list(page.entries), head=page.head.seq)

    def _remembered(self, view: View, cursor: Cursor, limit: int) -> Batch | None:
        merge = view.merge
        known = merge.loaded and not merge.gone and merge.epoch is not None and not _strange(view, cursor)
        entries = merge.since(cursor.seq, limit) if known else None
        return None if entries is None else self._batch(view, cursor, entries, stale=True)

    def _batch(
        self, view: View, cursor: Cursor, entries: list[EncodedEntry], *, head: int = 0, stale: bool = False
    ) -> Batch:
        merge = view.merge
        return Batch(
            epoch=merge.epoch,
            entries=entries,
            cursor=Cursor(merge.epoch, entries[-1].seq if entries else cursor.seq),
            head=max(merge.head, head),
            redaction=merge.redaction,
            stale_since=(self.health.since or self._clock.now()) if stale else None,
        )


def _strange(view: View, cursor: Cursor) -> bool:
    """Whether `cursor` is of another log than the one that is known, or past its head."""
    merge = view.merge
    return not merge.gone and cursor.epoch is not None and (cursor.epoch != merge.epoch or cursor.seq > merge.head)


__all__ = ["Feeds"]
