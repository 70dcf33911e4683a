"""The durable consumers of a running service: those of the plugins' hooks, and those that are started later."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from umbral_chat._core.consumers.abilities import Abilities
from umbral_chat._core.consumers.backlog import Backlog
from umbral_chat._core.consumers.claims import ClaimQueue
from umbral_chat._core.consumers.dead_letters import DeadLetters
from umbral_chat._core.consumers.registry import ConsumerRegistry
from umbral_chat._core.consumers.runner import ConsumerTask
from umbral_chat._core.consumers.slot import Slot
from umbral_chat._core.consumers.watch import ConsumerWatch
from umbral_chat._core.delivery.bus import Bus, LogChange
from umbral_chat._core.runtime.tasks import Tasks
from umbral_chat.errors import Conflict, HistoryUnavailable, InvalidRequest, Unavailable
from umbral_chat.model.ids import ID_LIMIT
from umbral_chat.providers.consumers import ClaimConsumer, Claims, ConsumerState, DeadLetter
from umbral_chat.providers.edges import Consumer, ConsumerSource, StartsConsumers
from umbral_chat.providers.history import Storage
from umbral_chat.transport_kit.backoff import Backoff

if TYPE_CHECKING:
    from umbral_chat._core.settings.sections import ConsumerLimits
    from umbral_chat.context import Base, ServiceLifecycle

log = logging.getLogger(__name__)

START_LIMIT = 5.0
"""Seconds for which a starting service waits for its consumers: a store that answers takes a fraction of one."""


class Consumers:
    """`ConsumerService`. `run` works until it is cancelled; before, and after that, nothing can be started."""

    def __init__(
        self, storage: Storage, base: Base, bus: Bus, lifecycle: ServiceLifecycle, limits: ConsumerLimits
    ) -> None:
        self._storage = storage
        self._clock = base.clock
        self._lifecycle = lifecycle
        self._limits = limits
        self._holder = secrets.token_hex(6)
        self._registry = ConsumerRegistry(storage.store)
        self._slots: dict[str, Slot] = {}
        self._failures = base.telemetry.counter("umbral_chat.consumer.failures")
        self._tasks: Tasks | None = None
        self._running = asyncio.Event()
        self._attempted: list[asyncio.Event] = []
        """One for each consumer and source of the hooks: it has started, or failed to the first time."""
        self._watch = ConsumerWatch(storage, base.clock, self._registry, self._slots, self._forgotten)
        base.telemetry.gauge(
            "umbral_chat.consumer.lag", lambda: [((slot.name,), slot.backlog.state().lag) for slot in self._all()]
        )
        base.telemetry.gauge(
            "umbral_chat.consumer.dead_letters",
            lambda: [((slot.name,), slot.backlog.dead_count) for slot in self._all()],
        )
        bus.subscribe(self._wake)

    async def run(self, consumers: Sequence[Consumer | ConsumerSource] = ()) -> None:
        """Run the consumers of the hooks, and what is started by `start`. When it is cancelled, cursors are stored and
        leases released."""
        self._tasks = tasks = Tasks("consumers")
        try:
            for one in consumers:
                if isinstance(one, ConsumerSource) and not hasattr(one, "handle"):
                    attempted = asyncio.Event()
                    tasks.start(self._run_source(one, attempted), name=one.name)
                    if isinstance(one, StartsConsumers):
                        tasks.start(_once_set(one.started, attempted), name=f"start of {one.name}")
                        self._attempted.append(attempted)
                elif not isinstance(one, ConsumerSource):
                    slot = self._pushing(one)
                    slot.task = tasks.start(slot.run(), name=one.name)
                    self._attempted.append(slot.attempted)
            self._running.set()
            await self._watch.run()
        finally:
            self._tasks = None
            for slot in self._all():
                await slot.close()
            await tasks.close()
            self._slots.clear()

    async def started(self) -> None:
        """Wait until the consumers of the hooks have begun, or failed to do so once; at most START_LIMIT seconds.

        What is sent before a consumer has begun now, it would never be passed.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(START_LIMIT):
                await self._running.wait()
                for one in self._attempted:
                    await one.wait()

    async def start(self, consumer: Consumer) -> None:
        """See `ConsumerService.start`."""
        await self._begin(self._pushing(consumer))

    async def claims(self, consumer: ClaimConsumer) -> Claims:
        """See `ConsumerService.claims`."""
        backlog = self._backlog(consumer)
        queue = ClaimQueue(backlog, self._clock, self._lifecycle.draining, self._watch.look)
        await self._begin(self._slot(backlog, queue))
        return queue

    async def stop(self, name: str) -> None:
        """See `ConsumerService.stop`."""
        await self._apart(self._stop(name))

    async def forget(self, name: str) -> None:
        """See `ConsumerService.forget`."""
        await self._apart(self._forget(name))

    def state(self, name: str) -> ConsumerState | None:
        """See `ConsumerService.state`."""
        slot = self._slots.get(name)
        return None if slot is None else slot.backlog.state()

    def states(self) -> list[ConsumerState]:
        """All that run here."""
        return [slot.backlog.state() for slot in self._all()]

    async def dead_letters(self, name: str, *, conversation: str | None = None) -> list[DeadLetter]:
        """See `ConsumerService.dead_letters`."""
        return await self._dead(name).list(conversation)

    async def retry(self, name: str, *, conversation: str | None = None, seq: int | None = None) -> int:
        """See `ConsumerService.retry`."""
        marked = await self._dead(name).mark_for_retry(conversation, seq)
        if marked:
            await self._registry.ring(name)
            if slot := self._slots.get(name):
                slot.retry_letters()
        return marked

    async def drop(self, name: str, *, conversation: str | None = None, seq: int | None = None) -> int:
        """See `ConsumerService.drop`."""
        dropped = await self._dead(name).drop(conversation, seq)
        if dropped:
            await self._registry.ring(name)
            if slot := self._slots.get(name):
                await slot.letters_changed()
        return dropped

    def _all(self) -> list[Slot]:
        return list(self._slots.values())

    def _wake(self, change: LogChange) -> None:
        if not self._slots:
            return
        at = self._clock.now()
        for slot in self._slots.values():
            slot.wake(change.conversation, at)

    def _dead(self, name: str) -> DeadLetters:
        return DeadLetters(self._storage.store, _checked(name), self._limits.dead_letters)

    def _backlog(self, consumer: Consumer | ClaimConsumer) -> Backlog:
        name = _checked(consumer.name)
        return Backlog(
            name,
            Abilities.of(consumer, tries=self._limits.tries),
            self._storage,
            self._clock,
            dead_letters=self._limits.dead_letters,
            on_failure=self._failures.labels(name).add,
        )

    def _pushing(self, consumer: Consumer) -> Slot:
        backlog = self._backlog(consumer)
        return self._slot(backlog, ConsumerTask(consumer, backlog, holder=self._holder))

    def _slot(self, backlog: Backlog, work: ConsumerTask | ClaimQueue) -> Slot:
        if backlog.name in self._slots:
            raise Conflict(f"The consumer {backlog.name!r} runs already.", code="consumer_running")
        slot = self._slots[backlog.name] = Slot(backlog, work, self._registry, holder=self._holder)
        return slot

    async def _begin(self, slot: Slot) -> None:
        """Run a consumer whose start is stored when this returns."""
        begun = False
        try:
            self._running_tasks()
            await slot.prepare()
            if self._slots.get(slot.name) is slot:  # not stopped meanwhile
                slot.task = self._running_tasks().start(slot.run(), name=slot.name)
                begun = True
        finally:
            if not begun and self._slots.get(slot.name) is slot:
                del self._slots[slot.name]
        self._watch.changed()

    async def _stop(self, name: str) -> None:
        slot = self._slots.get(name)
        if slot is not None:
            # It keeps its place until it has ended: another one of the name is not to run beside it.
            await slot.close()
            if self._slots.get(name) is slot:
                del self._slots[name]

    async def _forget(self, name: str) -> None:
        await self._stop(name)
        await self._registry.forget(name)

    async def _apart(self, work: Coroutine[Any, Any, None]) -> None:
        """Await `work` in a task of its own: a consumer may stop itself while it handles an entry, which cancels the
        caller."""
        if self._tasks is None:
            await work
        else:
            await asyncio.shield(self._tasks.start(work, name="stop"))

    def _running_tasks(self) -> Tasks:
        if self._tasks is None:
            raise Unavailable("The consumers do not run yet, or not any more.")
        return self._tasks

    async def _forgotten(self, name: str) -> None:
        """Another instance, or the command line, has forgotten a consumer that runs here."""
        log.warning("consumer %s was forgotten elsewhere and is stopped", name)
        await self.stop(name)
        await self._registry.clear(name)

    async def _run_source(self, source: ConsumerSource, attempted: asyncio.Event) -> None:
        backoff = Backoff(initial=1.0, maximum=60.0)
        while True:
            began = self._clock.monotonic()
            try:
                await source.run(self)
                return
            except HistoryUnavailable as error:
                log.info("consumers of %s: %s", source.name, error)
            except Exception:
                log.exception("the consumers of %s failed", source.name)
            attempted.set()
            if self._clock.monotonic() - began > backoff.maximum:
                backoff.reset()
            await self._clock.sleep(backoff.next())


async def _once_set(event: asyncio.Event, then: asyncio.Event) -> None:
    await event.wait()
    then.set()


def _checked(name: str) -> str:
    if not 0 < len(name) <= ID_LIMIT or not name.isprintable() or "/" in name:
        raise InvalidRequest(f"A consumer's name has 1 to {ID_LIMIT} characters, and no slash.", field="name")
    return name


__all__ = ["Consumers"]
