"""Calls of the database's functions: a bounded number at once, retried where that does no harm."""

from __future__ import annotations

import asyncio
import logging
from typing import TypeVar

import httpx
import msgspec
from postgrest.exceptions import APIError
from supabase import AsyncClient
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.depth import STORED_DEPTH, decode_stored, is_deeper
from umbral_chat.telemetry import Telemetry
from umbral_chat.transport_kit.backoff import Backoff

from umbral_chat_realtime_supabase.client import last_response
from umbral_chat_realtime_supabase.failures import NO_FREE_CONNECTION, Failure, failure
from umbral_chat_realtime_supabase.metrics import DURATION, FAILURES, METRICS, RETRIES
from umbral_chat_realtime_supabase.settings import Supabase

T = TypeVar("T")

_log = logging.getLogger(__name__)


class CallFailed(HistoryUnavailable):
    """A call that failed, and is not retried. `failure` is the reason."""

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

    async def call(self, result: type[T], function: str, *, safe: bool = True, **parameters: object) -> T:
        """Call `umbral_chat_` + `function`; its answer, decoded as a `result`.

        `safe` False: calling it twice has another effect than calling it once, so it is retried only when it certainly
        was not executed. Raises CallFailed, at the latest after twice `supabase.timeout` and the pauses.
        """
        end = self._clock.monotonic() + 2 * self._settings.timeout
        given = {f"p_{name}": value for name, value in parameters.items() if value is not None}
        backoff = Backoff(initial=0.1, maximum=2.0, multiplier=2.0, jitter="full")
        for left in range(self._settings.retries, -1, -1):
            try:
                return await self._once(result, function, given)
            except CallFailed as error:
                found = error.failure
                again = found.again == "always" or (safe and found.again == "safe")
                drawn = backoff.next()
                pause = drawn if found.pause is None else found.pause
                if not again or not left or self._clock.monotonic() + pause > end:
                    self._failures.labels(found.reason).add()
                    raise
                self._retries.labels(found.reason).add()
            await self._clock.sleep(pause)
        raise AssertionError("every attempt returns, raises or is followed by another")

    async def _once(self, result: type[T], function: str, given: dict[str, object]) -> T:
        if self.client is None:
            raise CallFailed(Failure("unreachable", "The Supabase storage is not open."))
        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._free.acquire()
        except TimeoutError:
            raise CallFailed(NO_FREE_CONNECTION) from None
        begun = self._clock.monotonic()
        last_response.set(None)
        try:
            # The client's own timeouts are for each read: a slowly arriving answer must end, too.
            async with asyncio.timeout(self._settings.connect_timeout + self._settings.timeout):
                return await _decoded(self.client, f"umbral_chat_{function}", given, result)
        except (httpx.HTTPError, APIError, msgspec.ValidationError, ValueError, OSError) as error:
            found = failure(error, self._settings.base, last_response.get())
            _log.debug("umbral_chat_%s failed: %s", function, found.detail)
            # The client's error contains the request with its key and its text: it is not passed on.
            raise CallFailed(found) from None
        finally:
            self._free.release()
            self._duration.record(self._clock.monotonic() - begun)


async def _decoded(client: AsyncClient, function: str, given: dict[str, object], result: type[T]) -> T:
    """The answer, decoded. Raises what the client raises, and msgspec.ValidationError."""
    data: object = None
    recursed = False
    try:
        data = (await client.rpc(function, given).execute()).data
    except RecursionError:  # from the client, which decodes JSON of any depth
        recursed = True
    response = last_response.get()
    if response is not None and response.is_success and (recursed or is_deeper(response.content, STORED_DEPTH)):
        return decode_stored(msgspec.json.Decoder(result), response.content)
    if recursed:
        raise ValueError("the answer is nested too deep")
    return msgspec.convert(data, result)


__all__ = ["CallFailed", "Calls"]
