"""The HTTP client of the command line: a call, its decoded answer, and its errors as exceptions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec

from umbral_chat import __version__
from umbral_chat._core.cli.failures import AnotherService, Problem, Unreachable
from umbral_chat._core.cli.service import Service
from umbral_chat.model.depth import decode_stored
from umbral_chat.transport_kit.proxies import proxy_for

CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 15.0
"""Seconds. The service answers within milliseconds, or with 503 once its own timeouts are over."""

_json = msgspec.json.Decoder()

Json = Any
"""A decoded JSON value. The service may be newer than this command: unknown members are ignored."""


class Client:
    """Talks to one service. An async context manager."""

    def __init__(self, service: Service) -> None:
        self.service = service
        headers = {"User-Agent": f"umbral-chat/{__version__}", "Accept": "application/json"}
        if service.key:
            headers["Authorization"] = f"Bearer {service.key}"
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT),
            # Given a transport, httpx does not look for proxies itself.
            transport=httpx.AsyncHTTPTransport(
                proxy=proxy_for(service.url),
                # Reading the machine's certificates takes longer than the call; plain HTTP does not need them.
                verify=service.url.startswith("https:"),
            ),
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str | int | None] | None = None,
        body: Json = None,
        key: str | None = None,
        within: float | None = None,
        shape: Any = None,
    ) -> Json:
        """The decoded JSON of a 2xx answer; None when it has no body. Params that are None are left out; `key` is the
        idempotency key, which goes into the body as `client_id`: a header cannot carry every text. `within` is the
        timeout in seconds, and `shape` a msgspec type that the answer must match; it may have further members.

        Raises Unreachable when there is no answer, AnotherService for an answer that no Umbral Chat service gives,
        Problem for any other that is not 2xx.
        """
        answer = await self.fetch(method, path, params=params, body=body, key=key, within=within)
        if not answer.content and shape is None:
            return None
        return decode_answer(answer, shape)

    async def fetch(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str | int | None] | None = None,
        body: Json = None,
        key: str | None = None,
        within: float | None = None,
    ) -> httpx.Response:
        """As `call`, without reading the body as JSON."""
        headers = {}
        if key is not None:
            body = {**(body or {}), "client_id": key}
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        try:
            answer = await self._http.request(
                method,
                self.service.url + path,
                params={name: value for name, value in (params or {}).items() if value is not None} or None,
                content=content,
                headers=headers,
                timeout=httpx.Timeout(within or ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT),
            )
        except httpx.RequestError as error:
            raise self.lost(_reason(error)) from error
        if answer.is_success:
            return answer
        raise problem_from(answer)

    @asynccontextmanager
    async def stream(self, path: str, *, params: dict[str, str], silence: float) -> AsyncIterator[httpx.Response]:
        """A 2xx answer to a GET, whose body is read while it arrives. Raises Unreachable, also from reading the body:
        when the connection is lost, or nothing arrives for `silence` seconds; and Problem as `call` does."""
        timeout = httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT, read=silence)
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        try:
            async with self._http.stream(
                "GET", self.service.url + path, params=params, headers=headers, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise problem_from(answer)
                yield answer
        except httpx.RequestError as error:
            raise self.lost(_reason(error)) from error

    def lost(self, reason: str) -> Unreachable:
        """The error for a service that does not answer, or answers no longer."""
        return Unreachable(self.service.url, reason)


def problem_from(answer: httpx.Response) -> Problem:
    """The Problem in an answer that is not 2xx. Raises AnotherService if its JSON is no problem details (RFC 9457)."""
    wait = answer.headers.get("retry-after", "")
    retry_after = float(wait) if wait.isascii() and wait.isdigit() else None
    try:
        document = decode_stored(_json, answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        document = None
    if not isinstance(document, dict) or "title" not in document:
        if answer.status_code < 500 and answer.status_code != 429 and isinstance(document, dict | list):
            where = str(answer.request.url.copy_with(query=None))
            raise AnotherService(
                answer.status_code, where, f"The {answer.status_code} has JSON that is no problem details (RFC 9457)."
            )
        kind = answer.headers.get("content-type", "no content type")
        return Problem(
            answer.status_code, answer.reason_phrase or "No success", f"Answered with {kind}.", retry_after=retry_after
        )
    extra = {
        name: document[name] for name in document.keys() - {"type", "title", "status", "detail", "code", "retry_after"}
    }
    return Problem(
        answer.status_code,
        str(document["title"]),
        str(document.get("detail", "")),
        str(document.get("code", "")),
        retry_after,
        **{name: value for name, value in extra.items() if name.isidentifier()},
    )


def decode_answer(answer: httpx.Response, shape: Any = None) -> Json:
    """The decoded JSON of an answer. Raises AnotherService if it is no JSON or does not match `shape`."""
    request = answer.request
    where = str(request.url.copy_with(query=None))
    try:
        found = decode_stored(_json, answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kind = answer.headers.get("content-type", "an answer without a type")
        raise AnotherService(
            answer.status_code, where, f"{request.method} was answered with {kind}, not JSON."
        ) from None
    if shape is not None:
        try:
            msgspec.convert(found, shape)
        except msgspec.ValidationError as error:
            reason = f"{request.method} was answered with unexpected JSON: {error}."
            raise AnotherService(answer.status_code, where, reason) from None
    return found


def conversation_path(conversation: str, *rest: str) -> str:
    """The URL path of a conversation, or of the resource that `rest` names below it, percent-encoded."""
    return "/".join(["/v1/conversations", quote(conversation, safe=""), *(quote(part, safe="") for part in rest)])


def _reason(error: httpx.RequestError) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {CONNECT_TIMEOUT:g} s."
    if isinstance(error, httpx.TimeoutException):
        return "connected, but no answer in time."
    if str(error) == "All connection attempts failed":
        return "nothing listens there."
    return (str(error) or type(error).__name__).rstrip(".") + "."


__all__ = ["Client", "Json", "conversation_path", "decode_answer", "problem_from"]
