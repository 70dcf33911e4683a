"""A course through one log: entries in order from the stored place, each handled before the place goes past it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Literal

from umbral_chat._core.consumers.cursor_store import Place, Places
from umbral_chat._core.consumers.lease import LeaseLost, hold
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
"""Seconds of handling after which the place is stored within a page: what a crash repeats is bounded by it."""

STORE_TIMEOUT = 2.0
"""Seconds to store the place when the service ends; what is not stored is handled again."""

LEASE = 30.0
"""Seconds that a conversation stays with an instance that died."""

REMEMBERED = 10_000
"""Conversations of which is remembered that they are handled, which saves the next scan from asking the store."""

Outcome = Literal["done", "more", "held"]


class EntryFailed(Exception):
    """The consumer did not take an entry. `progress`: it took others before, in the same course."""

    def __init__(self, conversation: str, seq: int, *, progress: bool) -> None:
        super().__init__(f"entry {seq} of {conversation!r} was not taken")
        self.progress = progress


class Courses:
    """One consumer's way through every log. `run` goes as far as there is anything; one call a conversation at once."""

    def __init__(self, consumer: Consumer, history: History, store: SharedStore, clock: Clock, *, holder: str) -> None:
        self._consumer = consumer
        self._history = history
        self._store = store
        self._clock = clock
        self._holder = holder
        self.places = Places(store, consumer.name)
        self._takes_imported = isinstance(consumer, TakesImported) and consumer.imported
        self._handled: OrderedDict[str, Place] = OrderedDict()

    def handled(self, conversation: str, head: Head) -> bool:
        """Whether it is known here that everything up to `head` is handled."""
        place = self._handled.get(conversation)
        return place is not None and place.epoch == head.epoch and place.seq >= head.seq

    async def run(self, conversation: str) -> Outcome:
        """Handle what there is. Raises EntryFailed, HistoryUnavailable, and what a faulty store raises."""
        if not await self._anything(conversation):
            return "done"
        try:
            outcome = await hold(
                self._store,
                self.places.lease_name(conversation),
                self._holder,
                LEASE,
                lambda lease: _Course(self, conversation, lease).run(),
            )
        except LeaseLost:
            return "held"
        return outcome or "held"

    async def _anything(self, conversation: str) -> bool:
        # Most of what a scan finds was handled by another instance: known without a lease, which would be two writes.
        place, version = await self.places.load(conversation)
        head = (await self._history.heads([conversation])).get(conversation)
        if not isinstance(head, Head):
            self._handled.pop(conversation, None)
            return version > 0
        if head.seq == 0 or (place is not None and place.epoch == head.epoch and place.seq == head.seq):
            self.remember(conversation, place or Place(head.epoch, 0))
            return False
        return True

    def remember(self, conversation: str, place: Place) -> None:
        self._handled[conversation] = place
        self._handled.move_to_end(conversation)
        if len(self._handled) > REMEMBERED:
            self._handled.popitem(last=False)

    async def read(self, conversation: str, after: int) -> LogPage | None:
        """A page; None: there is no such conversation (any more)."""
        try:
            page = await self._history.read(conversation, after, PAGE)
        except ConversationDeleted:
            return None
        return None if page.head is None else page

    async def give(self, conversation: str, epoch: str, entry: Entry) -> None:
        """Have the consumer handle an entry, unless it does not take such."""
        if not entry.imported or self._takes_imported:
            await self._consumer.handle(conversation, epoch, entry)

    def monotonic(self) -> float:
        return self._clock.monotonic()


class _Course:
    """One run through one log under one lease."""

    def __init__(self, courses: Courses, conversation: str, lease: Lease) -> None:
        self._courses = courses
        self._conversation = conversation
        self._lease = lease
        self._place: Place | None = None
        self._version = 0
        self._dirty = False
        self._stored_at = courses.monotonic()

    async def run(self) -> Outcome:
        self._place, self._version = await self._courses.places.load(self._conversation)
        try:
            for _ in range(PAGES_IN_A_ROW):
                after = 0 if self._place is None else self._place.seq
                page = await self._courses.read(self._conversation, after)
                if page is None or page.head is None:
                    await self._courses.places.remove(self._conversation)
                    return "done"
                if await self._handle(page, page.head):
                    return "done"
        except asyncio.CancelledError:
            await self._store_in_time()
            raise
        return "more"

    async def _handle(self, page: LogPage, head: Head) -> bool:
        """Handle a page. Whether that was the log's end."""
        if self._place is None or self._place.epoch != head.epoch:
            before, self._place = self._place, Place(head.epoch, 0)
            if before is not None and before.seq:
                return False  # the page was read at a place of another log
        elif head.seq < self._place.seq:
            # The same log, but shorter: a copy from before was put in its place. What is to come is not yet handled.
            self._place, self._dirty = Place(head.epoch, head.seq), True
        began = self._place.seq
        try:
            for entry in page.entries:
                try:
                    await self._courses.give(self._conversation, head.epoch, entry)
                except (Exception, asyncio.CancelledError) as error:
                    if isinstance(error, asyncio.CancelledError) and being_cancelled():
                        raise
                    progress = self._place.seq > began
                    raise EntryFailed(self._conversation, entry.seq, progress=progress) from error
                self._place, self._dirty = Place(head.epoch, entry.seq), True
                if self._courses.monotonic() - self._stored_at >= STORE_EVERY:
                    await self._store()
        except EntryFailed:
            await self._store()
            raise
        await self._store()
        if self._place.seq < head.seq:
            return False
        self._courses.remember(self._conversation, self._place)
        return True

    async def _store(self) -> None:
        if not self._dirty or self._place is None:
            return
        version = await self._courses.places.store(
            self._conversation, self._place, expect=self._version, lease=self._lease
        )
        if version is None:
            raise LeaseLost(self._conversation)
        self._version, self._dirty, self._stored_at = version, False, self._courses.monotonic()

    async def _store_in_time(self) -> None:
        try:
            async with asyncio.timeout(STORE_TIMEOUT):
                await self._store()
        except (LeaseLost, HistoryUnavailable, TimeoutError):
            return  # it is handled again, which is what is promised


__all__ = ["LEASE", "PAGE", "PAGES_IN_A_ROW", "STORE_EVERY", "Courses", "EntryFailed", "Outcome"]
