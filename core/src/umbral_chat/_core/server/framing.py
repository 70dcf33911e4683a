"""Where the head of a request ends, within its bounds. No I/O; the parser sees no byte of a head that is not whole.

So the parser never gathers a header piece by piece, nor anything that has no end.
"""

from __future__ import annotations

import re

from umbral_chat._core.settings.sections import Limits
from umbral_chat.errors import HeadersTooLarge, InvalidRequest, UriTooLong

METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE"))
"""Methods that the parser is shown as they are."""

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")
_TOKEN_BYTES = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_CR, _LF = b"\r\n"


def malformed(detail: str) -> InvalidRequest:
    """The error for what is not HTTP/1.1, or could be read in two ways."""
    return InvalidRequest(detail, code="invalid_http_request")


def head_end(data: bytes | bytearray, searched: int, limits: Limits) -> int:
    """Index past a head's empty line, 0 while it has not arrived. `searched` bytes were looked through before.

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
    # The parser would refuse it; but without this the end of such a head would be waited for.
    if data.count(b"\n", searched) != data.count(b"\r\n", max(0, searched - 1)):
        raise malformed("A line ends with LF alone; lines of a request end with CR LF.")


def check_start(data: bytes | bytearray) -> None:
    """Raises InvalidRequest when no request begins with this byte: TLS on a plain port, or noise."""
    if data[0] not in _TOKEN_BYTES:
        raise malformed("This is no HTTP request: it does not begin with a method. (HTTPS ends at a proxy before us.)")


def after_empty_line(data: bytes) -> bytes | None:
    """`data` without one empty line at its beginning, None while that is not sure (RFC 9112, section 2.2).

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
    """A method that the parser does not know or treats in its own way, and the head with POST in its place.

    The application answers what it does not take with a 405, whatever its name; a parser that knows a list of names
    would only say "invalid". None for a usual method. Raises InvalidRequest for what is no method at all.
    """
    space = head.find(b" ")
    method = head[:space]
    if method in METHODS:
        return None
    if space < 0 or not _TOKEN.fullmatch(method):
        raise malformed("The request does not begin with a method and a path.")
    return method.decode("ascii"), b"POST" + head[space:]


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


__all__ = ["METHODS", "after_empty_line", "check_start", "foreign_method", "head_end", "malformed"]
