"""A shared store in memory that follows `providers/store.py`, in the running loop's time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.store import Lease, Record, SharedStore


class MemoryStore:
    def __init__(self) -> None:
        self._records: dict[tuple[str, str], tuple[Record, float | None]] = {}
        self.leases: dict[str, tuple[Lease, float]] = {}
        self.failure: Exception | None = None
        self.writes = 0

    @property
    def records(self) -> dict[tuple[str, str], Record]:
        """Those that have not expired."""
        now = asyncio.get_running_loop().time()
        return {key: record for key, (record, until) in self._records.items() if until is None or until > now}

    async def get(self, namespace: str, key: str) -> Record | None:
        await self._answer()
        return self._get(namespace, key)

    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        await self._answer()
        found = sorted((key, record) for (name, key), record in self.records.items() if name == namespace)
        return dict([pair for pair in found if pair[0].startswith(prefix)][:limit])

    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        await self._answer()
        return self._put(namespace, key, value, ttl)

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
        await self._answer()
        known = self._get(namespace, key)
        if (known.version if known else 0) != expect:
            return None
        if fence is not None and self.leases[fence.name][0].token > fence.token:
            return None
        return self._put(namespace, key, value, ttl)

    async def delete(self, namespace: str, key: str) -> bool:
        await self._answer()
        known = self._get(namespace, key)
        self._records.pop((namespace, key), None)
        return known is not None

    async def acquire(self, name: str, holder: str, ttl: float) -> Lease | None:
        await self._answer()
        now = asyncio.get_running_loop().time()
        known, until = self.leases.get(name, (Lease(name, "", 0), 0.0))
        if known.holder not in {"", holder} and until > now:
            return None
        held = known.holder == holder and until > now
        lease = known if held else Lease(name, holder, known.token + 1)
        self.leases[name] = lease, now + ttl
        return lease

    async def renew(self, lease: Lease, ttl: float) -> bool:
        await self._answer()
        now = asyncio.get_running_loop().time()
        known, until = self.leases[lease.name]
        if known != lease or until <= now:
            return False
        self.leases[lease.name] = lease, now + ttl
        return True

    async def release(self, lease: Lease) -> None:
        await self._answer()
        if self.leases[lease.name][0] == lease:
            self.leases[lease.name] = Lease(lease.name, "", lease.token), 0.0

    def _get(self, namespace: str, key: str) -> Record | None:
        record, until = self._records.get((namespace, key), (None, None))
        return record if until is None or until > asyncio.get_running_loop().time() else None

    def _put(self, namespace: str, key: str, value: bytes, ttl: float | None) -> Record:
        self.writes += 1
        until = None if ttl is None else asyncio.get_running_loop().time() + ttl
        record = Record(value, self.writes)
        self._records[namespace, key] = record, until
        return record

    async def _answer(self) -> None:
        await asyncio.sleep(0.001)
        if self.failure is not None:
            raise self.failure

    @property
    def store(self) -> SharedStore:
        return cast("SharedStore", cast("Any", self))


class CutStore:
    """One instance's way to a store, which is cut after so many calls: to the store it is an instance that died there.
    The last call may be answered or not, and is done in either case or in none."""

    def __init__(self, store: MemoryStore, calls: int, *, done: bool) -> None:
        self._store = store
        self._left = calls
        self._done = done

    @property
    def cut(self) -> bool:
        """Whether it died."""
        return self._left < 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)

        async def counted(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left >= 0:
                return await call(*args, **kwargs)
            if self._left == -1 and self._done:
                await call(*args, **kwargs)
            raise HistoryUnavailable("cut")

        return counted

    @property
    def store(self) -> SharedStore:
        return cast("SharedStore", cast("Any", self))


__all__ = ["CutStore", "MemoryStore"]
