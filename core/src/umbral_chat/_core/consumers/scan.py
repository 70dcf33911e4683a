"""The scan: finds in the inbox what no wake-up reported: written by another instance, or while none ran. And the sweep,
which finds the logs that ended meanwhile: a deleted conversation is not in the inbox any more, and the cursor that a
consumer has in it does not vanish by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat.model.conversations import Conversation, Head
from umbral_chat.providers.history import History

PAGE = 200
"""Conversations read at once."""

OVERLAP = timedelta(minutes=2)
"""How much of what was scanned is scanned again: the clocks of instances differ, and what was written first need not
be seen first."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""Before every activity."""

SWEEP_PAUSE = 0.02
"""Seconds between two batches of a sweep: there is no hurry, and entries come first."""

STORE_EVERY = timedelta(minutes=1)
"""How far the scan must have advanced for that to be stored: less, at the next start, would not be worth a write."""


class ScanPosition:
    """How far one consumer has scanned: everything before `reached` was queued, or is handled."""

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.reached: datetime | None = None
        self._stored: datetime | None = None

    async def load(self) -> None:
        """Go on from the stored time, or from where the consumer began. Raises HistoryUnavailable."""
        self._stored = await self.backlog.cursors.scanned()
        self.reached = self._stored or self.backlog.begins

    @property
    def floor(self) -> datetime | None:
        """The oldest activity that the next scan must see; None: it goes through the whole inbox."""
        if self.reached is None:
            return None
        # What was written before the consumer began is none of its entries, and "now" has looked back as far already.
        return max(self.reached - OVERLAP, self.backlog.begins or LONG_AGO)

    def offer(self, conversation: Conversation) -> bool:
        """Queue a conversation, if it may have something unhandled; False: the queue is full."""
        backlog = self.backlog
        head = Head(conversation.epoch, conversation.head)
        if not head.seq or backlog.handled(conversation.id, head) or not backlog.wants(conversation.id):
            return True
        if backlog.queue.full:
            return False
        backlog.queue.add_found(conversation.id, conversation.last_activity)
        return True

    async def advance(self, newest: datetime) -> None:
        """A scan was whole, and this is the newest activity that it saw. Raises HistoryUnavailable."""
        self.reached = newest if self.reached is None else max(newest, self.reached)
        scanned = self.backlog.queue.oldest or self.reached
        if self._stored is None or scanned >= self._stored + STORE_EVERY:
            await self.backlog.cursors.store_scanned(scanned)
            self._stored = scanned


async def catch_up(history: History, position: ScanPosition, wait_for_space: Callable[[], Awaitable[None]]) -> None:
    """Scan for one consumer, newest activity first, back to its floor. It waits while the queue is full, as at the
    first start on a long history. Raises HistoryUnavailable; then nothing counts as scanned."""
    newest = before = None
    floor = position.floor
    while True:
        page = await history.conversations(limit=PAGE, before=before)
        for conversation in page.conversations:
            newest = newest or conversation.last_activity
            if floor is not None and conversation.last_activity < floor:
                await position.advance(newest)
                return
            while not position.offer(conversation):
                await wait_for_space()
        before = page.before
        if before is None:
            break
    if newest is not None:
        await position.advance(newest)


async def scan_for_all(history: History, positions: Sequence[ScanPosition]) -> list[ScanPosition]:
    """One scan for many consumers that have caught up: as long as the oldest of their floors asks for, and each is
    offered what is new to itself. Those whose queue was full: they have to catch up again. Raises HistoryUnavailable.
    """
    floors = {position: position.floor for position in positions}
    waiting = set(positions)
    full: list[ScanPosition] = []
    newest = before = None
    while waiting:
        page = await history.conversations(limit=PAGE, before=before)
        for conversation in page.conversations:
            newest = newest or conversation.last_activity
            waiting -= {one for one in waiting if conversation.last_activity < (floors[one] or LONG_AGO)}
            overfull = {one for one in waiting if not one.offer(conversation)}
            waiting -= overfull
            full += overfull
            if not waiting:
                break
        before = page.before
        if before is None:
            break
    if newest is not None:
        for position in set(positions) - set(full):
            await position.advance(newest)
    return full


async def find_ended(backlog: Backlog) -> int:
    """Queue every conversation whose log is not that of the cursor any more; how many. Raises HistoryUnavailable."""
    found = 0
    async for epochs in backlog.cursors.known():
        heads = await backlog.history.heads(list(epochs))
        for conversation, epoch in epochs.items():
            head = heads.get(conversation)
            if (not isinstance(head, Head) or head.epoch != epoch) and backlog.queue.wake(conversation):
                found += 1
        await backlog.clock.sleep(SWEEP_PAUSE)
    return found


__all__ = ["OVERLAP", "ScanPosition", "catch_up", "find_ended", "scan_for_all"]
