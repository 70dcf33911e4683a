"""The watch over all consumers of this instance: one scan of the inbox for all of them, the bell, the stored states."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from umbral_chat._core.consumers.registry import ConsumerRegistry
from umbral_chat._core.consumers.scan import find_ended, scan_for_all
from umbral_chat._core.consumers.slot import SCAN_EVERY, Slot
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.edges import DUE_EVERY
from umbral_chat.providers.history import Storage
from umbral_chat.transport_kit.backoff import Backoff

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at the newest activity while a caller waits for claims: how late an entry of another
instance is given."""

STATUS_EVERY = 30.0
"""Seconds between two times at which states are stored."""

COUNT_EVERY = 60.0
"""Seconds between two looks at the dead letters of a consumer that has some, without a ring of the bell."""

SWEEP_EVERY = 1_800.0
"""Seconds between two sweeps for logs that ended. This instance knows what it deletes itself, and each sweeps when it
starts: only the deletion by an instance that crashed and did not come back waits for it."""


class ConsumerWatch:
    """Runs while the service runs; costs nothing without consumers."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        registry: ConsumerRegistry,
        slots: Mapping[str, Slot],
        forgotten: Callable[[str], Awaitable[None]],
    ) -> None:
        self._history = storage.history
        self._clock = clock
        self._registry = registry
        self._slots = slots
        self._forgotten = forgotten
        self._rings: dict[str, int] = {}
        self._newest: object = None
        self._wanted = asyncio.Event()

    def changed(self) -> None:
        """A consumer was started."""
        self._wanted.set()

    def look(self) -> None:
        """A caller waits for claims."""
        self._wanted.set()

    async def run(self) -> None:
        """Run until cancelled."""
        tasks = Tasks("consumers")
        tasks.start(self._again(self._sweep, SCAN_EVERY), name="sweep")
        tasks.start(self._again(self._store_states, STATUS_EVERY), name="states")
        tasks.start(self._again(self._listen, SCAN_EVERY), name="bell")
        tasks.start(self._again(self._look_for_due, DUE_EVERY), name="due")
        backoff = Backoff(initial=1.0, maximum=SCAN_EVERY)
        try:
            while True:
                pause = SCAN_EVERY
                try:
                    await self._scan([slot for slot in self._all() if slot.caught_up])
                    backoff.reset()
                except HistoryUnavailable:
                    pause = backoff.next()
                except Exception:
                    log.exception("the inbox could not be scanned for consumers")
                await self._pause(pause)
        finally:
            await tasks.close()

    def _all(self) -> list[Slot]:
        return list(self._slots.values())

    async def _scan(self, slots: list[Slot]) -> None:
        if not slots:
            return
        full = await scan_for_all(self._history, [slot.position for slot in slots])
        for slot in slots:
            slot.work.changed()
            if slot.position in full:
                slot.fall_behind()

    async def _pause(self, seconds: float) -> None:
        """Wait, and look every second for the newest activity while a caller waits for claims."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            self._wanted.clear()
            waiting = [slot for slot in self._all() if slot.waiting and slot.caught_up]
            if not waiting:
                try:
                    async with asyncio.timeout(left):
                        await self._wanted.wait()
                except TimeoutError:
                    return
                continue
            try:
                await self._look(waiting)
            except HistoryUnavailable:
                return
            await self._clock.sleep(min(left, LOOK_EVERY))

    async def _look(self, waiting: list[Slot]) -> None:
        page = await self._history.conversations(limit=1)
        newest = [(one.id, one.epoch, one.head, one.last_activity) for one in page.conversations]
        if newest != self._newest:
            await self._scan(waiting)
            self._newest = newest

    async def _again(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            if not self._slots:
                # The first one wakes the scan; what is done here can wait for the next time.
                await self._clock.sleep(seconds)
                continue
            try:
                await work()
            except HistoryUnavailable:
                pass  # HistoryHealth logs it, once
            except Exception:
                log.exception("the consumers could not be watched")
            await self._clock.sleep(seconds)

    async def _listen(self) -> None:
        """Answer the bell: dead letters were marked or dropped, or a consumer was forgotten."""
        rings = await self._registry.rings()
        for slot in self._all():
            known, version = rings.get(slot.name, (None, 0))
            if known is not None and known.forgotten:
                await self._forgotten(slot.name)
            elif self._rings.get(slot.name) != version or slot.letters_due(COUNT_EVERY):
                await slot.letters_changed()
            self._rings[slot.name] = version
            await slot.prune()
        for name in self._rings.keys() - self._slots.keys():
            del self._rings[name]

    async def _look_for_due(self) -> None:
        for slot in self._all():
            await slot.queue_due()

    async def _store_states(self) -> None:
        for slot in self._all():
            await slot.store_status()

    async def _sweep(self) -> None:
        for slot in self._all():
            now = self._clock.monotonic()
            if slot.caught_up and (slot.swept_at is None or now - slot.swept_at >= SWEEP_EVERY):
                if await find_ended(slot.backlog):
                    slot.work.changed()
                slot.swept_at = now


__all__ = ["LOOK_EVERY", "SWEEP_EVERY", "ConsumerWatch"]
