"""The runner: each consumer works through its queue of conversations, which the bus and scans fill."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbral_chat._core.consumers.conversation_queue import ConversationQueue
from umbral_chat._core.consumers.log_worker import EntryFailed, LogWorker
from umbral_chat._core.consumers.scan import InboxScan
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.edges import Consumer
from umbral_chat.providers.history import Storage
from umbral_chat.transport_kit.backoff import Backoff

if TYPE_CHECKING:
    from umbral_chat._core.parts import ServiceParts
    from umbral_chat.telemetry import Telemetry

log = logging.getLogger(__name__)

CONCURRENCY = 32
"""Conversations that one consumer works on at once."""

SCAN_EVERY = 10.0
"""Seconds between two scans, after which an entry is found that another instance wrote and does not handle."""


class ConsumerRunner:
    """Runs `consumers`, each on its own, so that one that hangs delays no other."""

    def __init__(self, consumers: Sequence[Consumer], services: ServiceParts, bus: Bus) -> None:
        base = services.base
        holder = secrets.token_hex(6)
        self._consumer_tasks = [
            ConsumerTask(consumer, services.storage, base.clock, base.telemetry, holder=holder)
            for consumer in consumers
        ]
        bus.subscribe(self._wake)

    async def run(self) -> None:
        """Run until cancelled; then the cursors are stored and the leases released."""
        tasks = Tasks("consumers")
        running = [tasks.start(task.run(), name=task.name) for task in self._consumer_tasks]
        try:
            await asyncio.gather(*running)
        finally:
            await tasks.close()

    def _wake(self, change: LogChange) -> None:
        for task in self._consumer_tasks:
            task.wake(change.conversation)


class ConsumerTask:
    """Runs one consumer: takes conversations from its queue, at most `CONCURRENCY` at once, and scans for more."""

    def __init__(
        self, consumer: Consumer, storage: Storage, clock: Clock, telemetry: Telemetry, *, holder: str
    ) -> None:
        self.name = consumer.name
        self._clock = clock
        self._queue = ConversationQueue()
        self._worker = LogWorker(consumer, storage.history, storage.store, clock, holder=holder)
        self._scan = InboxScan(
            storage.history,
            self._worker.cursors,
            self._queue,
            handled=self._worker.handled,
            wait_for_space=self._wait_for_space,
        )
        self._tasks = Tasks(f"consumer {consumer.name}")
        self._running: set[str] = set()
        self._due = asyncio.Event()
        self._space = asyncio.Event()
        self._failures = telemetry.counter("umbral_chat.consumer.failures").labels(consumer.name)

    def wake(self, conversation: str) -> None:
        """Queue a conversation that this process appended to or deleted. Does not block."""
        if self._queue.wake(conversation):
            self._due.set()

    async def run(self) -> None:
        """Run until cancelled."""
        self._tasks.start(self._scan_periodically(), name="scan")
        try:
            while True:
                self._due.clear()
                self._start_ready()
                await self._wait_until_due()
        finally:
            await self._tasks.close()

    def _start_ready(self) -> None:
        while len(self._running) < CONCURRENCY:
            conversation = self._queue.take(self._clock.monotonic())
            if conversation is None:
                return
            self._running.add(conversation)
            self._tasks.start(self._process(conversation), name=conversation)

    async def _wait_until_due(self) -> None:
        # At full concurrency nothing can start before a running one ends, which sets `_due` too.
        due = None if len(self._running) >= CONCURRENCY else self._queue.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self._clock.monotonic())):
                await self._due.wait()
        except TimeoutError:
            return

    async def _process(self, conversation: str) -> None:
        try:
            await self._advance(conversation)
        finally:
            self._running.discard(conversation)
            self._due.set()
            self._space.set()

    async def _advance(self, conversation: str) -> None:
        queue, now = self._queue, self._clock.monotonic
        try:
            outcome = await self._worker.run(conversation)
        except EntryFailed as error:
            self._failures.value += 1
            pause = queue.pause(conversation, "failed", now(), progress=error.progress)
            log.warning("consumer %s: %s; again in %.1f s", self.name, error, pause, exc_info=error.__cause__)
        except HistoryUnavailable:
            queue.pause(conversation, "unavailable", now())  # HistoryHealth logs it, once
        except Exception:
            queue.pause(conversation, "unavailable", now())
            log.exception("consumer %s failed in %s", self.name, conversation)
        else:
            if outcome == "held":
                queue.pause(conversation, "held", now())
            elif outcome == "more":
                queue.requeue(conversation)
            else:
                queue.done(conversation)

    async def _scan_periodically(self) -> None:
        backoff = Backoff(initial=1.0, maximum=SCAN_EVERY)
        while True:
            try:
                await self._scan.run()
                backoff.reset()
                pause = SCAN_EVERY
            except HistoryUnavailable:
                pause = backoff.next()
            except Exception:
                log.exception("consumer %s could not scan the inbox", self.name)
                pause = SCAN_EVERY
            await self._clock.sleep(pause)

    async def _wait_for_space(self) -> None:
        self._due.set()
        while self._queue.full:
            self._space.clear()
            await self._space.wait()


__all__ = ["CONCURRENCY", "SCAN_EVERY", "ConsumerRunner", "ConsumerTask"]
