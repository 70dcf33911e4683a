"""Subscriptions are made, changed and ended here, and every instance is kept at what is stored of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import msgspec
from umbral_chat.errors import Conflict, HistoryUnavailable, NotFound, Unavailable
from umbral_chat.http_kit.outbound import OutboundClient
from umbral_chat.providers.history import KnowsReaders
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_subscriptions.records import Records, Stored, Subscription, new_subscription
from umbral_chat_subscriptions.running import RunningSubscriptions
from umbral_chat_subscriptions.unread.reports import Reports

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.providers.consumers import Claims, ConsumerService

    from umbral_chat_subscriptions.bodies import SubscriptionBody
    from umbral_chat_subscriptions.settings import SubscriptionsSettings

log = logging.getLogger(__name__)

SWEEP_EVERY = 60.0
"""Seconds between two looks at which subscriptions have expired."""

GRACE = 3_600.0
"""Seconds after its start in which an instance lets nothing expire: while no instance ran, nobody could claim."""

TURNS = 12
"""Tries to have a turn to add a subscription: some seconds."""

WRITES = 5
"""Tries to change a record that other calls change at the same time."""


class SubscriptionService:
    """The subscriptions of the service. As a `ConsumerSource` it keeps this instance's consumers at what is stored."""

    name = "subscriptions"

    def __init__(self, services: Services, settings: SubscriptionsSettings) -> None:
        self._services = services
        self._settings = settings
        self._clock = services.base.clock
        self._records = Records(services.storage.store)
        self._running = RunningSubscriptions(services, self._end)
        self._client = OutboundClient(services.base.settings.core.outbound)
        self._changed = asyncio.Event()
        self._adding = asyncio.Lock()
        self._in_use_until: dict[str, float] = {}
        """Until when, by the monotonic clock, a subscription's use need not be stored again."""

    async def run(self, consumers: ConsumerService) -> None:  # noqa: ARG002 - they are those of the services
        """See `ConsumerSource`."""
        sweep_every = min(SWEEP_EVERY, self._settings.expire_after / 10)
        sweep_at = self._clock.monotonic() + min(GRACE, self._settings.expire_after / 10)
        backoff = Backoff(initial=self._settings.refresh, maximum=30.0)
        try:
            while True:
                self._changed.clear()
                pause = self._settings.refresh
                try:
                    await self._refresh()
                    if self._clock.monotonic() >= sweep_at:
                        sweep_at = self._clock.monotonic() + sweep_every
                        await self._expire()
                    backoff.reset()
                except HistoryUnavailable:
                    pause = backoff.next()  # HistoryHealth logs it, once
                await self._wait(pause)
        finally:
            await self._running.close()
            await self._client.close()

    async def create(self, body: SubscriptionBody) -> tuple[Subscription, bool]:
        """The subscription, and whether it was made now. Once this returned, it misses nothing.

        Raises InvalidRequest (`invalid_field`, `refused_url`, `not_supported` by the history), Conflict
        (`subscription_exists`, `subscriptions_full`) and HistoryUnavailable.
        """
        body.check()
        if body.push is not None:
            await self._client.check(body.push.url, field="push.url")
        history = self._services.storage.history
        if body.kind == "unread" and isinstance(history, KnowsReaders):
            await history.read_markers("-", [])  # which says where it is not supported
        async with self._turn():
            found = await self._records.get(body.name)
            made = None if found is not None else await self._add(body)
        if found is not None:
            return await self._repeated(found.subscription, body), False
        if made is None:
            raise _contended(body.name)
        try:
            await self._running.change(made)
        except HistoryUnavailable:
            # Its secret was not shown: the caller is to make it again, and not to find it there without.
            await self._records.end(made)
            raise
        return made, True

    async def get(self, name: str) -> Subscription:
        """Raises NotFound (`subscription_not_found`) and HistoryUnavailable."""
        return (await self._found(name)).subscription

    async def all(self) -> list[Subscription]:
        """By name. Raises HistoryUnavailable."""
        found, _ = await self._records.all()
        return [found[name].subscription for name in sorted(found)]

    async def pause(self, name: str, *, paused: bool) -> Subscription:
        """Pause it, or have it go on. Raises NotFound, Conflict (`subscription_contended`) and HistoryUnavailable."""
        for _ in range(WRITES):
            stored = await self._found(name)
            if stored.subscription.paused == paused:
                return stored.subscription
            changed = msgspec.structs.replace(stored.subscription, paused=paused)
            if changed.push is None:
                await self._records.claimed_now(changed.id, self._settings.expire_after)
            if await self._records.replace(stored, changed):
                await self._running.change(changed)
                return changed
        raise _contended(name)

    async def delete(self, name: str) -> None:
        """End it, and delete what is stored of it. Raises NotFound and HistoryUnavailable."""
        subscription = await self.get(name)
        await self._records.end(subscription)
        try:
            await self._clean_up(subscription.id, subscription.consumer)
        except HistoryUnavailable:
            self._changed.set()  # it has ended; what is left of it is deleted by and by

    async def claims(self, name: str, *, claiming: bool) -> tuple[Subscription, Claims]:
        """It and its claims. `claiming`: to be given some, which counts as using it.

        Raises NotFound, Conflict (`subscription_pushes`, and with `claiming` `subscription_paused`) and
        HistoryUnavailable.
        """
        # What runs here is at most `refresh` seconds old, and saves two reads.
        subscription = self._running.named(name) or await self.get(name)
        if subscription.push is not None:
            raise Conflict(
                f"{name!r} sends its events to a URL; claims are of a subscription without `push`.",
                code="subscription_pushes",
            )
        if claiming:
            if subscription.paused:
                raise Conflict(
                    f"{name!r} is paused: PATCH it with {{'paused': false}} to go on.", code="subscription_paused"
                )
            await self._used(subscription.id)
        await self._running.change(subscription)
        claims = self._running.claims(subscription.id)
        if claims is None:
            raise _unknown(name)  # it was ended in between
        return subscription, claims

    async def open_claims(self, subscription: Subscription) -> int | None:
        """How many claims of it are open, at all instances; None: it is pushed, or does not run here. Raises
        HistoryUnavailable."""
        claims = self._running.claims(subscription.id)
        return None if claims is None else await claims.open()

    async def _repeated(self, found: Subscription, body: SubscriptionBody) -> Subscription:
        same = (found.filter, found.start, found.imported) == (body.filter, body.start, body.imported)
        same = same and (found.kind, found.after) == (body.kind, body.after)
        if not same or (found.push and found.push.url) != (body.push and body.push.url):
            raise Conflict(
                f"There is a subscription {body.name!r} already, and it is another one: delete it, or choose another "
                "name.",
                code="subscription_exists",
                field="name",
            )
        # The first call may have ended between storing and starting it.
        await self._running.change(found)
        return found

    async def _add(self, body: SubscriptionBody) -> Subscription | None:
        there = [stored.subscription.kind for stored in (await self._records.all())[0].values()]
        self._check_room(len(there), self._settings.most, "subscriptions (subscriptions.most)")
        if body.kind == "unread":
            most = self._settings.most_unread
            self._check_room(there.count("unread"), most, "of the kind unread (subscriptions.most_unread)")
        made = new_subscription(
            body.name,
            self._clock.now(),
            filter=body.filter,
            start=body.start,
            imported=body.imported,
            url=None if body.push is None else body.push.url,
            kind=body.kind,
            after=body.after,
        )
        if made.push is None:
            await self._records.claimed_now(made.id, self._settings.expire_after)
        return made if await self._records.add(made) else None

    @staticmethod
    def _check_room(there: int, most: int, what: str) -> None:
        if there >= most:
            raise Conflict(
                f"There are {most} {what}: delete one that is not needed.", code="subscriptions_full", limit=most
            )

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One call adds at a time, of all instances: how many there are is counted, and bounded."""
        backoff = Backoff(initial=0.05, maximum=1.0)
        async with self._adding:
            for _ in range(TURNS):
                turn = await self._records.take_turn()
                if turn is not None:
                    break
                await self._clock.sleep(backoff.next())
            else:
                raise Unavailable("Others make subscriptions at the same time.", code="unavailable")
            try:
                yield
            finally:
                with suppress(HistoryUnavailable):  # it expires
                    await self._records.end_turn(turn)

    async def _found(self, name: str) -> Stored:
        found = await self._records.get(name)
        if found is None:
            raise _unknown(name)
        return found

    async def _used(self, subscription: str) -> None:
        now = self._clock.monotonic()
        if now >= self._in_use_until.get(subscription, now):
            await self._records.claimed_now(subscription, self._settings.expire_after)
            self._in_use_until[subscription] = now + self._settings.expire_after / 20

    async def _end(self, subscription: Subscription) -> None:
        """End it, asked by its receiver: from within its consumer, which cannot stop itself."""
        await self._records.end(subscription)
        log.warning("the subscription %s ended: its receiver answered 410 (Gone)", subscription.name)
        self._changed.set()

    async def _refresh(self) -> None:
        found, ended = await self._records.all()
        await self._running.follow(found)
        for subscription, consumer in ended.items():
            name = consumer.split(":")[1]
            await self._records.bury(subscription, name)
            await self._clean_up(subscription, consumer)

    async def _expire(self) -> None:
        found, _ = await self._records.all()
        in_use = await self._records.in_use()
        for one in [stored.subscription for stored in found.values()]:
            if one.push is None and not one.paused and one.id not in in_use:
                await self._records.end(one)
                log.warning(
                    "the subscription %s was deleted: it was not claimed for %g s (subscriptions.expire_after)",
                    one.name,
                    self._settings.expire_after,
                )
                await self._clean_up(one.id, one.consumer)

    async def _clean_up(self, subscription: str, consumer: str) -> None:
        self._in_use_until.pop(subscription, None)
        await self._running.stop(subscription)
        await self._services.consumers.forget(consumer)
        await Reports(self._services.storage.store, subscription).clear()
        await self._records.cleaned(subscription)

    async def _wait(self, seconds: float) -> None:
        wake = asyncio.ensure_future(self._changed.wait())
        pause = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((wake, pause), return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
            pause.cancel()
            await asyncio.gather(wake, pause, return_exceptions=True)


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no subscription {name[:100]!r}.", code="subscription_not_found", field="name")


def _contended(name: str) -> Conflict:
    return Conflict(f"{name!r} is changed by others at the same time.", code="subscription_contended", field="name")


__all__ = ["SubscriptionService"]
