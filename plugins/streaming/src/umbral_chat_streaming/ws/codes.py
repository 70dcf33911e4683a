"""How sockets end: the code of the last status, what the client does next, and the code of the close frame. Pure."""

from __future__ import annotations

from typing import Final

from umbral_chat.errors import RequestError, TooManyRequests, Unavailable

from umbral_chat_streaming.status import RECONNECT, Closed, Reconnect, closed_by

CLOSE_CODES: Final[dict[str, int]] = {
    "draining": 4001,
    "slow_consumer": 4002,
    "rebalance": 4003,
    "invalid_frame": 4400,
    "token_expired": 4401,
    "unauthorized": 4401,
    "forbidden": 4403,
    "auth_timeout": 4408,
    "realtime_off": 4409,
    "unavailable": 4503,
}
"""Codes of close frames, from the range for applications (RFC 6455, section 7.4.2). Past a bound (`too_many_…`) it is
4429."""

NOT_TEXT = 1003
"""RFC 6455, section 7.4.1: a message of a type that is not taken."""

TOO_LONG = 1009
"""RFC 6455, section 7.4.1."""

SOCKET_WIDE: Final = frozenset({"draining", "slow_consumer", "realtime_off"})
"""Ends of one subscription that are those of the whole socket."""

_OWN: Final[dict[str, Reconnect]] = {"invalid_frame": "never", "auth_timeout": "now"}


def ending(code: str, detail: str, *, retry: float | None = None) -> Closed:
    """The last status of a socket; `retry` in seconds."""
    after = None if retry is None else max(0, round(1000 * retry))
    return Closed(code=code, reconnect=_OWN.get(code) or RECONNECT[code], detail=detail, retry_ms=after)


def ending_by(error: RequestError) -> Closed:
    """The last status of a socket whose client was refused when it authenticated."""
    if isinstance(error, TooManyRequests | Unavailable) and error.code.startswith(("too_many", "rate_limited")):
        after = error.headers.get("Retry-After", "1")
        wait = 1000 * int(after) if after.isdigit() else 1000
        return Closed(code=error.code, reconnect="now", detail=error.detail, retry_ms=wait)
    return closed_by(error)


def close_code(status: Closed) -> int:
    """The code of the close frame that follows this status."""
    return CLOSE_CODES.get(status.code, 4429)


__all__ = ["CLOSE_CODES", "NOT_TEXT", "SOCKET_WIDE", "TOO_LONG", "close_code", "ending", "ending_by"]
