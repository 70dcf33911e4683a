"""Replay: the newest broadcasts of a private topic that the database still holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg

MOST = 25
"""Messages of one replay."""

_NEWEST = (
    "select id::text, event, payload from (select * from realtime.messages where extension = 'broadcast' and private "
    "and topic = %s and inserted_at >= %s and payload is not null order by inserted_at desc limit %s) m "
    "order by inserted_at"
)


async def replay(url: str, topic: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """As broadcasts' payloads, marked. Those of one transaction share their time and come in any order."""
    since = datetime.fromtimestamp(asked["since"] / 1000, UTC).replace(tzinfo=None)
    limit = asked.get("limit")
    most = min(limit, MOST) if isinstance(limit, int) and limit > 0 else MOST
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await (await connection.execute(_NEWEST, (topic, since, most))).fetchall()
    return [
        {"type": "broadcast", "event": event, "payload": payload, "meta": {"id": id_, "replayed": True}}
        for id_, event, payload in rows
    ]


__all__ = ["MOST", "replay"]
