"""Signals for clients on their conversation's own channel: drafts, runs, receipts, presence and typing."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Literal

import httpx
import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.signals import CHANNEL_SIGNALS, DraftSignal, ReadSignal, RunSignal, Signal
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_realtime_supabase import rpc_results
from umbral_chat_realtime_supabase.calls import Calls
from umbral_chat_realtime_supabase.http_transport import http_transport
from umbral_chat_realtime_supabase.live.outbox import BroadcastOutbox
from umbral_chat_realtime_supabase.live.traffic import Traffic
from umbral_chat_realtime_supabase.metrics import MEMBER_SIGNALS, REALTIME_METRICS
from umbral_chat_realtime_supabase.settings import Supabase

EVENT = "signals"

SEND_INTERVAL = 0.5
"""Seconds between two requests: drafts are published as often."""

MAX_SEND_INTERVAL = 8.0
"""Longest time in seconds between two requests, after failures. A draft lives 30 s."""

MAX_WAITING = 256
"""Most signals that wait to be sent, each of 32 kB at most."""

TopicLookup = Callable[[Collection[str]], Awaitable[dict[str, str]]]
"""The members' topics by conversation, without conversations to whose members nothing is broadcast. Raises
HistoryUnavailable."""

CAPACITY = 4_096
"""Conversations whose topics are cached, at some 300 bytes each: drafts are written in few at a time."""


class MemberTopics:
    """A cache of the members' topics: one call reads those of many conversations, and again after `ttl` seconds."""

    def __init__(self, calls: Calls, clock: Clock, *, ttl: float, capacity: int = CAPACITY) -> None:
        self._calls, self._clock, self._ttl, self._capacity = calls, clock, ttl, capacity
        self._cache: OrderedDict[str, tuple[str | None, float]] = OrderedDict()

    async def find(self, conversations: Collection[str]) -> dict[str, str]:
        """Topics by conversation, at most `ttl` seconds old, without conversations to whose members nothing is
        broadcast. Raises HistoryUnavailable."""
        # The age counts from before the call: the answer may be as old as that.
        now = self._clock.monotonic()
        known = {each: self._cache[each][0] for each in conversations if self._until(each) > now}
        if unknown := [each for each in conversations if each not in known]:
            names = msgspec.json.encode(unknown).decode()
            result = await self._calls.call(rpc_results.MemberTopicsResult, "member_topics", conversations=names)
            for each in unknown:
                known[each] = result.topics.get(each)
                self._cache[each] = (known[each], now + self._ttl)
                self._cache.move_to_end(each)
            while len(self._cache) > self._capacity:
                self._cache.popitem(last=False)
        return {each: topic for each, topic in known.items() if topic is not None}

    def _until(self, conversation: str) -> float:
        found = self._cache.get(conversation)
        return float("-inf") if found is None else found[1]


_Outcome = Literal["told", "limited", "failed"]

_log = logging.getLogger(__name__)


class MemberSignals:
    """Broadcasts drafts, runs, receipts, presence and typing on the members' topics, through Realtime's HTTP API: one
    request for many conversations.

    Best effort: a draft is sent whole each time and its entry ends it, and so are the runs, so the next one makes up
    for a lost one. The queue is bounded, and a newer signal about the same message replaces the older one.
    """

    def __init__(
        self, topics: TopicLookup, settings: Supabase, key: Secret, clock: Clock, telemetry: Telemetry
    ) -> None:
        telemetry.declare(*REALTIME_METRICS)
        self._topics, self._settings, self._key, self._clock = topics, settings, key, clock
        self._traffic, self._counted = Traffic(telemetry), telemetry.counter(MEMBER_SIGNALS)
        self._outbox = BroadcastOutbox(MAX_WAITING, settings.signals_per_second, clock.monotonic())

    def put(self, signal: Signal) -> None:
        """Queue a signal to be broadcast, without waiting for that. Signals that are not for members are ignored."""
        if isinstance(signal, DraftSignal):
            signal = msgspec.structs.replace(signal, writer=None, fence=0)  # only instances may know them
        if isinstance(signal, (DraftSignal, RunSignal, ReadSignal, *CHANNEL_SIGNALS)):
            self._outbox.put(signal)

    async def run(self) -> None:
        """Broadcast the queued signals until cancelled."""
        backoff = Backoff(initial=2 * SEND_INTERVAL, maximum=MAX_SEND_INTERVAL, multiplier=2.0, jitter="equal")
        timeout = httpx.Timeout(self._settings.timeout, connect=self._settings.connect_timeout)
        limits = httpx.Limits(max_connections=1, keepalive_expiry=45.0)
        async with httpx.AsyncClient(
            headers={"apikey": self._key.reveal()},
            timeout=timeout,
            transport=http_transport(self._settings.base, limits),
            base_url=self._settings.base,
        ) as http:
            while True:
                await self._outbox.filled()
                outcome: _Outcome
                try:
                    outcome = await self._send(http)
                except Exception:  # noqa: BLE001  # no error may end this loop
                    _log.exception("Broadcasting signals to members failed, and continues.")
                    outcome = "failed"
                if outcome == "told":
                    backoff.reset()
                await self._clock.sleep(SEND_INTERVAL if outcome == "told" else backoff.next())

    async def _send(self, http: httpx.AsyncClient) -> _Outcome:
        batches = self._outbox.take(self._clock.monotonic())
        try:
            topics = await self._topics([conversation for conversation, _ in batches])
        except HistoryUnavailable as error:
            return self._count("failed", len(batches), error.detail)
        messages: list[dict[str, Any]] = [
            {
                "topic": topics[conversation],
                "event": EVENT,
                "private": True,
                "payload": {"conversation": conversation, "signals": msgspec.to_builtins(signals)},
            }
            for conversation, signals in batches
            if conversation in topics
        ]
        if not messages:
            return "told"
        for _ in messages:
            self._traffic.broadcast_sent()
        try:
            # The client's own timeouts are for each read: a slowly arriving answer must end, too.
            async with asyncio.timeout(self._settings.connect_timeout + self._settings.timeout):
                answer = await http.post("/realtime/v1/api/broadcast", json={"messages": messages})
        except (httpx.HTTPError, OSError) as error:
            # The error itself contains the request with its key.
            return self._count("failed", len(messages), type(error).__name__)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return self._count("limited", len(messages), "429")
        if not answer.is_success:
            return self._count("failed", len(messages), str(answer.status_code))
        return self._count("told", len(messages))

    def _count(self, outcome: _Outcome, messages: int, why: str = "") -> _Outcome:
        self._counted.labels(outcome).add(messages)
        if why:
            _log.debug("%d batches of signals were not broadcast to members: %s", messages, why)
        return outcome


__all__ = [
    "CAPACITY",
    "EVENT",
    "MAX_SEND_INTERVAL",
    "MAX_WAITING",
    "SEND_INTERVAL",
    "MemberSignals",
    "MemberTopics",
    "TopicLookup",
]
