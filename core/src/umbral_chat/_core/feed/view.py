"""Views: the conversations that this instance follows, each with its merged log, and the bounded cache of them."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator

from umbral_chat._core.feed.merge import Merge
from umbral_chat._core.settings.sections import Cache
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.http_kit.asgi import Disconnect
from umbral_chat.model.cursor import Cursor

TRIES = 16
"""Views considered for eviction when one is added: where most have readers, a few stay past the bound until the sweep,
and an addition never scans them all."""


class View:
    """One conversation as this instance follows it.

    The merged log, the version of its signals, and the futures of readers that wait for either to change.
    """

    __slots__ = (
        "_waiters",
        "catch_up_task",
        "conversation",
        "in_flight_read",
        "interest",
        "last_activity",
        "last_used",
        "listeners",
        "merge",
        "readers",
        "since",
        "version",
    )

    def __init__(self, conversation: str, keep: int, now: float) -> None:
        self.conversation = conversation
        self.merge = Merge(keep)
        self.version = secrets.randbits(48)
        """Incremented with every change of a signal, from a random start: two instances' versions do not collide in an
        ETag."""
        self.readers = 0
        self.since = now
        """Monotonic time since which it is followed."""
        self.last_used = now
        self.interest = float("-inf")
        """Monotonic time at which presence was last asked about it on behalf of a reader."""
        self.last_activity: float | None = None
        """Monotonic time of the newest entry that arrived while it was followed; None: none did."""
        self.in_flight_read: asyncio.Task[HistoryUnavailable | None] | None = None
        """The read that brings the merge up to date now, shared by every reader that needs it."""
        self.catch_up_task: asyncio.Task[None] | None = None
        """Reads again until it is up to date, for as long as a reader waits."""
        self.listeners: tuple[Callable[[], None], ...] = ()
        """Called with every change, at once: by followers, which wait for nothing."""
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def in_use(self) -> bool:
        """Whether a reader waits on it, or a read is under way."""
        return self.readers > 0 or self.in_flight_read is not None

    @property
    def epoch(self) -> str | None:
        """The log's epoch; None: it was never made."""
        return self.merge.epoch

    @property
    def head(self) -> int:
        """Highest seq up to which every entry is known."""
        return self.merge.head

    @property
    def redaction(self) -> int:
        """Seq of the newest redaction."""
        return self.merge.redaction

    def has_news(self, cursor: Cursor, version: int | None) -> bool:
        """Whether a reader at `cursor` (with `version` of the signals) has something to fetch, a deletion included."""
        merge = self.merge
        if merge.gone:
            return True
        if version is not None and version != self.version:
            return True
        if cursor.epoch is None:
            return merge.head > 0
        return cursor.epoch != merge.epoch or merge.head != cursor.seq

    def wake(self) -> None:
        """Resume every waiting reader, so that it checks again, and call every listener."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            _resolve(waiter)
        for listener in self.listeners:
            listener()

    def touch_signals(self) -> None:
        """A signal changed: resume the readers."""
        self.version += 1
        self.wake()

    async def changed(self, timeout: float, disconnect: Disconnect | None = None) -> None:
        """Wait until something changed or the client disconnected, `timeout` seconds at most."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.add(waiter)
        # One future for all three, instead of `asyncio.timeout` and a task that waits for the client: this is most of
        # what a long poll costs.
        timer = loop.call_later(timeout, _resolve, waiter)
        if disconnect is not None:
            disconnect.waiter = waiter
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.discard(waiter)
            if disconnect is not None:
                disconnect.waiter = None


class ViewCache:
    """Views by conversation, least recently used first. A view that is in use is never evicted."""

    def __init__(self, bounds: Cache, *, added: Callable[[str], None], removed: Callable[[str], None]) -> None:
        self.bounds = bounds
        self._views: OrderedDict[str, View] = OrderedDict()
        self._added = added
        self._removed = removed

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[View]:
        return iter(list(self._views.values()))

    def get(self, conversation: str) -> View | None:
        """The view, if it is cached."""
        return self._views.get(conversation)

    def take(self, conversation: str, now: float) -> View:
        """The view, made if it is not cached, as the most recently used one."""
        view = self._views.get(conversation)
        if view is None:
            view = self._views[conversation] = View(conversation, self.bounds.entries, now)
            self._added(conversation)
            self._make_room(TRIES, taken=view)
        else:
            self.use(view, now)
        return view

    def use(self, view: View, now: float) -> None:
        """Mark it as used now."""
        view.last_used = now
        # It may have been evicted, and another made in its place, while a read of it was still under way.
        if self._views.get(view.conversation) is view:
            self._views.move_to_end(view.conversation)

    def sweep(self, now: float) -> None:
        """Evict views without readers that were not used within the time to live."""
        for view in self:
            if view.last_used + self.bounds.ttl <= now and not view.in_use:
                self._evict(view)
        self._make_room(len(self))

    def _make_room(self, tries: int, *, taken: View | None = None) -> None:
        # Views in use stay even past the bound: the limit of readers bounds them.
        for _ in range(tries):
            if len(self._views) <= self.bounds.conversations:
                return
            view = next(iter(self._views.values()))
            if view.in_use or view is taken:
                self._views.move_to_end(view.conversation)
            else:
                self._evict(view)

    def _evict(self, view: View) -> None:
        del self._views[view.conversation]
        self._removed(view.conversation)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


__all__ = ["TRIES", "View", "ViewCache"]
