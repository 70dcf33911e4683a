"""The runner: every consumer at work on what is on its agenda, woken by the bus and by scans."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from umbral_chat._core.consumers.conversation_queue import Agenda
from umbral_chat._core.consumers.log_worker import Courses, EntryFailed
from umbral_chat._core.consumers.scan import Scan
from umbral_chat._core.delivery.bus import Bus, Happened
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

AT_ONCE = 32
"""Conversations that one consumer works on at once."""

SCAN_EVERY = 10.0
"""Seconds between two scans: how late is found what another instance wrote and did not take on."""


class ConsumerRunner:
    """Runs `consumers` until cancelled: each on its own, so that one that is stuck holds up no other."""

    def __init__(self, consumers: Sequence[Consumer], services: ServiceParts, bus: Bus) -> None:
        base = services.base
        holder = secrets.token_hex(6)
        self._pursuits = [
            Pursuit(consumer, services.storage, base.clock, base.telemetry, holder=holder) for consumer in consumers
        ]
        bus.subscribe(self._happened)

    async def run(self) -> None:
        """Until cancelled; then what was handled is stored, and the leases are given back."""
        tasks = Tasks("consumers")
        running = [tasks.start(pursuit.run(), name=pursuit.name) for pursuit in self._pursuits]
        try:
            await asyncio.gather(*running)
        finally:
            await tasks.close()

    def _happened(self, happened: Happened) -> None:
        for pursuit in self._pursuits:
            pursuit.wake(happened.conversation)


class Pursuit:
    """One consumer at work."""

    def __init__(
        self, consumer: Consumer, storage: Storage, clock: Clock, telemetry: Telemetry, *, holder: str
    ) -> None:
        self.name = consumer.name
        self._clock = clock
        self._agenda = Agenda()
        self._courses = Courses(consumer, storage.history, storage.store, clock, holder=holder)
        self._scan = Scan(
            storage.history,
            self._courses.places,
            self._agenda,
            handled=self._courses.handled,
            room=self._room,
        )
        self._tasks = Tasks(f"consumer {consumer.name}")
        self._running: set[str] = set()
        self._due = asyncio.Event()
        self._freed = asyncio.Event()
        self._failures = telemetry.counter("umbral_chat.consumer.failures").labels(consumer.name)

    def wake(self, conversation: str) -> None:
        """Something happened there, in this process. Never waits."""
        if self._agenda.wake(conversation):
            self._due.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._tasks.start(self._scan_again_and_again(), name="scan")
        try:
            while True:
                self._due.clear()
                self._begin()
                await self._until_due()
        finally:
            await self._tasks.close()

    def _begin(self) -> None:
        while len(self._running) < AT_ONCE:
            conversation = self._agenda.take(self._clock.monotonic())
            if conversation is None:
                return
            self._running.add(conversation)
            self._tasks.start(self._look_at(conversation), name=conversation)

    async def _until_due(self) -> None:
        # With every hand at work nothing can begin before one is free, which sets `_due` too.
        due = None if len(self._running) >= AT_ONCE else self._agenda.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self._clock.monotonic())):
                await self._due.wait()
        except TimeoutError:
            return

    async def _look_at(self, conversation: str) -> None:
        try:
            await self._advance(conversation)
        finally:
            self._running.discard(conversation)
            self._due.set()
            self._freed.set()

    async def _advance(self, conversation: str) -> None:
        agenda, now = self._agenda, self._clock.monotonic
        try:
            outcome = await self._courses.run(conversation)
        except EntryFailed as error:
            self._failures.value += 1
            pause = agenda.later(conversation, "failed", now(), progress=error.progress)
            log.warning("consumer %s: %s; again in %.1f s", self.name, error, pause, exc_info=error.__cause__)
        except HistoryUnavailable:
            agenda.later(conversation, "unavailable", now())  # its health says so, once
        except Exception:
            agenda.later(conversation, "unavailable", now())
            log.exception("consumer %s could not go on in %s", self.name, conversation)
        else:
            if outcome == "held":
                agenda.later(conversation, "held", now())
            elif outcome == "more":
                agenda.more(conversation)
            else:
                agenda.done(conversation)

    async def _scan_again_and_again(self) -> None:
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

    async def _room(self) -> None:
        self._due.set()
        while self._agenda.full:
            self._freed.clear()
            await self._freed.wait()


__all__ = ["AT_ONCE", "SCAN_EVERY", "ConsumerRunner", "Pursuit"]
