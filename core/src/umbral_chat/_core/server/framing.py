"""Finds the end of a request's head within its bounds, and reads its target and framing. No I/O.

The parser gets a head only when it is complete, so it never buffers a header that does not end.
"""

from __future__ import annotations

import re
import urllib.parse

import httptools

from umbral_chat._core.settings.sections import Limits
from umbral_chat.errors import HeadersTooLarge, InvalidRequest, UriTooLong

METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE"))
"""Methods that are passed to the parser unchanged."""

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")
_TOKEN_BYTES = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_CR, _LF = b"\r\n"
_BODY_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"host", b"expect"))


def malformed(detail: str) -> InvalidRequest:
    """The error for a request that is not HTTP/1.1, or is ambiguous."""
    return InvalidRequest(detail, code="invalid_http_request")


def head_end(data: bytes | bytearray, searched: int, limits: Limits) -> int:
    """Index past a head's empty line, 0 while it has not arrived. The first `searched` bytes were searched before.

    Raises InvalidRequest (`invalid_http_request`), UriTooLong and HeadersTooLarge.
    """
    end = data.find(b"\r\n\r\n", max(0, searched - 3))
    if end < 0:
        _check_unfinished(data, searched, limits)
        return 0
    # A head that is shorter than the smallest bound can break none of them.
    line = data.find(b"\r\n")
    if line > limits.request_line_bytes:
        raise _line_too_long(limits)
    if end - line > limits.header_bytes:
        raise _too_many_bytes(limits)
    if data.count(b"\n", 0, end) > limits.headers:
        raise HeadersTooLarge(
            f"The request has more than {limits.headers} headers (core.limits.headers).",
            field="headers",
            limit=limits.headers,
        )
    return end + 4


def _check_unfinished(data: bytes | bytearray, searched: int, limits: Limits) -> None:
    line = data.find(b"\r\n", 0, limits.request_line_bytes + 2)
    if line < 0 and len(data) > limits.request_line_bytes + 1:
        raise _line_too_long(limits)
    if line >= 0 and len(data) - line > limits.header_bytes + 4:
        raise _too_many_bytes(limits)
    # The parser would refuse it; but without this check we would wait for the end of such a head.
    if data.count(b"\n", searched) != data.count(b"\r\n", max(0, searched - 1)):
        raise malformed("A line ends with LF alone; lines of a request end with CR LF.")


def check_start(data: bytes | bytearray) -> None:
    """Raises InvalidRequest when the first byte cannot begin a request: TLS on a plain port, or noise."""
    if data[0] not in _TOKEN_BYTES:
        raise malformed(
            "This is not an HTTP request: it does not begin with a method. (HTTPS is terminated by a proxy in front.)"
        )


def after_empty_line(data: bytes) -> bytes | None:
    """`data` without one empty line at its beginning; None while more bytes are needed (RFC 9112, section 2.2).

    Some old clients send one after a body.
    """
    if data[0] != _CR:
        return data
    if len(data) == 1:
        return None
    if data[1] != _LF:
        raise malformed("A CR stands alone before the request.")
    return data[2:]


def foreign_method(head: bytes) -> tuple[str, bytes] | None:
    """A method that the parser does not know or treats specially, and the head with POST in its place.

    The application answers unsupported methods with a 405, whatever their names; the parser, which has a list of
    names, would only refuse them. None for a usual method. Raises InvalidRequest for an invalid method.
    """
    space = head.find(b" ")
    method = head[:space]
    if method in METHODS:
        return None
    if space < 0 or not _TOKEN.fullmatch(method):
        raise malformed("The request does not begin with a method and a path.")
    return method.decode("ascii"), b"POST" + head[space:]


def read_target(url: bytes) -> tuple[bytes, str, bytes]:
    """A request target's path as it was sent, the same percent-decoded, and its query.

    Raises InvalidRequest (`invalid_http_request`).
    """
    if b"#" in url:
        # The parser would drop what follows as a fragment, and no request has one (RFC 9112, section 3.2).
        raise malformed("The path holds a '#', which is written %23, and in an id ~23.")
    try:
        if url[:1] == b"/":
            target, _, query = url.partition(b"?")
        else:
            parsed = httptools.parse_url(url)
            target, query = parsed.path or b"/", parsed.query or b""
        path = target.decode("ascii")
    except (httptools.HttpParserInvalidURLError, UnicodeDecodeError) as error:
        raise malformed("The path is not valid: it is ASCII, and everything else is percent-encoded.") from error
    return target, urllib.parse.unquote(path) if "%" in path else path, query


def read_body_framing(headers: list[tuple[bytes, bytes]], version: str) -> tuple[int, bool, bool]:
    """The Content-Length (0 without one), whether the body is chunked, and whether the client expects a 100 first.

    Raises InvalidRequest (`invalid_http_request`) for another transfer coding, and unless there is one Host.
    """
    length, chunked, expects_continue, hosts = 0, False, False, 0
    for name, value in headers:
        if name not in _BODY_FRAMING:
            continue
        if name == b"content-length":
            length = int(value)  # digits, and only one: the parser has checked that
        elif name == b"transfer-encoding":
            if version == "1.0" or value.strip().lower() != b"chunked" or chunked:
                raise malformed("The only Transfer-Encoding that is supported is one `chunked`, in HTTP/1.1.")
            chunked = True
        elif name == b"host":
            hosts += 1
        elif name == b"expect":
            expects_continue = version == "1.1" and value.lower() == b"100-continue"
    if hosts != 1 and (hosts or version == "1.1"):
        raise malformed("The header Host is missing, or was sent twice.")
    return length, chunked, expects_continue


def without_upgrade(head: bytes) -> bytes:
    """The head without its `Upgrade` headers."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if line[:8].lower() != b"upgrade:")


def _line_too_long(limits: Limits) -> UriTooLong:
    most = limits.request_line_bytes
    return UriTooLong(
        f"The request line has more than {most} bytes (core.limits.request_line_bytes).", field="path", limit=most
    )


def _too_many_bytes(limits: Limits) -> HeadersTooLarge:
    most = limits.header_bytes
    return HeadersTooLarge(
        f"The headers have more than {most} bytes (core.limits.header_bytes).", field="headers", limit=most
    )


__all__ = [
    "METHODS",
    "after_empty_line",
    "check_start",
    "foreign_method",
    "head_end",
    "malformed",
    "read_target",
    "without_upgrade",
]
