"""The client for calls to URLs that users give: bounded in time and size, without redirects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from ipaddress import ip_network
from types import TracebackType
from typing import Literal, Self, cast

import anyio
import httpcore

from umbral_chat import __version__
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit.outbound.answers import (
    REDIRECTS,
    OutboundAnswer,
    OutboundStream,
    check_no_redirect,
    headers_of,
)
from umbral_chat.http_kit.outbound.connecting import PinnedBackend, Resolve, permitted_addresses, resolve
from umbral_chat.http_kit.outbound.errors import OutboundError
from umbral_chat.http_kit.outbound.failures import errors_of
from umbral_chat.http_kit.outbound.pools import ConnectionPools
from umbral_chat.http_kit.outbound.urls import CallUrl, parse_url
from umbral_chat.settings import OutboundLimits

ANSWER_LIMIT = 65_536
"""Bytes of an answer that are read unless the caller wants fewer or more."""

CLOSE_TIMEOUT = 2.0
"""Seconds that a call that was ended has to close its connection."""


class OutboundClient:
    """Calls URLs that users gave, or with `trusted` ones out of the deployer's settings. An async context manager.

    A trusted URL may lead anywhere and goes through the proxy that the environment names for it. Any other is connected
    to directly, at an address of the public internet or of `core.outbound.allow`, which is pinned: see `PinnedBackend`.
    No redirect is followed and no cookie kept. Of one client at most `connections` calls run at once, and as many again
    wait: give each receiver a client of its own, so that a slow one delays no other.
    """

    def __init__(
        self,
        settings: OutboundLimits,
        *,
        trusted: bool = False,
        connections: int = 16,
        resolve: Resolve = resolve,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._settings = settings
        self._trusted = trusted
        self._connections = connections
        self._resolve = resolve
        self._allowed = tuple(map(ip_network, settings.allow))
        backend = backend or httpcore.AnyIOBackend()
        if not trusted:
            backend = PinnedBackend(allowed=self._allowed, resolve=resolve, backend=backend)
        self._pools = ConnectionPools(connections, backend, proxies=trusted)
        self._calls = 0
        self._streams = asyncio.Semaphore(connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that no call uses; one that a call uses is closed when the call ends."""
        await self._pools.close()

    def parse(self, text: str, *, field: str = "url") -> CallUrl:
        """The URL, if its form is one that is called. Raises InvalidRequest (`refused_url`): see `parse_url`."""
        return parse_url(text, field=field, trusted=self._trusted)

    async def check(self, text: str, *, field: str = "url") -> CallUrl:
        """`parse`, and whether its host may be called as it resolves now. Raises InvalidRequest (`refused_url`).

        A host that does not resolve now passes: it may yet. Each call checks the address that it connects to, whatever
        was found here.
        """
        url = self.parse(text, field=field)
        if not self._trusted:
            try:
                await permitted_addresses(
                    url.host,
                    url.port,
                    allowed=self._allowed,
                    resolve=self._resolve,
                    timeout=self._settings.connect_timeout,
                )
            except OutboundError as error:
                if error.code == "refused_url":
                    raise InvalidRequest(f"{field}: {error.detail}", code="refused_url", field=field) from None
        return url

    async def post(
        self,
        url: CallUrl,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float | None = None,
        answer_limit: int = ANSWER_LIMIT,
    ) -> OutboundAnswer:
        """POST `body`, and the answer with at most `answer_limit` bytes of its body.

        `timeout`: seconds for all of it, with waiting for a connection (None: `core.outbound.timeout`). Raises
        OutboundError. An answer of any status but a redirect is returned.
        """
        return await self._call("POST", url, body, headers, timeout, answer_limit)

    async def get(
        self,
        url: CallUrl,
        headers: Mapping[str, str],
        *,
        timeout: float | None = None,
        answer_limit: int = ANSWER_LIMIT,
    ) -> OutboundAnswer:
        """GET, in everything else as `post`."""
        return await self._call("GET", url, None, headers, timeout, answer_limit)

    @asynccontextmanager
    async def stream(
        self, url: CallUrl, body: bytes, headers: Mapping[str, str], *, timeout: float | None = None
    ) -> AsyncIterator[OutboundStream]:
        """POST `body`, and the answer as its head arrived, whose body is then read piece by piece, for as long as it
        takes. The connection is used for this call alone: none is lost with one that the receiver closed in the
        meantime, and what is cancelled takes no place of a pool with it. `close` does not end it.

        `timeout`: seconds until the head has arrived (None: `core.outbound.timeout`). Raises OutboundError, whose
        `sent` says whether the receiver may have got the request.
        """
        seconds = self._settings.timeout if timeout is None else timeout
        async with AsyncExitStack() as stack:
            stack.enter_context(self._counted())
            with errors_of(url, seconds):
                async with asyncio.timeout(seconds):
                    await stack.enter_async_context(self._streams)
                    pool = await stack.enter_async_context(await self._pools.single(url))
                    opening = self._open("POST", pool, url, body, {"Connection": "close", **headers})
                    response = await stack.enter_async_context(opening)
            check_no_redirect(url, response.status)
            stream = OutboundStream(response, url)
            stack.push_async_callback(stream.close)
            yield stream

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._calls >= 2 * self._connections:
            raise OutboundError("too_many_calls", f"{self._connections} calls run, and as many wait.", sent=False)
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def _call(
        self,
        method: Literal["GET", "POST"],
        url: CallUrl,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float | None,
        limit: int,
    ) -> OutboundAnswer:
        seconds = self._settings.timeout if timeout is None else timeout
        with self._counted(), errors_of(url, seconds):
            answer = await _within(seconds, self._answer(method, url, body, headers, limit))
        check_no_redirect(url, answer.status)
        return answer

    def _open(
        self,
        method: Literal["GET", "POST"],
        pool: httpcore.AsyncConnectionPool,
        url: CallUrl,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> AbstractAsyncContextManager[httpcore.Response]:
        connect = self._settings.connect_timeout
        sent = {
            "Host": url.authority,
            "User-Agent": f"umbral-chat/{__version__}",
            "Accept-Encoding": "identity",  # so that what is read is no larger than what was sent
            **({} if body is None else {"Content-Length": str(len(body))}),
            **headers,
        }
        return pool.stream(
            method,
            httpcore.URL(scheme=url.scheme.encode(), host=url.host.encode(), port=url.port, target=url.target.encode()),
            headers=list(sent.items()),
            content=body,
            extensions={"timeout": {"connect": connect}},
        )

    async def _answer(
        self,
        method: Literal["GET", "POST"],
        url: CallUrl,
        body: bytes | None,
        headers: Mapping[str, str],
        limit: int,
    ) -> OutboundAnswer:
        async with self._pools.kept(url) as pool, self._open(method, pool, url, body, headers) as response:
            if response.status in REDIRECTS:
                return OutboundAnswer(response.status, {}, b"", complete=False)
            chunks: list[bytes] = []
            size, complete = 0, True
            async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_stream())) as stream:
                async for chunk in stream:
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > limit:
                        complete = False
                        break
            return OutboundAnswer(response.status, headers_of(response), b"".join(chunks)[:limit], complete)


async def _within(seconds: float, call: Coroutine[None, None, OutboundAnswer]) -> OutboundAnswer:
    """The answer. Raises TimeoutError after so many seconds.

    A call is ended by an AnyIO scope, as httpcore expects: it shields what returns a connection to its pool from that,
    and cannot from asyncio's own cancellation, after which the pool has one connection less for good.
    """
    scope = anyio.CancelScope()

    async def run() -> OutboundAnswer | None:
        with scope:
            return await call
        return None

    task = asyncio.create_task(run(), name="outbound call")
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, also where nobody waits any more
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        if not task.done():
            scope.cancel()
            await asyncio.wait((task,), timeout=CLOSE_TIMEOUT)
            task.cancel()
    answer = await task
    if answer is None:
        raise TimeoutError
    return answer


__all__ = ["ANSWER_LIMIT", "OutboundClient"]
