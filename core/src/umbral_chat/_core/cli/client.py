"""The HTTP client of the command line: one call, its decoded answer, and its errors by name."""

from __future__ import annotations

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
"""Seconds. The service answers within milliseconds, or says 503 within its own bounds."""

_json = msgspec.json.Decoder()

Json = Any
"""A decoded JSON value: the service may be newer than this command, so that unknown members are let be."""


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
            # With a transport of its own the client does not look for proxies by itself.
            transport=httpx.AsyncHTTPTransport(
                proxy=proxy_for(service.url),
                # Reading the machine's certificates takes longer than the call; plain HTTP has no use for them.
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
        idempotency key, which goes into the body as `client_id`: a header cannot carry every text. `within` are the
        seconds to wait for the answer, and `shape` is a type (msgspec) that the answer must fit; it may hold more.

        Raises Unreachable when nothing answers, AnotherService for an answer that is none of ours, Problem for every
        other that is not 2xx.
        """
        answer = await self.fetch(method, path, params=params, body=body, key=key, within=within)
        if not answer.content and shape is None:
            return None
        return fitting(answer, shape)

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
            raise Unreachable(self.service.url, _reason(error)) from error
        if answer.is_success:
            return answer
        raise problem_of(answer)


def problem_of(answer: httpx.Response) -> Problem:
    """The problem that an answer tells, or what can be said of one that is no problem details."""
    wait = answer.headers.get("retry-after", "")
    retry_after = float(wait) if wait.isascii() and wait.isdigit() else None
    try:
        told = decode_stored(_json, answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = None
    if not isinstance(told, dict) or "title" not in told:
        if answer.status_code < 500 and answer.status_code != 429 and isinstance(told, dict | list):
            where = str(answer.request.url.copy_with(query=None))
            raise AnotherService(
                answer.status_code, where, f"{answer.status_code} came with JSON that is no problem of ours (RFC 9457)."
            )
        kind = answer.headers.get("content-type", "no content type")
        return Problem(
            answer.status_code, answer.reason_phrase or "No success", f"Answered with {kind}.", retry_after=retry_after
        )
    extra = {name: told[name] for name in told.keys() - {"type", "title", "status", "detail", "code", "retry_after"}}
    return Problem(
        answer.status_code,
        str(told["title"]),
        str(told.get("detail", "")),
        str(told.get("code", "")),
        retry_after,
        **{name: value for name, value in extra.items() if name.isidentifier()},
    )


def fitting(answer: httpx.Response, shape: Any = None) -> Json:
    """The JSON of an answer, if it fits `shape`. Raises AnotherService."""
    asked = answer.request
    where = str(asked.url.copy_with(query=None))
    try:
        found = decode_stored(_json, answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kind = answer.headers.get("content-type", "an answer without a type")
        raise AnotherService(answer.status_code, where, f"{asked.method} was answered with {kind}, not JSON.") from None
    if shape is not None:
        try:
            msgspec.convert(found, shape)
        except msgspec.ValidationError as error:
            reason = f"{asked.method} was answered with JSON of another kind: {error}."
            raise AnotherService(answer.status_code, where, reason) from None
    return found


def conversation_path(conversation: str, *rest: str) -> str:
    """The path of a conversation, or of something under it."""
    return "/".join(["/v1/conversations", quote(conversation, safe=""), *(quote(part, safe="") for part in rest)])


def _reason(error: httpx.RequestError) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {CONNECT_TIMEOUT:g} s."
    if isinstance(error, httpx.TimeoutException):
        return "it took the connection and stayed silent."
    if str(error) == "All connection attempts failed":
        return "nothing listens there."
    return (str(error) or type(error).__name__).rstrip(".") + "."


__all__ = ["Client", "Json", "conversation_path", "fitting", "problem_of"]
