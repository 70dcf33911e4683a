"""The client for calls to URLs that users give: bounded in time and size, without redirects."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_network
from types import TracebackType
from typing import Literal, NamedTuple, Self, cast

import anyio
import httpcore
import httpx

from umbral_chat import __version__
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit.outbound.connecting import PinnedBackend, Resolve, permitted_addresses, resolve
from umbral_chat.http_kit.outbound.errors import OutboundError
from umbral_chat.http_kit.outbound.urls import CallUrl, parse_url
from umbral_chat.settings import OutboundLimits
from umbral_chat.transport_kit.proxies import proxy_for

ANSWER_LIMIT = 65_536
"""Bytes of an answer that are read unless the caller wants fewer or more."""

KEEP_ALIVE = 5.0
"""Seconds that a connection is kept for the next call. Node, which many receivers run on, closes idle ones after
five."""

CLOSE_TIMEOUT = 2.0
"""Seconds that a call that was ended has to close its connection."""

RETRY_AFTER_LIMIT = 86_400.0
"""Longest pause that an answer may ask for, in seconds: a receiver's mistake is not to silence it for good."""

_REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})


class OutboundAnswer(NamedTuple):
    """An answer that is not a redirect. `complete` False: `body` is only its beginning."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name; of a name that was sent more than once, the last."""
    body: bytes
    complete: bool

    def retry_after(self, now: datetime) -> float | None:
        """Seconds after which to try again by the header `Retry-After` (RFC 9110, 10.2.3), at most a day; None: it has
        none that can be read."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return min(RETRY_AFTER_LIMIT, float(value[:12]))
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(RETRY_AFTER_LIMIT, max(0.0, (at - now).total_seconds()))


class OutboundStream:
    """An answer whose body is read as it comes, within `OutboundClient.stream`."""

    def __init__(self, response: httpcore.Response, url: CallUrl) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = _headers_of(response)
        """As those of an OutboundAnswer."""
        self._chunks = cast("AsyncGenerator[bytes]", response.aiter_stream())
        self._url = url

    async def read(self, timeout: float) -> bytes:
        """The next bytes, and none at the end. Raises OutboundError: `call_timeout` when none come within `timeout`
        seconds, and where the connection was lost. After that nothing more can be read."""
        with _errors_of(self._url, timeout, connecting=False):
            async with asyncio.timeout(timeout):
                return await anext(self._chunks, b"")

    async def close(self) -> None:
        """Read nothing more."""
        await self._chunks.aclose()


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
        self._backend = backend or httpcore.AnyIOBackend()
        self._idle: dict[tuple[str, str | None], list[httpcore.AsyncConnectionPool]] = {}
        """Pools of one connection without a call, by scheme and proxy; the one that was used last is used next."""
        self._closed = False
        self._free = asyncio.Semaphore(connections)
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
        self._closed = True
        pools, self._idle = [pool for idle in self._idle.values() for pool in idle], {}
        for pool in pools:
            await pool.aclose()

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
            with _errors_of(url, seconds):
                async with asyncio.timeout(seconds):
                    await stack.enter_async_context(self._streams)
                    pool = await stack.enter_async_context(await self._single(url))
                    opening = self._open("POST", pool, url, body, {"Connection": "close", **headers})
                    response = await stack.enter_async_context(opening)
            _check_no_redirect(url, response.status)
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
        with self._counted(), _errors_of(url, seconds):
            answer = await _within(seconds, self._answer(method, url, body, headers, limit))
        _check_no_redirect(url, answer.status)
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
        async with self._connection(url) as pool, self._open(method, pool, url, body, headers) as response:
            if response.status in _REDIRECTS:
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
            return OutboundAnswer(response.status, _headers_of(response), b"".join(chunks)[:limit], complete)

    @asynccontextmanager
    async def _connection(self, url: CallUrl) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        """A pool of one connection, for one call. httpcore polls every idle socket of a pool for each request: one pool
        of 32 connections takes three times the processor that 32 pools of one take."""
        proxy = proxy_for(str(url)) if self._trusted else None
        # Plain HTTP needs no certificates.
        certificates = await _loaded_certificates() if url.scheme == "https" else None
        async with self._free:
            idle = self._idle.setdefault((url.scheme, proxy), [])
            pool = idle.pop() if idle else self._new_pool(proxy, certificates)
            cancelled = False
            try:
                yield pool
            except asyncio.CancelledError:
                cancelled = True
                raise
            finally:
                # One whose call was cancelled may not have its connection back: see `_within`.
                if cancelled or self._closed:
                    with anyio.CancelScope(shield=True):
                        await pool.aclose()
                else:
                    idle.append(pool)

    async def _single(self, url: CallUrl) -> httpcore.AsyncConnectionPool:
        """A pool of one connection, which the caller closes."""
        certificates = await _loaded_certificates() if url.scheme == "https" else None
        return self._new_pool(proxy_for(str(url)) if self._trusted else None, certificates)

    def _new_pool(self, proxy: str | None, certificates: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
        backend = self._backend
        if not self._trusted:
            backend = PinnedBackend(allowed=self._allowed, resolve=self._resolve, backend=backend)
        return httpcore.AsyncConnectionPool(
            ssl_context=certificates,
            proxy=None if proxy is None else _proxy(proxy),
            max_connections=1,
            keepalive_expiry=KEEP_ALIVE,
            network_backend=backend,
        )


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


async def _loaded_certificates() -> ssl.SSLContext:
    if not _certificates.cache_info().currsize:
        await asyncio.to_thread(_certificates)
    return _certificates()


@cache
def _certificates() -> ssl.SSLContext:
    """One for all clients: reading the certificates takes a tenth of a second and much memory. As httpx has it, with
    the environment's `SSL_CERT_FILE` and `SSL_CERT_DIR`."""
    return httpx.create_ssl_context()


def _proxy(address: str) -> httpcore.Proxy:
    parsed = httpx.Proxy(address)  # which takes the user and password out of the address
    url = parsed.url
    return httpcore.Proxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        auth=parsed.raw_auth,
    )


@contextmanager
def _errors_of(url: CallUrl, seconds: float, *, connecting: bool = True) -> Iterator[None]:
    """What httpcore raises, as OutboundError."""
    try:
        yield
    except httpcore.ConnectTimeout:
        raise OutboundError("call_timeout", f"{url.host} took no connection in time.", sent=not connecting) from None
    except (TimeoutError, httpcore.TimeoutException):
        raise OutboundError("call_timeout", f"{url.host} did not answer within {seconds:g} s.") from None
    except httpcore.ConnectError as error:
        raise _connect_error(url, error) from None
    except httpcore.ProtocolError:
        raise OutboundError("invalid_answer", f"{url.host} did not answer with valid HTTP/1.1.") from None
    except (httpcore.NetworkError, httpcore.ProxyError, OSError):
        raise OutboundError("connection_failed", f"The connection to {url.host} was lost.") from None


def _check_no_redirect(url: CallUrl, status: int) -> None:
    if status in _REDIRECTS:
        raise OutboundError(
            "redirected", f"{url.host} answered {status}: redirects are not followed. Give the final URL."
        )


def _headers_of(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _connect_error(url: CallUrl, error: httpcore.ConnectError) -> OutboundError:
    if isinstance(error.__cause__ or error.__context__, ssl.SSLError):
        return OutboundError(
            "tls_failed", f"The certificate of {url.host} is not valid for it, or TLS failed.", sent=False
        )
    return OutboundError("connection_failed", f"{url.host} does not take connections on port {url.port}.", sent=False)


__all__ = ["ANSWER_LIMIT", "OutboundAnswer", "OutboundClient", "OutboundStream"]
