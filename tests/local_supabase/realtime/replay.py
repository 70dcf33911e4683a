"""Replay: the newest broadcasts of a private topic that the database still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

MOST = 25
"""Messages of one replay."""

_NEWEST = (
    "select id::text, event, payload, binary_payload from realtime.messages where extension = 'broadcast' and private "
    "and topic = %s and inserted_at >= %s order by inserted_at desc, ctid limit %s"
)


class BadReplay(ValueError):
    """What is asked cannot be read."""


@dataclass(frozen=True)
class Asked:
    """A replay as a join asks for it."""

    since: datetime
    limit: int


@dataclass(frozen=True)
class Replayed:
    """A stored broadcast: what is told of it, and its payload where that is no JSON."""

    body: dict[str, Any]
    binary: bytes | None


def read(given: dict[str, Any]) -> Asked:
    """What `config.broadcast.replay` asks for. Raises BadReplay."""
    since, limit = given.get("since"), given.get("limit")
    limit = MOST if limit is None else limit
    if not isinstance(since, int) or not isinstance(limit, int) or isinstance(since, bool):
        raise BadReplay
    try:
        moment = datetime.fromtimestamp(since / 1000, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise BadReplay from None
    return Asked(moment, max(min(limit, MOST), 1))


async def replay(url: str, topic: str, asked: Asked) -> list[Replayed]:
    """As broadcasts, marked, the newest last. Rows of one transaction share their time, and come the wrong way round:
    the server turns round what it read newest first."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await (await connection.execute(_NEWEST, (topic, asked.since, asked.limit))).fetchall()
    found = []
    for id_, event, payload, binary in reversed(rows):
        body = {"type": "broadcast", "event": event, "meta": {"id": id_, "replayed": True}}
        found.append(Replayed(body if binary is not None else body | {"payload": payload}, binary))
    return found


__all__ = ["MOST", "Asked", "BadReplay", "Replayed", "read", "replay"]
