"""The transport of HTTP clients for the project: through the proxy that the environment names for it, if any."""

from __future__ import annotations

import asyncio
from types import TracebackType

import httpx
from umbral_chat.transport_kit.proxies import proxy_for

CLOSE_TIMEOUT = 2.0
"""Seconds that a closing client gives the calls whose callers have left."""


class FinishingTransport(httpx.AsyncHTTPTransport):
    """Lets a call end, within its own timeouts, when its caller is cancelled, and drops the response.

    Below httpx, a connection that is made in the moment of the cancellation is lost, and stays open until it is
    collected: `anyio.connect_tcp` has no owner for it then.
    """

    def __init__(self, proxy: str | httpx.Proxy | None, limits: httpx.Limits, *, verify: bool) -> None:
        super().__init__(proxy=proxy, limits=limits, verify=verify)
        self._left: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx. Raises what it raises."""
        call = asyncio.create_task(super().handle_async_request(request), name="supabase: call")
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            finish = asyncio.create_task(_finish(call), name="supabase: call without a caller")
            self._left.add(finish)
            finish.add_done_callback(self._left.discard)
            raise

    async def aclose(self) -> None:
        """Close every connection, after the calls that were left."""
        await self._end_calls()
        await super().aclose()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """See `aclose`."""
        await self._end_calls()
        await super().__aexit__(exc_type, exc_value, traceback)

    async def _end_calls(self) -> None:
        if self._left:
            await asyncio.wait(self._left, timeout=CLOSE_TIMEOUT)
        for task in list(self._left):
            task.cancel()


async def _finish(call: asyncio.Task[httpx.Response]) -> None:
    try:
        response = await call
        await response.aclose()
    except httpx.HTTPError:
        pass  # nobody waits for what became of it


def http_transport(url: str, limits: httpx.Limits | None = None) -> httpx.AsyncHTTPTransport:
    """The transport for a client of `url`, which then does not read the proxy variables itself. Raises SettingsError
    for a proxy variable that cannot be used."""
    return FinishingTransport(
        proxy_for(url),
        limits or httpx.Limits(),
        # Reading the certificates takes 30 ms of a processor for each client; plain HTTP does not need them.
        verify=not url.lower().startswith("http://"),
    )


__all__ = ["http_transport"]
