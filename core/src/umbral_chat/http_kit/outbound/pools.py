"""The connections of an outbound client: a pool of one for each call, kept for the next."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpcore
import httpx

from umbral_chat.http_kit.outbound.urls import CallUrl
from umbral_chat.transport_kit.certificates import trusted_certificates
from umbral_chat.transport_kit.proxies import proxy_for

KEEP_ALIVE = 5.0
"""Seconds that a connection is kept for the next call. Node, which many receivers run on, closes idle ones after
five."""


class ConnectionPools:
    """Pools of one connection each, of which at most `connections` are used at once.

    httpcore polls every idle socket of a pool for each request: one pool of 32 connections takes three times the
    processor that 32 pools of one take. `proxies`: a URL is called through the proxy that the environment names for it.
    """

    def __init__(self, connections: int, backend: httpcore.AsyncNetworkBackend, *, proxies: bool) -> None:
        self._backend, self._proxies = backend, proxies
        self._free = asyncio.Semaphore(connections)
        self._idle: dict[tuple[str, str | None], list[httpcore.AsyncConnectionPool]] = {}
        """Without a call, by scheme and proxy; the one that was used last is used next."""
        self._closed = False

    async def close(self) -> None:
        """Close the connections that no call uses; one that a call uses is closed when the call ends."""
        self._closed = True
        pools, self._idle = [pool for idle in self._idle.values() for pool in idle], {}
        for pool in pools:
            await pool.aclose()

    @asynccontextmanager
    async def kept(self, url: CallUrl) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        """One for a call, once there is a place; afterwards the next call has it."""
        proxy = self._proxy_of(url)
        certificates = await _certificates_for(url)
        async with self._free:
            idle = self._idle.setdefault((url.scheme, proxy), [])
            pool = idle.pop() if idle else self._new(proxy, certificates)
            cancelled = False
            try:
                yield pool
            except asyncio.CancelledError:
                cancelled = True
                raise
            finally:
                # One whose call was cancelled may not have its connection back: httpcore cannot shield what returns it
                # from asyncio's own cancellation.
                if cancelled or self._closed:
                    with anyio.CancelScope(shield=True):
                        await pool.aclose()
                else:
                    idle.append(pool)

    async def single(self, url: CallUrl) -> httpcore.AsyncConnectionPool:
        """One that is not counted, and that the caller closes."""
        return self._new(self._proxy_of(url), await _certificates_for(url))

    def _proxy_of(self, url: CallUrl) -> str | None:
        return proxy_for(str(url)) if self._proxies else None

    def _new(self, proxy: str | None, certificates: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=certificates,
            proxy=None if proxy is None else _proxy(proxy),
            max_connections=1,
            keepalive_expiry=KEEP_ALIVE,
            network_backend=self._backend,
        )


async def _certificates_for(url: CallUrl) -> ssl.SSLContext | None:
    if url.scheme != "https":
        return None
    if not trusted_certificates.cache_info().currsize:
        await asyncio.to_thread(trusted_certificates)
    return trusted_certificates()


def _proxy(address: str) -> httpcore.Proxy:
    parsed = httpx.Proxy(address)  # which takes the user and password out of the address
    url = parsed.url
    return httpcore.Proxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        auth=parsed.raw_auth,
    )


__all__ = ["KEEP_ALIVE", "ConnectionPools"]
