"""The shared store's contract catches each broken store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from umbral_chat.providers.store import Lease, RecentSignals, Record, SharedStore
from umbral_chat.testing import SharedStoreContract, StorageRig
from umbral_chat.testing.embedded import EmbeddedRig


class Broken:
    """A working store, until a subclass breaks something. All instances share `memory`."""

    def __init__(self, store: SharedStore, memory: dict[Any, Any]) -> None:
        self.inner, self.memory = store, memory

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class SwapsWithoutComparing(Broken):
    async def compare_and_set(self, namespace: str, key: str, value: bytes, **options: Any) -> Record | None:
        return await self.inner.put(namespace, key, value, ttl=options.get("ttl"))


class SwapsInTwoSteps(Broken):
    async def compare_and_set(self, namespace: str, key: str, value: bytes, **options: Any) -> Record | None:
        record = await self.inner.get(namespace, key)
        if (record.version if record else 0) != options["expect"]:
            return None
        return await self.inner.put(namespace, key, value, ttl=options.get("ttl"))


class IgnoresTheFence(Broken):
    async def compare_and_set(self, *arguments: Any, **options: Any) -> Record | None:
        return await self.inner.compare_and_set(*arguments, **{**options, "fence": None})


class NeverLapses(Broken):
    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        return await self.inner.put(namespace, key, value)


class ScansWhatLapsed(Broken):
    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        seen = self.memory.setdefault(namespace, {})
        seen.update(await self.inner.scan(namespace, prefix=prefix, limit=limit))
        return dict(sorted(seen.items()))


class StartsVersionsAnew(Broken):
    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        record = await self.inner.put(namespace, key, value, ttl=ttl)
        return Record(record.value, record.version - self.memory.get(key, 0))

    async def delete(self, namespace: str, key: str) -> bool:
        record = await self.inner.get(namespace, key)
        self.memory[key] = record.version if record else 0
        return await self.inner.delete(namespace, key)


class ScansByPattern(Broken):
    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        found = await self.inner.scan(namespace)
        return {key: record for key, record in found.items() if key.lower().startswith(prefix.lower())}


class CutsValues(Broken):
    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        return await self.inner.put(namespace, key, value[:65_536], ttl=ttl)


class LeasesToAll(Broken):
    async def acquire(self, name: str, holder: str, ttl: float) -> Lease | None:
        return await self.inner.acquire(name, holder, ttl) or Lease(name, holder, 1)


class RenewsWhatLapsed(Broken):
    async def renew(self, lease: Lease, ttl: float) -> bool:
        return True


class NeverRaisesTokens(Broken):
    async def acquire(self, name: str, holder: str, ttl: float) -> Lease | None:
        lease = await self.inner.acquire(name, holder, ttl)
        return lease and Lease(lease.name, lease.holder, 1)


class ReleasesForAnybody(Broken):
    async def release(self, lease: Lease) -> None:
        for token in range(lease.token, lease.token + 5):
            for holder in "abc":
                await self.inner.release(Lease(lease.name, holder, token))


class HidesThatSignalsWereDropped(Broken):
    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        found = await self.inner.recent(topics, after)
        return RecentSignals(found.position, found.signals)


class TellsThePositionOfItsTopics(Broken):
    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        found = await self.inner.recent(topics, after)
        last = found.signals[-1].position if found.signals else after
        return RecentSignals(last, found.signals, found.complete)


class TurnsSignalsRound(Broken):
    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        found = await self.inner.recent(topics, after)
        return RecentSignals(found.position, found.signals[::-1], found.complete)


BROKEN = [
    (SwapsWithoutComparing, "test_a_write_that_expects_another_version_changes_nothing"),
    (SwapsWithoutComparing, "test_of_many_that_compare_and_set_one_wins"),
    (SwapsInTwoSteps, "test_of_many_that_compare_and_set_one_wins"),
    (SwapsInTwoSteps, "test_a_counter_kept_by_compare_and_set_loses_no_step"),
    (IgnoresTheFence, "test_a_write_fenced_by_an_older_token_is_refused"),
    (NeverLapses, "test_a_lapsed_record_is_absent_at_once_in_every_way"),
    (ScansWhatLapsed, "test_a_lapsed_record_is_absent_at_once_in_every_way"),
    (StartsVersionsAnew, "test_versions_rise_with_each_write_and_never_come_again"),
    (ScansByPattern, "test_a_scan_finds_a_prefix_by_key_and_ends_at_its_limit"),
    (CutsValues, "test_names_and_values_have_limits"),
    (LeasesToAll, "test_one_holds_it_at_a_time"),
    (RenewsWhatLapsed, "test_a_lapsed_one_is_lost_to_its_holder"),
    (NeverRaisesTokens, "test_tokens_rise_with_every_change_of_holder"),
    (ReleasesForAnybody, "test_a_lapsed_one_is_lost_to_its_holder"),
    (HidesThatSignalsWereDropped, "test_a_reader_that_comes_too_late_is_told"),
    (TellsThePositionOfItsTopics, "test_only_the_topics_asked_for_come_and_the_position_is_of_all"),
    (TurnsSignalsRound, "test_signals_come_in_order_to_every_instance"),
]


async def often(suite: object, guarantee: str) -> None:
    """Some faults show only where a read meets a write, which on a busy machine it may miss."""
    for _ in range(10):
        await getattr(suite, guarantee)()


@pytest.mark.parametrize(("broken", "caught"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
async def test_a_broken_store_is_caught(broken: type[Broken], caught: str) -> None:
    class Suite(EmbeddedRig, SharedStoreContract):
        many = 2_000

        @asynccontextmanager
        async def rig(self) -> AsyncIterator[StorageRig]:
            memory: dict[Any, Any] = {}
            async with super().rig() as rig:
                here, there = (
                    replace(storage, store=broken(storage.store, memory)) for storage in (rig.storage, rig.other)
                )
                yield StorageRig(here, there, rig.elapse)

    with pytest.raises((Exception, pytest.fail.Exception)):
        await often(Suite(), caught)
