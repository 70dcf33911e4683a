"""The subscriptions that run at this instance, each as a consumer of the core."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from umbral_chat.errors import Unavailable
from umbral_chat.http_kit.outbound import OutboundClient

from umbral_chat_subscriptions.metrics import PushCounters
from umbral_chat_subscriptions.push import CONNECTIONS, PushConsumer
from umbral_chat_subscriptions.selection import Selection
from umbral_chat_subscriptions.unread.consuming import UnreadPushConsumer, UnreadSelection
from umbral_chat_subscriptions.unread.finding import UnreadAnswers

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.providers.consumers import Claims, ConsumerService

    from umbral_chat_subscriptions.records import Stored, Subscription

log = logging.getLogger(__name__)

End = Callable[["Subscription"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Run:
    subscription: Subscription
    claims: Claims | None = None
    client: OutboundClient | None = None


class RunningSubscriptions:
    """Starts and stops consumers so that those run that are to run. One call after the other.

    A push runs unless it is paused. What is claimed runs also while it is paused, so that open claims can be
    acknowledged; `Subscription.paused` is for whoever gives claims to look at.
    """

    def __init__(self, services: Services, end: End) -> None:
        self._services = services
        self._end = end
        self._runs: dict[str, _Run] = {}
        self._failing: set[str] = set()
        """Ids of those that could not be started, which is logged once."""
        self._lock = asyncio.Lock()
        self._counters = PushCounters(services.base.telemetry, self._count)

    async def follow(self, wanted: Mapping[str, Stored]) -> None:
        """Have just these run. Raises HistoryUnavailable; then some of them may not."""
        found = {one.subscription.id: one.subscription for one in wanted.values()}
        async with self._lock:
            for ended in self._runs.keys() - found.keys():
                await self._stop(ended)
            self._failing &= found.keys()
            for subscription in found.values():
                await self._try_to_change(subscription)

    async def change(self, subscription: Subscription) -> None:
        """Have this one run as it is now. Raises HistoryUnavailable."""
        async with self._lock:
            await self._change(subscription)

    async def stop(self, subscription: str) -> None:
        """Stop the one of this id, if it runs."""
        async with self._lock:
            await self._stop(subscription)

    async def close(self) -> None:
        """Stop all of them."""
        async with self._lock:
            for subscription in list(self._runs):
                await self._stop(subscription)

    def named(self, name: str) -> Subscription | None:
        """The one of this name as it runs here, which another instance may have changed by now."""
        return next((run.subscription for run in self._runs.values() if run.subscription.name == name), None)

    def claims(self, subscription: str) -> Claims | None:
        """The claims of the one of this id, if it runs here and is claimed."""
        run = self._runs.get(subscription)
        return None if run is None else run.claims

    @property
    def _consumers(self) -> ConsumerService:
        return self._services.consumers

    async def _try_to_change(self, subscription: Subscription) -> None:
        """One that fails, such as one that ended a moment ago elsewhere, stops no other."""
        try:
            await self._change(subscription)
        except Unavailable:
            raise
        except Exception:
            if subscription.id not in self._failing:
                self._failing.add(subscription.id)
                log.warning("the subscription %s does not run here", subscription.name, exc_info=True)
        else:
            self._failing.discard(subscription.id)

    async def _change(self, subscription: Subscription) -> None:
        run = self._runs.get(subscription.id)
        if run is not None and run.subscription == subscription:
            return
        if subscription.push is not None:
            if run is not None:
                await self._stop(subscription.id)
            self._runs[subscription.id] = _Run(
                subscription, client=None if subscription.paused else await self._start_push(subscription)
            )
        else:
            claims = run.claims if run is not None else None
            if claims is None:
                claims = await self._consumers.claims(self._selection(subscription))
            self._runs[subscription.id] = _Run(subscription, claims=claims)

    def _selection(self, subscription: Subscription) -> Selection:
        history = self._services.storage.history
        if subscription.kind == "unread":
            return UnreadSelection(subscription, history, UnreadAnswers.of(self._services, subscription))
        return Selection(subscription, history)

    async def _start_push(self, subscription: Subscription) -> OutboundClient:
        services, push = self._services, subscription.push
        assert push is not None  # noqa: S101 - its callers looked
        client = OutboundClient(services.base.settings.core.outbound, connections=CONNECTIONS)

        async def end() -> None:
            await self._end(subscription)

        parts = (subscription, push, services.storage.history, client, services.base.clock, self._counters, end)
        unread = subscription.kind == "unread"
        try:
            await self._consumers.start(
                UnreadPushConsumer(*parts, UnreadAnswers.of(services, subscription)) if unread else PushConsumer(*parts)
            )
        except BaseException:
            await client.close()
            raise
        return client

    async def _stop(self, subscription: str) -> None:
        run = self._runs.pop(subscription, None)
        if run is None:
            return
        try:
            await self._consumers.stop(run.subscription.consumer)
        finally:
            # Also where the service stops meanwhile: nothing else knows this client any more.
            if run.client is not None:
                await run.client.close()

    def _count(self) -> Iterator[tuple[tuple[str, ...], int]]:
        counts = Counter(
            "paused" if run.subscription.paused else "pull" if run.subscription.push is None else "push"
            for run in list(self._runs.values())
        )
        return (((way,), counts[way]) for way in ("push", "pull", "paused"))


__all__ = ["RunningSubscriptions"]
