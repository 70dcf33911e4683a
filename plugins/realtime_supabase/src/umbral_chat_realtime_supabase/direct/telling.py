"""Signals for those who listen on their conversation's own channel: what is being written, while it is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Literal

import httpx
import msgspec
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.signals import CHANNEL_SIGNALS, DraftSignal, Signal
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase.calling import transport
from umbral_chat_realtime_supabase.live.outbox import Outbox
from umbral_chat_realtime_supabase.live.traffic import Traffic
from umbral_chat_realtime_supabase.metrics import MEMBER_SIGNALS, REALTIME_METRICS
from umbral_chat_realtime_supabase.settings import Supabase

EVENT = "signals"

PACE = 0.5
"""Seconds between two requests: drafts are published as often."""

SLOWEST = 8.0
"""Longest time between two requests, after failures. A draft lives 30 s."""

WAITING = 256
"""Most signals that wait, of some 32 kB at most as messages go."""

Topics = Callable[[Collection[str]], Awaitable[dict[str, str]]]
"""Of conversations: on which topic the members of each listen, without those that have nobody to tell. Raises
HistoryUnavailable."""

_Outcome = Literal["told", "limited", "failed"]

_log = logging.getLogger(__name__)


class MemberSignals:
    """Tells drafts, presence and typing on the members' topics, by Realtime's HTTP API: one request for many
    conversations.

    Best effort: a draft is told whole each time and its entry ends it, so what is lost is made good by the next one.
    What waits is bounded, and a newer signal of the same message takes the older one's place.
    """

    def __init__(self, topics: Topics, settings: Supabase, key: Secret, clock: Clock, telemetry: Telemetry) -> None:
        telemetry.declare(*REALTIME_METRICS)
        self._topics, self._settings, self._key, self._clock = topics, settings, key, clock
        self._traffic, self._counted = Traffic(telemetry), telemetry.counter(MEMBER_SIGNALS)
        self._outbox = Outbox(WAITING, settings.signals_per_second, clock.monotonic())
        self._filled = asyncio.Event()

    def put(self, signal: Signal) -> None:
        """Tell it soon; at once done, whatever becomes of it. What is not for members is left out."""
        if isinstance(signal, DraftSignal):
            signal = msgspec.structs.replace(signal, writer=None)  # it is for instances alone
        if isinstance(signal, (DraftSignal, *CHANNEL_SIGNALS)):
            self._outbox.put(signal.conversation, signal)
            self._filled.set()

    async def run(self) -> None:
        """Tell what is put, until cancelled."""
        pause = PACE
        timeout = httpx.Timeout(self._settings.timeout, connect=self._settings.connect_timeout)
        limits = httpx.Limits(max_connections=1, keepalive_expiry=45.0)
        async with httpx.AsyncClient(
            headers={"apikey": self._key.reveal()},
            timeout=timeout,
            transport=transport(self._settings.base, limits),
            base_url=self._settings.base,
        ) as http:
            while True:
                await self._filled.wait()
                outcome: _Outcome
                try:
                    outcome = await self._tell(http)
                except Exception:  # noqa: BLE001  # whatever it is, it must not end the telling
                    _log.exception("Telling members what is being written failed, and goes on.")
                    outcome = "failed"
                pause = PACE if outcome == "told" else min(2 * pause, SLOWEST)
                if not self._outbox:
                    self._filled.clear()
                await self._clock.sleep(pause)

    async def _tell(self, http: httpx.AsyncClient) -> _Outcome:
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
            self._traffic.said()
        try:
            # The client's own timeouts are for each read: an answer that trickles in must end, too.
            async with asyncio.timeout(self._settings.connect_timeout + self._settings.timeout):
                answer = await http.post("/realtime/v1/api/broadcast", json={"messages": messages})
        except (httpx.HTTPError, OSError) as error:
            # The error holds the request with its key.
            return self._count("failed", len(messages), type(error).__name__)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return self._count("limited", len(messages), "429")
        if not answer.is_success:
            return self._count("failed", len(messages), str(answer.status_code))
        return self._count("told", len(messages))

    def _count(self, outcome: _Outcome, messages: int, why: str = "") -> _Outcome:
        self._counted.labels(outcome).add(messages)
        if why:
            _log.debug("Members were not told %d signals' batches: %s", messages, why)
        return outcome


__all__ = ["EVENT", "PACE", "SLOWEST", "WAITING", "MemberSignals", "Topics"]
