"""Requests that are refused before the application: their answers (problem details, as the application's), and
counts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from http import HTTPStatus

import msgspec

from umbral_chat._core.http.outer_middleware import FOR_BROWSERS
from umbral_chat._core.http.problems import problem
from umbral_chat.clock import Clock
from umbral_chat.errors import RequestError, Unavailable
from umbral_chat.telemetry import Telemetry

log = logging.getLogger(__name__)

LOG_INTERVAL = 60.0
"""Seconds between two log lines about refusals for one reason: an attack must not fill the disk."""

_UNSAFE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

FULL = Unavailable(
    "This instance has reached its limit of connections (core.limits.connections).",
    code="too_many_connections",
    retry_after=5,
)


def encode_response(error: RequestError) -> bytes:
    """The whole answer to `error`, head and body."""
    body = msgspec.json.encode(problem(error))
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        *FOR_BROWSERS,
        (b"connection", b"close"),
        *((name.lower().encode("ascii"), value.encode("ascii")) for name, value in error.headers.items()),
    ]
    return encode_head(error.status, headers) + body


def encode_head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The head of an answer. Raises ValueError for a header with a line break or a control character in it."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode("ascii")]
    for name, value in headers:
        if _UNSAFE.search(name) or _UNSAFE.search(value):
            raise ValueError("A header has a control character in it.")
        lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n"


class Refusals:
    """Counts refusals by reason, and logs at most one line per reason every `LOG_INTERVAL` seconds."""

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._count = telemetry.counter("umbral_chat.http.refused")
        self._clock = clock
        self._logged: dict[str, tuple[float, int]] = {}

    def count(self, reason: str, detail: str = "") -> None:
        """Count one refusal; `detail` is logged unless a line about the reason was logged within `LOG_INTERVAL`
        seconds."""
        cell = self._count.labels(reason)
        cell.value += 1
        now = self._clock.monotonic()
        at, counted = self._logged.get(reason, (float("-inf"), 0))
        if detail and now - at >= LOG_INTERVAL:
            self._logged[reason] = (now, cell.value)
            log.warning("Refused (%s, %d since the last such line): %s", reason, cell.value - counted, detail)


__all__ = ["FULL", "LOG_INTERVAL", "Refusals", "encode_head", "encode_response"]
