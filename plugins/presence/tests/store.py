"""A shared store in memory, in the time of a clock: it can be away, lag behind, and hang."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.store import Record, SharedStore
from umbral_chat.testing import ManualClock

LIMIT = 64 * 1024


class Records:
    """What is stored, with versions and times to live, as every instance sees it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.records: dict[tuple[str, str], tuple[Record, float | None]] = {}
        self.versions = 0

    def live(self) -> dict[tuple[str, str], Record]:
        now = self.clock.monotonic()
        return {at: record for at, (record, until) in self.records.items() if until is None or until > now}


class MemoryStore:
    """One instance's connection to the records."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self.away = False
        self.hangs = False
        self.slow = 0.0
        """Seconds that a write takes."""
        self.slow_reads = 0.0
        """Seconds that a scan takes; it returns the state at its end."""
        self.full = False
        """Rosters are refused, and nothing else."""
        self.lag = 0.0
        """Seconds by which reads are behind what is written."""
        self.writes: list[str] = []
        self.reads: list[str] = []
        self._history: list[tuple[float, dict[tuple[str, str], Record]]] = []

    async def get(self, namespace: str, key: str) -> Record | None:
        await self._answer()
        self.reads.append(key)
        return self._seen().get((namespace, key))

    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        await self._answer()
        if self.slow_reads:
            await self._clock.sleep(self.slow_reads)
        self.reads.append(prefix)
        found = {key: one for (of, key), one in self._seen().items() if of == namespace and key.startswith(prefix)}
        return dict(sorted(found.items())[:limit])

    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        await self._answer()
        if self.slow:
            await self._clock.sleep(self.slow)
        if self.full and key.startswith("roster/"):
            raise HistoryUnavailable("The store is full.")
        assert len(value) <= LIMIT, f"{key} has {len(value)} bytes"
        assert len(key) <= 256
        self.writes.append(key)
        self._records.versions += 1
        record = Record(value, self._records.versions)
        until = None if ttl is None else self._clock.monotonic() + ttl
        self._records.records[namespace, key] = (record, until)
        return record

    async def compare_and_set(
        self, namespace: str, key: str, value: bytes, *, expect: int, **more: Any
    ) -> Record | None:
        await self._answer()
        known = self._records.live().get((namespace, key))
        if (known.version if known else 0) != expect:
            return None
        return await self.put(namespace, key, value)

    async def delete(self, namespace: str, key: str) -> bool:
        await self._answer()
        return self._records.records.pop((namespace, key), None) is not None

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.hangs:
            await self._clock.sleep(1e9)
        if self.away:
            raise HistoryUnavailable("The store is away.")

    def _seen(self) -> dict[tuple[str, str], Record]:
        live, now = self._records.live(), self._clock.monotonic()
        if not self.lag:
            return live
        self._history.append((now, live))
        old = [seen for at, seen in self._history if at <= now - self.lag]
        return old[-1] if old else {}

    @property
    def store(self) -> SharedStore:
        return cast("SharedStore", cast("Any", self))


def stores(clock: ManualClock, count: int = 2) -> list[MemoryStore]:
    """So many connections to one store."""
    records = Records(clock)
    return [MemoryStore(records, clock) for _ in range(count)]


__all__ = ["MemoryStore", "Records", "stores"]
