"""One consumer that is passed its entries: it works through its queue, which the bus and scans fill."""

from __future__ import annotations

import asyncio
import logging

from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat._core.consumers.log_worker import LogWorker, Wait
from umbral_chat._core.consumers.redelivery import Redelivery
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.edges import Consumer

log = logging.getLogger(__name__)

RETRY_EVERY = 5.0
"""Seconds between two attempts at dead letters whose conversation is being worked on, or while the store is down."""


class ConsumerTask:
    """Runs one consumer: takes conversations from its queue, at most `Abilities.concurrency` at once."""

    def __init__(self, consumer: Consumer, backlog: Backlog, *, holder: str) -> None:
        self._backlog = backlog
        self._concurrency = backlog.abilities.concurrency
        self._worker = LogWorker(consumer, backlog, holder=holder)
        self._redelivery = Redelivery(consumer, backlog, holder=holder)
        self._tasks = Tasks(f"consumer {backlog.name}")
        self._running: set[str] = set()
        self._due = asyncio.Event()
        self._retry = asyncio.Event()
        self.space = asyncio.Event()
        """Set when the queue may have room again."""

    def changed(self) -> None:
        """There may be something to process."""
        self._due.set()

    def retry_letters(self) -> None:
        """Some dead letters are marked to be tried again."""
        self._retry.set()

    async def run(self) -> None:
        """Run until cancelled."""
        self._tasks.start(self._retry_marked(), name="retry")
        try:
            while True:
                self._due.clear()
                self._start_ready()
                await self._wait_until_due()
        finally:
            await self._tasks.close()

    def _start_ready(self) -> None:
        clock = self._backlog.clock
        while len(self._running) < self._concurrency:
            conversation = self._backlog.queue.take(clock.monotonic())
            if conversation is None:
                return
            self._running.add(conversation)
            self._tasks.start(self._process(conversation), name=conversation)

    async def _wait_until_due(self) -> None:
        # At full concurrency nothing can start before a running one ends, which sets `_due` too.
        due = None if len(self._running) >= self._concurrency else self._backlog.queue.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self._backlog.clock.monotonic())):
                await self._due.wait()
        except TimeoutError:
            return

    async def _process(self, conversation: str) -> None:
        try:
            await self._advance(conversation)
        finally:
            self._running.discard(conversation)
            self._due.set()
            self.space.set()

    async def _advance(self, conversation: str) -> None:
        queue, now = self._backlog.queue, self._backlog.clock.monotonic
        try:
            outcome = await self._worker.run(conversation)
        except HistoryUnavailable:
            queue.pause(conversation, "unavailable", now())  # HistoryHealth logs it, once
        except Exception:
            queue.pause(conversation, "unavailable", now())
            log.exception("consumer %s failed in %s", self._backlog.name, conversation)
        else:
            match outcome:
                case Wait():
                    queue.pause_for(conversation, outcome.seconds, now(), outcome.since)
                case "held":
                    queue.pause(conversation, "held", now())
                case "more":
                    queue.requeue(conversation)
                case _:
                    queue.done(conversation)

    async def _retry_marked(self) -> None:
        while True:
            await self._retry.wait()
            self._retry.clear()
            done = False
            try:
                done = await self._redelivery.run()
            except HistoryUnavailable:
                pass  # HistoryHealth logs it, once
            except Exception:
                log.exception("consumer %s could not retry its dead letters", self._backlog.name)
            if not done:
                self._retry.set()
                await self._backlog.clock.sleep(RETRY_EVERY)


__all__ = ["ConsumerTask"]
