"""Answers to outbound calls: whole, or read as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, cast

import httpcore

from umbral_chat.http_kit.outbound.errors import OutboundError
from umbral_chat.http_kit.outbound.failures import errors_of
from umbral_chat.http_kit.outbound.urls import CallUrl

RETRY_AFTER_LIMIT = 86_400.0
"""Longest pause that an answer may ask for, in seconds: a receiver's mistake is not to silence it for good."""

REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})
"""Statuses that name another URL (RFC 9110, 15.4), which is not called."""


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
        self.headers: Mapping[str, str] = headers_of(response)
        """As those of an OutboundAnswer."""
        self._chunks = cast("AsyncGenerator[bytes]", response.aiter_stream())
        self._url = url

    async def read(self, timeout: float) -> bytes:
        """The next bytes, and none at the end. Raises OutboundError: `call_timeout` when none come within `timeout`
        seconds, and where the connection was lost. After that nothing more can be read."""
        with errors_of(self._url, timeout, connecting=False):
            async with asyncio.timeout(timeout):
                return await anext(self._chunks, b"")

    async def close(self) -> None:
        """Read nothing more."""
        await self._chunks.aclose()


def check_no_redirect(url: CallUrl, status: int) -> None:
    """Raises OutboundError (`redirected`)."""
    if status in REDIRECTS:
        raise OutboundError(
            "redirected", f"{url.host} answered {status}: redirects are not followed. Give the final URL."
        )


def headers_of(response: httpcore.Response) -> dict[str, str]:
    """By lower-case name; of a name that was sent more than once, the last."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


__all__ = [
    "REDIRECTS",
    "RETRY_AFTER_LIMIT",
    "OutboundAnswer",
    "OutboundStream",
    "check_no_redirect",
    "headers_of",
]
