"""What hot routes are made of: thin `@asgi` handlers read their request and answer it with these.

The app's guard has authenticated and authorized the caller before such a handler runs; errors of the tree are raised
and become problem details like everywhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from umbral_chat.errors import InvalidRequest, TooLarge
from umbral_chat.http_kit.decoding import decode_error, refuse_encoded
from umbral_chat.model.depth import DEPTH, check_depth, too_deep

if TYPE_CHECKING:
    import asyncio

    from litestar.types import Receive, Scope, Send

    from umbral_chat.providers.auth import Principal

PRINCIPAL = "umbral_chat_principal"
"""Key of the scope's state under which the guard leaves who calls."""

DISCONNECT = "umbral_chat.disconnect"
"""Key of the scope's extensions under which our own server leaves the `Disconnect` of the connection."""

LIMIT_OF_DEPTH = "umbral_chat_depth"
"""Key of the scope's state under which the guard leaves `core.limits.depth`, for whoever reads a body."""

HEAD = "umbral_chat_head"
"""Key of the scope's state that is set when a GET stands for a HEAD: its body is dropped, so no endless one may
begin."""

T = TypeVar("T")

Headers = list[tuple[bytes, bytes]]

_OF_A_BODY = frozenset({b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"})

_JSON = (b"content-type", b"application/json")


class Disconnect:
    """Whether the client of a connection has left, and the one future that is resolved when it does.

    ASGI's own way is to wait for `receive`, which takes a task beside the one that waits for something to answer:
    more than everything else that a long poll does. Requests of a connection are answered one after the other, so one
    future is enough.
    """

    __slots__ = ("happened", "waiter")

    def __init__(self) -> None:
        self.happened = False
        self.waiter: asyncio.Future[None] | None = None

    def happen(self) -> None:
        """The client has left. A second time nothing happens."""
        self.happened = True
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


def server_disconnect(scope: Scope) -> Disconnect | None:
    """The `Disconnect` of the request's connection; None under a server that has none."""
    extensions: Any = scope.get("extensions")
    found: Disconnect | None = extensions.get(DISCONNECT) if extensions else None
    return found


def is_head(scope: Scope) -> bool:
    """Whether the request is a HEAD, which is handled as a GET whose body is dropped."""
    return bool(scope["state"].get(HEAD))


def principal(scope: Scope) -> Principal:
    """Who calls."""
    found: Principal = scope["state"][PRINCIPAL]
    return found


def conversation(scope: Scope) -> str:
    """The conversation that the path names; the guard has checked its form."""
    name: str = scope["path_params"]["conversation"]
    return name


def header(scope: Scope, name: bytes) -> str | None:
    """The text of a header (lower-case name), None when it was not sent.

    Raises InvalidRequest: `duplicate_header` when it was sent twice, `invalid_encoding` when it is not UTF-8.
    """
    found = [value for key, value in scope["headers"] if key == name]
    if not found:
        return None
    if len(found) > 1:
        raise InvalidRequest(f"The header {name.decode()} was sent twice.", code="duplicate_header")
    return header_text(name, found[0])


def header_text(name: bytes, value: bytes) -> str:
    """The value as text in UTF-8, which is what clients send. Raises InvalidRequest (`invalid_encoding`)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(
            f"The header {name.decode('latin-1')} is not text in UTF-8.",
            code="invalid_encoding",
            field=name.decode("latin-1"),
        ) from None


def query(scope: Scope, known: frozenset[str]) -> dict[str, str]:
    """The query's parameters. Raises InvalidRequest: `unknown_parameter`, `duplicate_parameter`, `invalid_encoding`."""
    raw = scope["query_string"]
    if not raw:
        return {}
    found: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError as error:
        raise InvalidRequest("The query is not percent-encoded UTF-8.", code="invalid_encoding") from error
    for name, value in pairs:
        if name not in known:
            raise InvalidRequest(
                f"There is no parameter {name!r} here; there are: {', '.join(sorted(known))}.",
                code="unknown_parameter",
                field=name,
            )
        if name in found:
            raise InvalidRequest(f"{name} was given twice.", code="duplicate_parameter", field=name)
        found[name] = value
    return found


def integer(value: str | None, *, field: str, default: int, least: int, most: int) -> int:
    """A whole number of the query within its bounds. Raises InvalidRequest (`invalid_field`)."""
    if value is None:
        return default
    digits = value.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 16:
        return check_bounds(int(value), field=field, least=least, most=most)
    raise InvalidRequest(f"{field} is not a whole number.", code="invalid_field", field=field)


def check_bounds(number: int, *, field: str, least: int, most: int) -> int:
    """The number, if it is within its bounds. Raises InvalidRequest (`invalid_field`)."""
    if least <= number <= most:
        return number
    raise InvalidRequest(
        f"{field} is {number}; {least} to {most} are allowed.",
        code="invalid_field",
        field=field,
        limit=least if number < least else most,
    )


async def body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, fit to be decoded. Raises TooLarge past `limit` bytes, before more of it is read, and
    InvalidRequest: `unsupported_encoding` for one that is compressed, `too_deep` past `core.limits.depth`."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise too_large(limit)
        if name == b"content-encoding":
            refuse_encoded(value)
    data = await _read(receive, limit)
    check_depth(data, depth_of(scope))
    return data


def depth_of(scope: Scope) -> int:
    """How deep what this request brings may be nested: `core.limits.depth`."""
    found: int = scope.get("state", {}).get(LIMIT_OF_DEPTH, DEPTH)
    return found


async def _read(receive: Receive, limit: int) -> bytes:
    message: Any = await receive()
    data: bytes = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request" and len(data) <= limit:
        return data
    chunks, size = [data], len(data)
    while message.get("more_body", False):
        if size > limit:
            raise too_large(limit)
        message = await receive()
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
    if message["type"] == "http.disconnect":
        raise InvalidRequest("The request ended in the middle of its body.", code="incomplete_body")
    if size > limit:
        raise too_large(limit)
    return b"".join(chunks)


async def optional_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, or `{}` for a request without one. Raises TooLarge as `body` does, and InvalidRequest
    (`missing_body`) where the headers speak of a body that is not there.

    What a body may be left out for has defaults, and they may be the opposite of what a lost body said.
    """
    data = await body(scope, receive, limit)
    if data:
        return data
    for name, value in scope["headers"]:
        if name in _OF_A_BODY and not (name == b"content-length" and value.strip() == b"0"):
            raise InvalidRequest(
                f"The request has {name.decode()} and no body: send JSON, or leave both out.",
                code="missing_body",
                field="body",
            )
    return b"{}"


def decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """A body that `body` read as what `decoder` makes. Raises InvalidRequest: `missing_body`, `invalid_json`,
    `invalid_encoding`, and with the field `unknown_field`, `missing_field`, `invalid_field`; UnsupportedMedia for what
    is no JSON at all: `unsupported_media_type`, `unsupported_encoding`."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise decode_error(error, raw) from error
    except RecursionError:  # from somewhere else than `body`
        raise too_deep(DEPTH, field="body") from None


def too_large(limit: int) -> TooLarge:
    """The error for a body past `limit` bytes."""
    return TooLarge(f"The body has more than {limit} bytes (core.limits.body_bytes).", field="body", limit=limit)


async def send_json(send: Send, status: int, data: bytes, headers: Headers | None = None) -> None:
    """Answer with encoded JSON."""
    length = (b"content-length", str(len(data)).encode())
    fields: Any = [_JSON, length, *headers] if headers else [_JSON, length]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": data, "more_body": False})


async def send_empty(send: Send, status: int, headers: Headers) -> None:
    """Answer without a body."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


__all__ = [
    "DISCONNECT",
    "HEAD",
    "LIMIT_OF_DEPTH",
    "PRINCIPAL",
    "Disconnect",
    "Headers",
    "body",
    "check_bounds",
    "conversation",
    "decode",
    "depth_of",
    "header",
    "header_text",
    "integer",
    "is_head",
    "optional_body",
    "principal",
    "query",
    "send_empty",
    "send_json",
    "server_disconnect",
    "too_large",
]
