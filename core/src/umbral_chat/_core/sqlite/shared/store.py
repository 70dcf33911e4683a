"""The embedded shared store: records, leases and recent signals beside the logs, one statement or two for each call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw
import msgspec

from umbral_chat._core.sqlite.engine.timestamps import duration_micros, to_micros
from umbral_chat._core.sqlite.engine.work_queue import WorkQueue
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat.clock import Clock
from umbral_chat.providers.store import (
    SIGNAL_LIMIT,
    Lease,
    RecentSignals,
    Record,
    StoredSignal,
    check_names,
    check_size,
)

MAX_SCAN = 10_000
"""Most records of one scan."""

MAX_SIGNALS = 1_000
"""Signals kept, those of several seconds of a busy instance; a slower reader sees from the position that some are
gone."""

MAX_SIGNAL_BYTES = 4_000_000
"""Bytes of payload kept, so that many long drafts do not make the list big all the same."""


class SqliteStore:
    """`SharedStore` in the history's file; its clock is that of the machine that all its processes run on."""

    def __init__(self, clock: Clock, writer: WorkQueue, readers: WorkQueue) -> None:
        self._clock, self._writer, self._readers = clock, writer, readers

    async def get(self, namespace: str, key: str) -> Record | None:
        check_names(namespace, key)
        record: Record | None = await self._read(lambda c, now: _get(c, now, namespace, key))
        return record

    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        check_names(namespace, prefix)
        found: dict[str, Record] = await self._read(lambda c, now: _scan(c, now, namespace, prefix, limit))
        return found

    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        check_names(namespace, key)
        check_size("value", value)
        record: Record = await self._write(lambda c, now: _put(c, namespace, key, value, _until(now, ttl)))
        return record

    async def compare_and_set(
        self,
        namespace: str,
        key: str,
        value: bytes,
        *,
        expect: int,
        ttl: float | None = None,
        fence: Lease | None = None,
    ) -> Record | None:
        check_names(namespace, key)
        check_size("value", value)

        def write(connection: apsw.Connection, now: int) -> Record | None:
            if fence is not None and not _is_newest(connection, fence):
                return None
            current = _get(connection, now, namespace, key)
            if (current.version if current else 0) != expect:
                return None
            return _put(connection, namespace, key, value, _until(now, ttl))

        record: Record | None = await self._write(write)
        return record

    async def delete(self, namespace: str, key: str) -> bool:
        check_names(namespace, key)
        removed: bool = await self._write(lambda c, now: _delete(c, now, namespace, key))
        return removed

    async def acquire(self, name: str, holder: str, ttl: float) -> Lease | None:
        check_names(name, holder)
        lease: Lease | None = await self._write(
            lambda c, now: _acquire(c, now, name, holder, now + duration_micros(ttl))
        )
        return lease

    async def renew(self, lease: Lease, ttl: float) -> bool:
        renewed: bool = await self._write(lambda c, now: _renew(c, now, lease, now + duration_micros(ttl)))
        return renewed

    async def release(self, lease: Lease) -> None:
        await self._write(lambda c, now: _release(c, now, lease))

    async def post(self, topic: str, payload: bytes) -> int:
        check_names(topic)
        check_size("payload", payload, SIGNAL_LIMIT)
        position: int = await self._write(lambda c, now: _post(c, now, topic, payload))
        return position

    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        found: RecentSignals = await self._read(lambda c, _: _recent(c, topics, after))
        return found

    async def _read(self, call: Callable[[apsw.Connection, int], Any]) -> Any:
        return await self._readers.submit(lambda connection: call(connection, to_micros(self._clock.now())))

    async def _write(self, call: Callable[[apsw.Connection, int], Any]) -> Any:
        def run(transaction: Transaction) -> Any:
            return call(transaction.connection, transaction.now)

        return await self._writer.submit(run)


def _until(now: int, ttl: float | None) -> int | None:
    return None if ttl is None else now + duration_micros(ttl)


# A record that expired and was not swept yet, or was removed, leaves its version: the next one goes on from there.
_PUT_RECORD = """
INSERT INTO record (namespace, key, value, expires, version)
VALUES (?1, ?2, ?3, ?4, coalesce((SELECT version FROM floor WHERE namespace = ?1), 0) + 1)
ON CONFLICT (namespace, key) DO UPDATE
SET value = excluded.value, expires = excluded.expires, version = version + 1
RETURNING version
"""


def _get(connection: apsw.Connection, now: int, namespace: str, key: str) -> Record | None:
    row = connection.execute(
        "SELECT value, version FROM record WHERE namespace = ? AND key = ? AND (expires IS NULL OR expires > ?)",
        (namespace, key, now),
    ).get
    return None if row is None else Record(*row)


def _scan(connection: apsw.Connection, now: int, namespace: str, prefix: str, limit: int) -> dict[str, Record]:
    # The range begins at the prefix; its end is found by the comparison, since no text is the next after another.
    rows: list[Any] = connection.execute(
        "SELECT key, value, version FROM record WHERE namespace = ?1 AND key >= ?2 AND substr(key, 1, ?3) = ?2 "
        "AND (expires IS NULL OR expires > ?4) ORDER BY key LIMIT ?5",
        (namespace, prefix, len(prefix), now, max(0, min(limit, MAX_SCAN))),
    ).fetchall()
    return {key: Record(value, version) for key, value, version in rows}


def _put(connection: apsw.Connection, namespace: str, key: str, value: bytes, expires: int | None) -> Record:
    version: int = connection.execute(_PUT_RECORD, (namespace, key, value, expires)).get
    return Record(value, version)


def _delete(connection: apsw.Connection, now: int, namespace: str, key: str) -> bool:
    """Whether the record existed and had not expired."""
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


# A lease that was swept (a day after it expired) left its token in `meta`, so that a name used again gets a higher one.
_ACQUIRE = """
INSERT INTO lease (name, holder, expires, token)
VALUES (?1, ?2, ?3, coalesce((SELECT value FROM meta WHERE name = 'lease'), 0) + 1)
ON CONFLICT (name) DO UPDATE
SET token = token + NOT (holder IS excluded.holder AND expires > ?4), holder = excluded.holder,
  expires = excluded.expires
WHERE holder IS NULL OR holder = excluded.holder OR expires <= ?4
RETURNING token
"""


def _acquire(connection: apsw.Connection, now: int, name: str, holder: str, until: int) -> Lease | None:
    token: int | None = connection.execute(_ACQUIRE, (name, holder, until, now)).get
    return None if token is None else Lease(name, holder, token)


def _renew(connection: apsw.Connection, now: int, lease: Lease, until: int) -> bool:
    connection.execute(
        "UPDATE lease SET expires = ? WHERE name = ? AND holder = ? AND token = ? AND expires > ?",
        (until, lease.name, lease.holder, lease.token, now),
    )
    return connection.changes() > 0


def _release(connection: apsw.Connection, now: int, lease: Lease) -> None:
    # The row keeps the token.
    connection.execute(
        "UPDATE lease SET holder = NULL, expires = ? WHERE name = ? AND holder = ? AND token = ?",
        (now, lease.name, lease.holder, lease.token),
    )


def _is_newest(connection: apsw.Connection, lease: Lease) -> bool:
    """Whether no newer token of the lease was issued. One that was swept counts as too old."""
    token: int | None = connection.execute("SELECT token FROM lease WHERE name = ?", (lease.name,)).get
    return token is not None and token <= lease.token


_TRIM_SIGNALS = """
DELETE FROM signal WHERE position <= max(?1 - ?2, coalesce((
  SELECT max(position) FROM (
    SELECT position, sum(length(payload)) OVER (ORDER BY position DESC) AS total FROM signal)
  WHERE total > ?3), 0))
"""

_TRIM_EVERY = 32
"""Positions between trims: a trim reads the whole list."""

_RECENT_SIGNALS = """
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'signal'), 0),
  (SELECT min(position) FROM signal),
  (SELECT json_group_array(json_array(position, topic, hex(payload))) FROM (
    SELECT position, topic, payload FROM signal
    WHERE position > ?1 AND (?2 IS NULL OR topic IN (SELECT value FROM json_each(?2))) ORDER BY position))
"""
_signals = msgspec.json.Decoder(list[tuple[int, str, str]])


def _post(connection: apsw.Connection, now: int, topic: str, payload: bytes) -> int:
    connection.execute("INSERT INTO signal (topic, payload, at) VALUES (?, ?, ?)", (topic, payload, now))
    position = connection.last_insert_rowid()
    if position % _TRIM_EVERY == 0:
        connection.execute(_TRIM_SIGNALS, (position, MAX_SIGNALS, MAX_SIGNAL_BYTES))
    return position


def _recent(connection: apsw.Connection, topics: Sequence[str] | None, after: int) -> RecentSignals:
    chosen = None if topics is None else msgspec.json.encode(list(topics)).decode()
    last, first, rows = connection.execute(_RECENT_SIGNALS, (2**62 if after < 0 else after, chosen)).get
    # Positions have no holes, so what is missing is what was dropped at the list's beginning.
    dropped = last if first is None else first - 1
    found = [
        StoredSignal(position, topic, bytes.fromhex(payload)) for position, topic, payload in _signals.decode(rows)
    ]
    return RecentSignals(last, found, complete=after < 0 or dropped <= after <= last)


__all__ = ["MAX_SIGNALS", "MAX_SIGNAL_BYTES", "SqliteStore"]
