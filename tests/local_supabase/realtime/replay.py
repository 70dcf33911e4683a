"""Replay of the newest broadcasts of a private topic that are still in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

MAX_MESSAGES = 25
"""Most messages of one replay."""

_NEWEST = (
    "select id::text, event, payload, binary_payload from realtime.messages where extension = 'broadcast' and private "
    "and topic = %s and inserted_at >= %s order by inserted_at desc, ctid limit %s"
)


class BadReplay(ValueError):
    """The parameters of a replay are not valid."""


@dataclass(frozen=True)
class ReplayRequest:
    """The replay that a join asks for."""

    since: datetime
    limit: int


@dataclass(frozen=True)
class ReplayedBroadcast:
    """A stored broadcast: the body to send, and its payload if that is not JSON."""

    body: dict[str, Any]
    binary: bytes | None


def parse(given: dict[str, Any]) -> ReplayRequest:
    """Parse `config.broadcast.replay`. Raises BadReplay."""
    since, limit = given.get("since"), given.get("limit")
    limit = MAX_MESSAGES if limit is None else limit
    if not isinstance(since, int) or not isinstance(limit, int) or isinstance(since, bool):
        raise BadReplay
    try:
        moment = datetime.fromtimestamp(since / 1000, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise BadReplay from None
    return ReplayRequest(moment, max(min(limit, MAX_MESSAGES), 1))


async def replay(url: str, topic: str, request: ReplayRequest) -> list[ReplayedBroadcast]:
    """The broadcasts to send, marked as replayed, the newest last. Rows of one transaction share their time, and are in
    reverse order: the server reverses what it read newest first."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await (await connection.execute(_NEWEST, (topic, request.since, request.limit))).fetchall()
    found = []
    for id_, event, payload, binary in reversed(rows):
        body = {"type": "broadcast", "event": event, "meta": {"id": id_, "replayed": True}}
        found.append(ReplayedBroadcast(body if binary is not None else body | {"payload": payload}, binary))
    return found


__all__ = ["MAX_MESSAGES", "BadReplay", "ReplayRequest", "ReplayedBroadcast", "parse", "replay"]
