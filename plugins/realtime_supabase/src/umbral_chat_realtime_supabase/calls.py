"""Calling a function of the database: one call at a time of a bounded number, tried again where that does no harm."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TypeVar

import httpx
import msgspec
from postgrest.exceptions import APIError
from supabase import AsyncClient
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.depth import STORED_DEPTH, decode_stored, is_deeper
from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase.client import last_response
from umbral_chat_realtime_supabase.failures import FULL, Failure, failure
from umbral_chat_realtime_supabase.metrics import DURATION, FAILURES, METRICS, RETRIES
from umbral_chat_realtime_supabase.settings import Supabase

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
"""Seconds; each pause is drawn between nothing and twice the one before ("full jitter")."""

_log = logging.getLogger(__name__)


class CallFailed(HistoryUnavailable):
    """A call that failed for good. `failure` says why."""

    def __init__(self, found: Failure) -> None:
        super().__init__(found.detail)
        self.failure = found


class Calls:
    """Calls functions by name. `client` is set while the storage is open."""

    def __init__(self, settings: Supabase, clock: Clock, telemetry: Telemetry) -> None:
        telemetry.declare(*METRICS)
        self.client: AsyncClient | None = None
        self._settings, self._clock = settings, clock
        self._free = asyncio.Semaphore(settings.connections)
        self._duration = telemetry.histogram(DURATION)
        self._retries, self._failures = telemetry.counter(RETRIES), telemetry.counter(FAILURES)

    async def call(self, answer: type[T], function: str, *, safe: bool = True, **parameters: object) -> T:
        """Call `umbral_chat_` + `function`; what it answers, as an `answer`.

        `safe` False: doing it twice is not the same as once, so it is tried again only when it certainly was not done.
        Raises CallFailed, at the latest after twice `supabase.timeout` and the tries' pauses.
        """
        end = self._clock.monotonic() + 2 * self._settings.timeout
        given = {f"p_{name}": value for name, value in parameters.items() if value is not None}
        pause = _FIRST_PAUSE
        for left in range(self._settings.retries, -1, -1):
            try:
                return await self._once(answer, function, given)
            except CallFailed as error:
                found = error.failure
                again = found.again == "always" or (safe and found.again == "safe")
                wait = found.pause if found.pause is not None else random.uniform(0, pause)  # noqa: S311
                if not again or not left or self._clock.monotonic() + wait > end:
                    self._failures.labels(found.reason).add()
                    raise
                self._retries.labels(found.reason).add()
            pause = min(2 * pause, _LONGEST_PAUSE)
            await self._clock.sleep(wait)
        raise AssertionError("every try returns, raises or is followed by another")

    async def _once(self, answer: type[T], function: str, given: dict[str, object]) -> T:
        if self.client is None:
            raise CallFailed(Failure("unreachable", "The Supabase storage is not open."))
        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._free.acquire()
        except TimeoutError:
            raise CallFailed(FULL) from None
        begun = self._clock.monotonic()
        last_response.set(None)
        try:
            # The client's own timeouts are for each read: an answer that trickles in must end, too.
            async with asyncio.timeout(self._settings.connect_timeout + self._settings.timeout):
                return await _answered(self.client, f"umbral_chat_{function}", given, answer)
        except (httpx.HTTPError, APIError, msgspec.ValidationError, ValueError, OSError) as error:
            what = failure(error, self._settings.base, last_response.get())
            _log.debug("umbral_chat_%s failed: %s", function, what.detail)
            # What the client raised holds the request with its key and its text: it ends here.
            raise CallFailed(what) from None
        finally:
            self._free.release()
            self._duration.record(self._clock.monotonic() - begun)


async def _answered(client: AsyncClient, function: str, given: dict[str, object], answer: type[T]) -> T:
    """Raises what the client raises, and msgspec.ValidationError."""
    data: object = None
    recursed = False
    try:
        data = (await client.rpc(function, given).execute()).data
    except RecursionError:  # the client decodes whatever comes
        recursed = True
    response = last_response.get()
    if response is not None and response.is_success and (recursed or is_deeper(response.content, STORED_DEPTH)):
        return decode_stored(msgspec.json.Decoder(answer), response.content)
    if recursed:
        raise ValueError("the answer is nested too deep")
    return msgspec.convert(data, answer)


__all__ = ["CallFailed", "Calls"]
