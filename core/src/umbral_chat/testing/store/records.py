"""Records: versions, compare-and-set, time to live, namespaces and limits."""

from __future__ import annotations

import asyncio

from umbral_chat.errors import InvalidRequest
from umbral_chat.providers.store import Record
from umbral_chat.testing.storage import StorageContract, expect_error


class RecordsContract(StorageContract):
    """Small values with a version that never repeats."""

    async def test_a_record_is_seen_by_every_instance_when_it_was_written(self) -> None:
        async with self.rig() as rig:
            here, there = rig.storage.store, rig.other.store
            assert await here.get("ns", "k") is None
            value = bytes(range(256))
            stored = await here.put("ns", "k", value)
            assert stored == Record(value, stored.version)
            assert await there.get("ns", "k") == stored
            assert await there.delete("ns", "k")
            assert await here.get("ns", "k") is None
            assert not await here.delete("ns", "k")

    async def test_versions_rise_with_each_write_and_never_come_again(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            seen = [(await store.put("ns", "k", b"a")).version]
            assert seen[0] >= 1, "0 stands for an absent record"
            seen.append((await rig.other.store.put("ns", "k", b"a")).version)
            swapped = await store.compare_and_set("ns", "k", b"b", expect=seen[-1])
            assert swapped is not None
            seen.append(swapped.version)
            await store.delete("ns", "k")
            seen.append((await store.put("ns", "k", b"a", ttl=self.lapse)).version)
            await rig.elapse(self.lapse * 2)
            made = await store.compare_and_set("ns", "k", b"c", expect=0)
            assert made is not None
            seen.append(made.version)
            assert seen == sorted(set(seen))

    async def test_a_write_that_expects_another_version_changes_nothing(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            assert await store.compare_and_set("ns", "k", b"x", expect=1) is None
            assert await store.get("ns", "k") is None
            first = await store.compare_and_set("ns", "k", b"a", expect=0)
            assert first is not None
            assert await store.compare_and_set("ns", "k", b"x", expect=0) is None
            assert await rig.other.store.compare_and_set("ns", "k", b"x", expect=first.version + 1) is None
            assert await store.get("ns", "k") == first
            second = await rig.other.store.compare_and_set("ns", "k", b"b", expect=first.version)
            assert second is not None
            assert await store.compare_and_set("ns", "k", b"x", expect=first.version) is None
            assert await store.get("ns", "k") == second

    async def test_of_many_that_compare_and_set_one_wins(self) -> None:
        async with self.rig() as rig:
            sides = (rig.storage.store, rig.other.store)
            version = 0
            for turn in range(5):
                stored = await asyncio.gather(
                    *(
                        sides[number % 2].compare_and_set("ns", "k", f"{turn}.{number}".encode(), expect=version)
                        for number in range(10)
                    )
                )
                (winner,) = [record for record in stored if record is not None]
                assert await sides[0].get("ns", "k") == winner
                version = winner.version

    async def test_a_counter_kept_by_compare_and_set_loses_no_step(self) -> None:
        async with self.rig() as rig:

            async def add(store_index: int) -> None:
                store = (rig.storage, rig.other)[store_index % 2].store
                for _ in range(5):
                    while True:
                        record = await store.get("ns", "n")
                        number = int(record.value) if record else 0
                        version = record.version if record else 0
                        if await store.compare_and_set("ns", "n", str(number + 1).encode(), expect=version):
                            break

            await asyncio.gather(*(add(number) for number in range(4)))
            record = await rig.storage.store.get("ns", "n")
            assert record is not None
            assert record.value == b"20"

    async def test_a_lapsed_record_is_absent_at_once_in_every_way(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            await store.put("ns", "a", b"a", ttl=self.hold)
            await store.put("ns", "b", b"b")
            await store.put("ns", "c", b"c", ttl=self.lapse * 1000)
            swapped = await store.compare_and_set("ns", "d", b"d", expect=0, ttl=self.hold)
            assert swapped is not None
            assert list(await rig.other.store.scan("ns")) == ["a", "b", "c", "d"]
            await store.put("ns", "a", b"a", ttl=self.lapse)
            swapped = await store.compare_and_set("ns", "d", b"d", expect=swapped.version, ttl=self.lapse)
            assert swapped is not None
            await rig.elapse(self.lapse * 2)
            assert await rig.other.store.get("ns", "a") is None
            assert list(await rig.other.store.scan("ns")) == ["b", "c"]
            assert not await rig.other.store.delete("ns", "a")
            assert await store.compare_and_set("ns", "d", b"x", expect=swapped.version) is None
            assert await store.compare_and_set("ns", "d", b"x", expect=0)

    async def test_writing_again_sets_the_time_to_live_again(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            await store.put("ns", "kept", b"", ttl=self.lapse)
            await store.put("ns", "kept", b"")
            await store.put("ns", "gone", b"")
            await store.put("ns", "gone", b"", ttl=self.lapse)
            await rig.elapse(self.lapse * 2)
            assert list(await store.scan("ns")) == ["kept"]

    async def test_a_scan_finds_a_prefix_by_key_and_ends_at_its_limit(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            keys = ["", "a", "a%", "a_", "aa", "ab", "ä", "äx", "b", "A", "a\U0010ffff", "日本"]
            for key in keys:
                await store.put("ns", key, key.encode())
            await store.put("ns2", "a", b"other")
            await store.put("NS", "a", b"other")
            found = await rig.other.store.scan("ns")
            assert list(found) == sorted(keys)
            assert all(record.value == key.encode() for key, record in found.items())
            for prefix in ("a", "a%", "a_", "ä", "A", "日", "z"):
                assert list(await store.scan("ns", prefix=prefix)) == sorted(
                    key for key in keys if key.startswith(prefix)
                )
            assert list(await store.scan("ns", limit=3)) == sorted(keys)[:3]

    async def test_names_and_values_have_limits(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            name, value = "ñ" * 256, b"x" * 64 * 1024
            assert (await store.put(name, name, value)).value == value
            record = await rig.other.store.get(name, name)
            assert record is not None
            assert record.value == value
            await expect_error(store.put(name + "x", "k", b""), InvalidRequest)
            await expect_error(store.put("ns", name + "x", b""), InvalidRequest)
            await expect_error(store.put("ns", "k", value + b"x"), InvalidRequest)
            await expect_error(store.compare_and_set("ns", "k", value + b"x", expect=0), InvalidRequest)
            assert await store.scan("ns") == {}


__all__ = ["RecordsContract"]
