"""Push: each event is sent to the subscription's URL by one signed POST."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
from umbral_chat.errors import ConsumerError, InvalidRequest, TryLater
from umbral_chat.http_kit.outbound import OutboundError, signed_headers

from umbral_chat_subscriptions.events import end_event, entry_event
from umbral_chat_subscriptions.selection import Selection

if TYPE_CHECKING:
    from umbral_chat.clock import Clock
    from umbral_chat.http_kit.outbound import OutboundAnswer, OutboundClient
    from umbral_chat.model.entries import Entry
    from umbral_chat.providers.edges import LogEnd
    from umbral_chat.providers.history import History

    from umbral_chat_subscriptions.events import Event
    from umbral_chat_subscriptions.metrics import PushCounters
    from umbral_chat_subscriptions.records import PushEndpoint, Subscription

CONNECTIONS = 32
"""Calls to one receiver at once: as many as a consumer works on conversations."""

ANSWER_LIMIT = 1_024
"""Bytes of a receiver's answer that are read: none is used, and a short one lets the connection be used again."""

_HEADERS = {"Content-Type": "application/json"}

_ASKS_FOR_TIME = frozenset({429, 503})


class PushFailed(ConsumerError):
    """A receiver did not take an event."""


class PushConsumer(Selection):
    """Sends a subscription's events. 2xx: taken; 410: the subscription ends; anything else: tried again, after the
    `Retry-After` of a 429 or 503."""

    def __init__(
        self,
        subscription: Subscription,
        push: PushEndpoint,
        history: History,
        client: OutboundClient,
        clock: Clock,
        counters: PushCounters,
        end: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(subscription, history)
        self._subscription = subscription.id
        self._push = push
        self._client = client
        self._clock = clock
        self._counters = counters
        self._end = end

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        """See `Consumer`."""
        await self.send(entry_event(self._subscription, conversation, epoch, entry))

    async def handle_end(self, conversation: str, end: LogEnd) -> None:
        """See `TakesEnds`."""
        await self.send(end_event(self._subscription, conversation, end))

    async def send(self, event: Event) -> None:
        """Send one event. Raises ConsumerError where the receiver did not take it."""
        body = _encoder.encode(event)
        now = self._clock.now()
        headers = signed_headers(self._push.secret, event.id, math.floor(now.timestamp()), body)
        began = self._clock.monotonic()
        try:
            url = self._client.parse(self._push.url)
            answer = await self._client.post(url, body, _HEADERS | headers, answer_limit=ANSWER_LIMIT)
        except (OutboundError, InvalidRequest) as error:
            self._counters.pushed("failed", self._clock.monotonic() - began)
            raise PushFailed(f"{error.code}: {error.detail}") from None
        if 200 <= answer.status < 300:
            self._counters.pushed("taken", self._clock.monotonic() - began)
            return
        if answer.status == 410:
            self._counters.pushed("gone", self._clock.monotonic() - began)
            await self._end()
            return
        self._counters.pushed("refused", self._clock.monotonic() - began)
        raise self._refused(answer)

    def _refused(self, answer: OutboundAnswer) -> ConsumerError:
        reason = f"The receiver answered {answer.status}."
        seconds = answer.retry_after(self._clock.now()) if answer.status in _ASKS_FOR_TIME else None
        return PushFailed(reason) if seconds is None else TryLater(seconds, reason)


_encoder = msgspec.json.Encoder()

__all__ = ["CONNECTIONS", "PushConsumer", "PushFailed"]
