"""Records of the shared store, one statement or two each, inside a transaction that somebody else began."""

from __future__ import annotations

from typing import Any

import apsw

from umbral_chat.providers.store import Record

PAGE = 10_000
"""Most records of one scan."""

# A record that lapsed and was not swept yet, or was removed, leaves its version behind: the next one goes on there.
_PUT = """
INSERT INTO record (namespace, key, value, expires, version)
VALUES (?1, ?2, ?3, ?4, coalesce((SELECT version FROM floor WHERE namespace = ?1), 0) + 1)
ON CONFLICT (namespace, key) DO UPDATE
SET value = excluded.value, expires = excluded.expires, version = version + 1
RETURNING version
"""


def get(connection: apsw.Connection, now: int, namespace: str, key: str) -> Record | None:
    """The record, unless it lapsed."""
    row = connection.execute(
        "SELECT value, version FROM record WHERE namespace = ? AND key = ? AND (expires IS NULL OR expires > ?)",
        (namespace, key, now),
    ).get
    return None if row is None else Record(*row)


def scan(connection: apsw.Connection, now: int, namespace: str, prefix: str, limit: int) -> dict[str, Record]:
    """Those that begin with `prefix`, by key."""
    # The range begins at the prefix; where it ends is for the comparison to tell, since no text is the next of another.
    rows: list[Any] = connection.execute(
        "SELECT key, value, version FROM record WHERE namespace = ?1 AND key >= ?2 AND substr(key, 1, ?3) = ?2 "
        "AND (expires IS NULL OR expires > ?4) ORDER BY key LIMIT ?5",
        (namespace, prefix, len(prefix), now, max(0, min(limit, PAGE))),
    ).fetchall()
    return {key: Record(value, version) for key, value, version in rows}


def put(connection: apsw.Connection, namespace: str, key: str, value: bytes, expires: int | None) -> Record:
    """Write whatever is there."""
    version: int = connection.execute(_PUT, (namespace, key, value, expires)).get
    return Record(value, version)


def delete(connection: apsw.Connection, now: int, namespace: str, key: str) -> bool:
    """Remove; whether it was there and had not lapsed."""
    row = connection.execute(
        "DELETE FROM record WHERE namespace = ? AND key = ? RETURNING version, expires IS NULL OR expires > ?",
        (namespace, key, now),
    ).get
    if row is None:
        return False
    connection.execute(
        "INSERT INTO floor VALUES (?, ?) "
        "ON CONFLICT (namespace) DO UPDATE SET version = max(version, excluded.version)",
        (namespace, row[0]),
    )
    return bool(row[1])


__all__ = ["delete", "get", "put", "scan"]
