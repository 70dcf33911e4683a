"""A poll's query string, parsed and validated."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit import asgi
from umbral_chat.model.cursor import Cursor
from umbral_chat.providers.presence import check_name

if TYPE_CHECKING:
    from litestar.types import Scope

PARAMETERS = frozenset({"after", "limit", "wait", "presence", "signals", "device"})

CACHED_QUERIES = 16_384
"""Parsed queries in the cache. A client sends the same query until there is something new."""

CACHED_LENGTH = 192
"""Longest query that is cached, in bytes: a well-formed one is shorter, and odd ones must not fill the memory."""

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?\Z")


class Query(NamedTuple):
    """The parameters. `wait` is in seconds, as requested; 0 is a plain poll."""

    after: Cursor
    limit: int
    wait: float
    presence: str | None = None
    """Version of the presence list that the client has."""
    signals: str | None = None
    """Version of the signals that the client has."""
    device: str | None = None
    """The caller's device whose presence this poll holds; None: the device of callers who name none."""


def query_parser(batch_size: int) -> Callable[[bytes], Query]:
    """A function that parses a query string, with a cache.

    It raises InvalidRequest: `unknown_parameter`, `duplicate_parameter`, `invalid_cursor`, and `invalid_field` for a
    `limit` outside of 1 to `batch_size`, a `wait` that is no number of seconds, and a `presence`, `signals` or
    `device` that is not a valid name.
    """

    def parse(raw: bytes) -> Query:
        given = asgi.query(cast("Scope", {"query_string": raw}), PARAMETERS)
        return Query(
            after=Cursor.parse(given.get("after")),
            limit=asgi.integer(given.get("limit"), field="limit", default=batch_size, least=1, most=batch_size),
            wait=_seconds(given.get("wait", "0")),
            presence=_name(given, "presence"),
            signals=_name(given, "signals"),
            device=_name(given, "device"),
        )

    cached = lru_cache(maxsize=CACHED_QUERIES)(parse)
    return lambda raw: cached(raw) if len(raw) <= CACHED_LENGTH else parse(raw)


def _name(given: dict[str, str], field: str) -> str | None:
    return None if field not in given else check_name(given[field], field=field)


def _seconds(text: str) -> float:
    if _NUMBER.match(text):
        return float(text)
    raise InvalidRequest(
        "wait is a number of seconds, 0 or more; the service ends a long poll by itself within a minute.",
        code="invalid_field",
        field="wait",
        limit=0 if text.startswith("-") else None,
    )


__all__ = ["PARAMETERS", "Query", "query_parser"]
