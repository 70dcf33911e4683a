"""Leases: one holder at a time, and tokens that fence off the former one."""

from __future__ import annotations

import asyncio

from umbral_chat.testing.storage import StorageContract


class LeasesContract(StorageContract):
    """A lease belongs to one holder until it expires."""

    async def test_one_holds_it_at_a_time(self) -> None:
        async with self.rig() as rig:
            sides = (rig.storage.store, rig.other.store)
            leases = await asyncio.gather(*(sides[number % 2].acquire("job", f"h{number}", 60) for number in range(10)))
            (lease,) = [lease for lease in leases if lease is not None]
            assert (lease.name, lease.holder) == ("job", next(f"h{n}" for n, got in enumerate(leases) if got))
            assert await sides[1].acquire("job", "late", 60) is None
            assert await sides[1].acquire("other job", "late", 60) is not None

    async def test_its_holder_keeps_it_by_renewing_or_acquiring_again(self) -> None:
        async with self.rig() as rig:
            store, other = rig.storage.store, rig.other.store
            renewed = await store.acquire("renewed", "a", self.hold)
            again = await store.acquire("again", "a", self.hold)
            assert renewed is not None
            assert again is not None
            for _ in range(3):
                await rig.elapse(self.hold * 0.35)
                assert await store.renew(renewed, self.hold)
                assert await other.acquire("again", "a", self.hold) == again
            assert await other.acquire("renewed", "b", 60) is None
            assert await store.acquire("again", "b", 60) is None

    async def test_a_lapsed_one_is_lost_to_its_holder(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            lease = await store.acquire("job", "a", self.lapse)
            assert lease is not None
            await rig.elapse(self.lapse * 2)
            assert not await store.renew(lease, 60)
            taken = await rig.other.store.acquire("job", "b", 60)
            assert taken is not None
            assert taken.token > lease.token
            assert not await store.renew(lease, 60)
            assert await store.acquire("job", "a", 60) is None
            # Releasing a lost lease does not take it from its new holder.
            await store.release(lease)
            assert await rig.other.store.renew(taken, 60)

    async def test_a_released_one_is_free_at_once(self) -> None:
        async with self.rig() as rig:
            lease = await rig.storage.store.acquire("job", "a", 60)
            assert lease is not None
            await rig.storage.store.release(lease)
            assert not await rig.storage.store.renew(lease, 60)
            taken = await rig.other.store.acquire("job", "b", 60)
            assert taken is not None
            assert taken.token > lease.token
            await rig.storage.store.release(lease)
            assert await rig.storage.store.acquire("job", "c", 60) is None

    async def test_tokens_rise_with_every_change_of_holder(self) -> None:
        async with self.rig() as rig:
            tokens = []
            for number in range(6):
                lease = await (rig.storage, rig.other)[number % 2].store.acquire("job", f"h{number}", 60)
                assert lease is not None
                tokens.append(lease.token)
                await rig.storage.store.release(lease)
            assert tokens == sorted(set(tokens))

    async def test_a_write_fenced_by_an_older_token_is_refused(self) -> None:
        async with self.rig() as rig:
            store, other = rig.storage.store, rig.other.store
            old = await store.acquire("job", "a", self.lapse)
            assert old is not None
            first = await store.compare_and_set("ns", "k", b"a", expect=0, fence=old)
            assert first is not None
            await rig.elapse(self.lapse * 2)
            # It expired, but no other holder took it: the write is still safe.
            second = await store.compare_and_set("ns", "k", b"b", expect=first.version, fence=old)
            assert second is not None
            new = await other.acquire("job", "b", 60)
            assert new is not None
            assert await store.compare_and_set("ns", "k", b"c", expect=second.version, fence=old) is None
            assert await store.get("ns", "k") == second
            third = await other.compare_and_set("ns", "k", b"d", expect=second.version, fence=new)
            assert third is not None
            # A fence does not replace the version check.
            assert await other.compare_and_set("ns", "k", b"e", expect=second.version, fence=new) is None


__all__ = ["LeasesContract"]
