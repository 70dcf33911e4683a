"""The hub: every stream of this instance, whatever its edge. It hands what is new in a conversation to all who follow
it, ends the streams that are to end, and bounds what they cost.

An edge authenticates its client, opens a subscription with `Hub.open`, which raises what refuses it, answers, and then
starts it with the `Sink` that it writes to. When the client leaves it calls `Subscription.end`.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from umbral_chat.errors import Conflict, HistoryUnavailable, RequestError, Unavailable
from umbral_chat.http_kit.epochs import check_epoch
from umbral_chat.model.cursor import START, Cursor

from umbral_chat_streaming.channel import Channel
from umbral_chat_streaming.metrics import StreamCounters
from umbral_chat_streaming.parts import HubParts
from umbral_chat_streaming.sink import FrameFormat, Sink
from umbral_chat_streaming.status import Closed, Opened, closed, closed_by
from umbral_chat_streaming.subscription import Subscription

if TYPE_CHECKING:
    from umbral_chat.context import Services, ToggleInfo
    from umbral_chat.feed import ReaderPermit
    from umbral_chat.providers.auth import Principal

    from umbral_chat_streaming.settings import Streaming

TICK = 1.0
"""Seconds between two looks at what no event announces: heartbeats, expiry, and the lifetime of connections."""

RECHECKS = 16
"""Subscriptions whose rights are checked again side by side: enough for a store that answers in milliseconds, few for
one that takes connections."""

RECHECK_TIMEOUT = 5.0
"""Seconds that one check of rights may take. It is asked again in the next round."""


class Opening:
    """A subscription that is granted and not yet started: time for the edge to answer its client. Either `start` or
    `close` has to be called."""

    __slots__ = ("_permit", "_start", "_started", "cursor", "head")

    def __init__(
        self, cursor: Cursor, head: int, permit: ReaderPermit | None, start: Callable[[Opening, Sink], Subscription]
    ) -> None:
        self.cursor = cursor
        """Where the stream begins."""
        self.head = head
        self._permit = permit
        self._start = start
        self._started = False

    def start(self, sink: Sink) -> Subscription:
        """Write the status and what the client is missing to `sink`, and from then on what is new."""
        self._started = True
        return self._start(self, sink)

    def close(self) -> None:
        """Give it up. It does nothing once it was started: the subscription ends by itself."""
        if self._permit is not None and not self._started:
            self._permit.close()


class Hub:
    """Made once, before the service runs. It does nothing until there is a subscription."""

    def __init__(self, services: Services, settings: Streaming) -> None:
        self.settings = settings
        self._services = services
        self._access = services.access
        self._clock = services.base.clock
        self._interval = services.base.settings.realtime.reconcile_interval
        self._channels: dict[str, Channel] = {}
        self._edges: Counter[str] = Counter()
        counters = StreamCounters(services.base.telemetry, self._streams)
        self._counters = counters
        self._parts = HubParts(services, settings, counters)
        self._running: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None
        self._random = random.Random()  # noqa: S311 - spreads load, guards nothing
        services.lifecycle.on_drain(self._drain)
        services.toggle.on_change(self._toggled)

    def __len__(self) -> int:
        return sum(self._edges.values())

    @property
    def enabled(self) -> bool:
        """Whether realtime is on."""
        return self._services.toggle.state.enabled

    @property
    def draining(self) -> bool:
        """Whether the service stops, and takes no new streams."""
        return self._services.lifecycle.draining.is_set()

    async def open(
        self, principal: Principal, conversation: str, after: Cursor, *, edge: str, own_connection: bool = True
    ) -> Opening:
        """A subscription of `principal`, whom the edge has authorized to read the conversation, from `after` on.

        `edge` names it in the metrics. `own_connection`: the connection is this subscription's alone, so it takes a
        reader's permit, and ends with the credentials and at the end of the connection's lifetime; of a connection
        with several the edge sees to that.

        Raises CursorExpired, ConversationDeleted, HistoryUnavailable (nothing is known from memory either),
        Unavailable (`too_many_readers`, `draining`), TooManyRequests (`too_many_own_readers`), and Conflict
        (`realtime_off`).
        """
        if self.draining:
            raise Unavailable("This instance stops: connect to another one.", code="draining")
        if not self.enabled:
            raise Conflict("Realtime is switched off: poll.", code="realtime_off")
        permit = self._services.feeds.permit(principal) if own_connection else None
        try:
            batch = await self._services.feeds.read(conversation, after, 1)
            check_epoch(principal, conversation, batch.epoch)
            if self._services.presence is not None and batch.stale_since is None:
                # The first list has who is present at other instances, too, if that can be read now.
                with suppress(HistoryUnavailable):
                    await self._services.presence.settled(conversation)
        except BaseException:
            if permit is not None:
                permit.close()
            raise

        def start(opening: Opening, sink: Sink) -> Subscription:
            return self._start(opening, sink, principal, conversation, edge, permit)

        return Opening(START if batch.epoch is None else after, batch.head, permit, start)

    def subscriptions(self) -> Iterator[Subscription]:
        """All of them."""
        for channel in list(self._channels.values()):
            yield from list(channel.subscriptions)

    # inside

    def _start(
        self,
        opening: Opening,
        sink: Sink,
        principal: Principal,
        conversation: str,
        edge: str,
        permit: ReaderPermit | None,
    ) -> Subscription:
        channel = self._channels.get(conversation)
        if channel is None:
            channel = self._channels[conversation] = Channel(self._parts, conversation)
        subscription = Subscription(
            self._parts,
            channel,
            principal,
            sink,
            opening.cursor,
            edge=edge,
            permit=permit,
            ended=self._ended,
        )
        channel.subscriptions.add(subscription)
        self._edges[edge] += 1
        if permit is not None:
            lifetime = self.settings.connection_lifetime * (9 + 2 * self._random.random()) / 11
            subscription.ends_at = asyncio.get_running_loop().time() + lifetime
            if principal.expires_at is not None:
                subscription.expires_at = principal.expires_at
        if self._running is None:
            self._running = self._parts.start(self._tick(), name="ticks")
            self._checking = self._parts.start(self._recheck(), name="rights")
        self._welcome(subscription)
        return subscription

    def _welcome(self, subscription: Subscription) -> None:
        channel = subscription.channel
        if self.draining or not self.enabled:  # since it was opened
            subscription.finish(self._draining() if self.draining else _realtime_off())
            return
        subscription.status_sent = channel.status
        form = subscription.sink.format
        subscription.write(form.status(channel.conversation, channel.opened(subscription.cursor)))
        if not subscription.ended:
            subscription.start()

    def _ended(self, subscription: Subscription, code: str) -> None:
        channel = subscription.channel
        channel.subscriptions.discard(subscription)
        self._edges[subscription.edge] -= 1
        self._counters.ended(code)
        if not channel.subscriptions and self._channels.get(channel.conversation) is channel:
            del self._channels[channel.conversation]
            channel.close()
        if not self._channels:
            for task in (self._running, self._checking):
                if task is not None and task is not asyncio.current_task():
                    task.cancel()
            self._running = self._checking = None

    def _streams(self) -> Iterable[tuple[tuple[str, ...], int]]:
        return [((edge,), count) for edge, count in list(self._edges.items())]

    # ends

    def _drain(self) -> None:
        for subscription in list(self.subscriptions()):
            subscription.finish(self._draining())

    def _draining(self) -> Closed:
        # Drawn for each connection, so that also clients which wait exactly that long come back one by one.
        after = self._random.uniform(0, self.settings.drain_window)
        return closed(
            "draining", "This instance stops. Come back: another one, or its successor, answers.", retry=after
        )

    def _toggled(self, state: ToggleInfo) -> None:
        if not state.enabled:
            for subscription in list(self.subscriptions()):
                subscription.finish(_realtime_off())

    async def _tick(self) -> None:
        loop, me = asyncio.get_running_loop(), asyncio.current_task()
        while self._running is me:
            await asyncio.sleep(TICK)
            now, wall = loop.time(), self._clock.now().timestamp()
            beat = now - self.settings.heartbeat
            for channel in list(self._channels.values()):
                channel.tick(now)
                for subscription in list(channel.subscriptions):
                    if wall >= subscription.expires_at:
                        subscription.finish(closed("token_expired", "The credentials have expired: renew them."))
                    elif now >= subscription.ends_at:
                        subscription.finish(closed("rebalance", "The connection was open long enough: come back."))
                    else:
                        subscription.beat(beat)

    async def _recheck(self) -> None:
        """Every `reconcile_interval` seconds ask whether those who read still may."""
        me = asyncio.current_task()
        while self._checking is me:
            await asyncio.sleep(self._interval)
            waiting = list(self.subscriptions())
            for at in range(0, len(waiting), RECHECKS):
                await asyncio.gather(*map(self._check, waiting[at : at + RECHECKS]))

    async def _check(self, subscription: Subscription) -> None:
        if subscription.ended:
            return
        principal, channel = subscription.principal, subscription.channel
        try:
            async with asyncio.timeout(RECHECK_TIMEOUT):
                await self._access.authorize(principal, "read", channel.conversation)
            if channel.follower.known and not channel.follower.gone:
                check_epoch(principal, channel.conversation, channel.follower.cursor.epoch)
        except (HistoryUnavailable, Unavailable, TimeoutError):
            return  # what cannot be decided now is asked again
        except RequestError as error:
            subscription.finish(closed_by(error))


def _realtime_off() -> Closed:
    return closed("realtime_off", "Realtime was switched off: poll.")


__all__ = [
    "Closed",
    "FrameFormat",
    "Hub",
    "Opened",
    "Opening",
    "Sink",
    "Subscription",
    "closed",
    "closed_by",
]
