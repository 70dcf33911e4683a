"""The embedded shared store: records, leases and signals beside the logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw

from umbral_chat._core.sqlite.engine.timestamps import micros, span
from umbral_chat._core.sqlite.engine.work_queue import Lane
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat._core.sqlite.shared import leases, records, signals
from umbral_chat.clock import Clock
from umbral_chat.errors import InvalidRequest
from umbral_chat.providers.store import Lease, RecentSignals, Record

NAME = 256
"""Longest namespace, key, topic or name, in characters."""

VALUE = 64 * 1024
"""Longest value, in bytes."""

SIGNAL = 256 * 1024
"""Longest signal, in bytes: a draft of the longest message in any script fits."""


class SqliteStore:
    """`SharedStore` in the history's file; its time is that of the machine that all its processes run on."""

    def __init__(self, clock: Clock, writer: Lane, readers: Lane) -> None:
        self._clock, self._writer, self._readers = clock, writer, readers

    async def get(self, namespace: str, key: str) -> Record | None:
        _names(namespace, key)
        record: Record | None = await self._read(lambda c, now: records.get(c, now, namespace, key))
        return record

    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        _names(namespace, prefix)
        found: dict[str, Record] = await self._read(lambda c, now: records.scan(c, now, namespace, prefix, limit))
        return found

    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        _names(namespace, key)
        _size("value", value)
        record: Record = await self._write(lambda c, now: records.put(c, namespace, key, value, _until(now, ttl)))
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
        _names(namespace, key)
        _size("value", value)

        def write(connection: apsw.Connection, now: int) -> Record | None:
            if fence is not None and not leases.is_newest(connection, fence):
                return None
            current = records.get(connection, now, namespace, key)
            if (current.version if current else 0) != expect:
                return None
            return records.put(connection, namespace, key, value, _until(now, ttl))

        record: Record | None = await self._write(write)
        return record

    async def delete(self, namespace: str, key: str) -> bool:
        _names(namespace, key)
        removed: bool = await self._write(lambda c, now: records.delete(c, now, namespace, key))
        return removed

    async def acquire(self, name: str, holder: str, ttl: float) -> Lease | None:
        _names(name, holder)
        lease: Lease | None = await self._write(lambda c, now: leases.acquire(c, now, name, holder, now + span(ttl)))
        return lease

    async def renew(self, lease: Lease, ttl: float) -> bool:
        renewed: bool = await self._write(lambda c, now: leases.renew(c, now, lease, now + span(ttl)))
        return renewed

    async def release(self, lease: Lease) -> None:
        await self._write(lambda c, now: leases.release(c, now, lease))

    async def post(self, topic: str, payload: bytes) -> int:
        _names(topic)
        _size("payload", payload, SIGNAL)
        position: int = await self._write(lambda c, now: signals.post(c, now, topic, payload))
        return position

    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        found: RecentSignals = await self._read(lambda c, _: signals.recent(c, topics, after))
        return found

    async def _read(self, call: Callable[[apsw.Connection, int], Any]) -> Any:
        return await self._readers.submit(lambda connection: call(connection, micros(self._clock.now())))

    async def _write(self, call: Callable[[apsw.Connection, int], Any]) -> Any:
        def run(transaction: Transaction) -> Any:
            return call(transaction.connection, transaction.now)

        return await self._writer.submit(run)


def _until(now: int, ttl: float | None) -> int | None:
    return None if ttl is None else now + span(ttl)


def _names(*names: str) -> None:
    for name in names:
        if len(name) > NAME or not _is_text(name):
            raise InvalidRequest(f"A name in the shared store is text of at most {NAME} characters.", limit=NAME)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name


def _size(what: str, value: bytes, limit: int = VALUE) -> None:
    if len(value) > limit:
        raise InvalidRequest(f"A {what} in the shared store has at most {limit} bytes.", field=what, limit=limit)


__all__ = ["NAME", "SIGNAL", "VALUE", "SqliteStore"]
