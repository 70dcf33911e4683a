"""One consumer in its place at this instance: prepared, caught up with the inbox, run, and closed."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat._core.consumers.claims import ClaimQueue
from umbral_chat._core.consumers.registry import ConsumerRegistry, StoredStatus
from umbral_chat._core.consumers.runner import ConsumerTask
from umbral_chat._core.consumers.scan import ScanPosition, catch_up
from umbral_chat._core.consumers.starting import find_start
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.errors import Conflict, HistoryUnavailable
from umbral_chat.transport_kit.backoff import Backoff

log = logging.getLogger(__name__)

SCAN_EVERY = 10.0
"""Seconds between two scans, after which an entry is found that another instance wrote and does not handle."""


class Slot:
    """A consumer, whether it is passed its entries (ConsumerTask) or they are claimed (ClaimQueue)."""

    def __init__(
        self, backlog: Backlog, work: ConsumerTask | ClaimQueue, registry: ConsumerRegistry, *, holder: str
    ) -> None:
        self.backlog = backlog
        self.work = work
        self.position = ScanPosition(backlog)
        self.caught_up = False
        """Whether scans for all consumers find what is new to it; else it scans by itself."""
        self.task: asyncio.Task[None] | None = None
        self.swept_at: float | None = None
        self.attempted = asyncio.Event()
        """Whether it has begun, or failed to do so the first time."""
        self._registry = registry
        self._holder = holder
        self._prepared = False
        self._looked_at: float | None = None
        self._status: StoredStatus | None = None
        self._behind = asyncio.Event()
        self._behind.set()

    @property
    def name(self) -> str:
        """The consumer's."""
        return self.backlog.name

    @property
    def waiting(self) -> bool:
        """Whether a caller waits for its entries now."""
        return isinstance(self.work, ClaimQueue) and self.work.waiting > 0

    def wake(self, conversation: str, at: datetime | None) -> None:
        """Queue a conversation that this process appended to or deleted. Does not block."""
        if self._prepared and self.backlog.wants(conversation) and self.backlog.queue.wake(conversation, at):
            self.work.changed()

    def retry_letters(self) -> None:
        """Some dead letters are marked to be tried again."""
        self.work.retry_letters()

    def letters_due(self, seconds: float) -> bool:
        """Whether there are dead letters, and the last look at them is as long ago."""
        backlog = self.backlog
        known = backlog.dead_count > 0 or backlog.blocked
        return known and (self._looked_at is None or backlog.clock.monotonic() - self._looked_at >= seconds)

    async def letters_changed(self) -> None:
        """Look at the dead letters anew: some may be marked, or gone. Raises HistoryUnavailable."""
        blocked = self.backlog.blocked
        self._looked_at = self.backlog.clock.monotonic()
        await self.backlog.count_dead()
        if self.backlog.dead_count:
            self.work.retry_letters()
        if blocked and not self.backlog.blocked:
            self.work.changed()

    async def prune(self) -> None:
        """Forget what others handled, where entries are claimed. Raises HistoryUnavailable."""
        if self._prepared and isinstance(self.work, ClaimQueue) and len(self.backlog.queue):
            await self.work.prune()

    async def queue_due(self) -> None:
        """Queue what its consumer was to be passed later, and now is. Raises HistoryUnavailable."""
        if self._prepared and self.backlog.abilities.due is not None and await self.backlog.queue_due():
            self.work.changed()

    async def prepare(self) -> None:
        """Find where the consumer begins, and how far it came. Raises HistoryUnavailable, and Conflict when its name
        was used up."""
        if self._prepared:
            return
        await self._registry.register(self.name)
        await find_start(self.backlog, self._holder)
        await self.position.load()
        status = await self._registry.status(self.name)
        if status is not None:
            self.backlog.last_error = status.last_error
        await self.letters_changed()
        self._prepared = True

    async def run(self) -> None:
        """Run until cancelled, whatever fails."""
        tasks = Tasks(f"consumer {self.name}")
        try:
            if not await self._prepare_at_last():
                return
            tasks.start(self._catch_up(), name="catch up")
            if isinstance(self.work, ConsumerTask):
                await self._keep_running(self.work)
            else:
                await asyncio.Event().wait()
        finally:
            await tasks.close()
            if isinstance(self.work, ClaimQueue):
                await self.work.close()

    async def close(self) -> None:
        """End it, and wait for its end."""
        self._prepared = False
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    def fall_behind(self) -> None:
        """Its queue is full: it scans by itself until it has caught up."""
        self.caught_up = False
        self._behind.set()

    async def store_status(self) -> None:
        """Store the state for the command line, if it is another one. Raises HistoryUnavailable."""
        status = self.backlog.status()
        before = self._status
        idle = before is None and not (status.queued or status.failures or status.blocked)
        if idle or (before is not None and _same(before, status)):
            return
        await self._registry.store_status(self.name, status)
        self._status = status

    async def _prepare_at_last(self) -> bool:
        backoff = Backoff(initial=0.5, maximum=SCAN_EVERY)
        while True:
            try:
                await self.prepare()
            except Conflict as error:
                log.warning("consumer %s does not run: %s", self.name, error)
                self.attempted.set()
                return False
            except HistoryUnavailable:
                pass  # HistoryHealth logs it, once
            except Exception:
                log.exception("consumer %s could not be prepared", self.name)
            else:
                self.attempted.set()
                return True
            self.attempted.set()
            await self.backlog.clock.sleep(backoff.next())

    async def _keep_running(self, work: ConsumerTask) -> None:
        backoff = Backoff(initial=1.0, maximum=60.0)
        while True:
            try:
                await work.run()
            except Exception:
                log.exception("consumer %s ended, and is started again", self.name)
            await self.backlog.clock.sleep(backoff.next())

    async def _catch_up(self) -> None:
        backoff = Backoff(initial=1.0, maximum=SCAN_EVERY)
        while True:
            await self._behind.wait()
            try:
                await catch_up(self.backlog.history, self.position, self._wait_for_space)
            except HistoryUnavailable:
                await self.backlog.clock.sleep(backoff.next())
            except Exception:
                log.exception("consumer %s could not scan the inbox", self.name)
                await self.backlog.clock.sleep(SCAN_EVERY)
            else:
                backoff.reset()
                self._behind.clear()
                self.caught_up = True
                self.work.changed()

    async def _wait_for_space(self) -> None:
        self.work.changed()
        while self.backlog.queue.full:
            self.work.space.clear()
            await self.work.space.wait()


def _same(one: StoredStatus, other: StoredStatus) -> bool:
    return (one.oldest, one.queued, one.failures, one.last_error, one.blocked) == (
        *(other.oldest, other.queued, other.failures, other.last_error, other.blocked),
    )


__all__ = ["SCAN_EVERY", "Slot"]
