"""Signals: a short list, in order, that reports when some were dropped."""

from __future__ import annotations

import asyncio

from umbral_chat.testing.storage import StorageContract


class SignalsContract(StorageContract):
    """Signals are read from a position on."""

    many: int = 20_000
    """Number of signals posted to make the store drop some; a store that keeps more sets a higher one."""

    async def test_signals_come_in_order_to_every_instance(self) -> None:
        async with self.rig() as rig:
            start = (await rig.other.store.recent(None, -1)).position
            positions = [await rig.storage.store.post(f"t{number % 2}", bytes([number])) for number in range(6)]
            assert positions == sorted(set(positions))
            assert positions[0] > start
            found = await rig.other.store.recent(None, start)
            assert [signal.payload for signal in found.signals] == [bytes([number]) for number in range(6)]
            assert [signal.position for signal in found.signals] == positions
            assert [signal.topic for signal in found.signals] == ["t0", "t1"] * 3
            assert (found.position, found.complete) == (positions[-1], True)

    async def test_a_reader_goes_on_from_its_position_and_misses_nothing(self) -> None:
        async with self.rig() as rig:
            sides = (rig.storage.store, rig.other.store)
            position = (await sides[0].recent(None, -1)).position
            seen: list[bytes] = []
            async with asyncio.TaskGroup() as group:
                posting = [group.create_task(sides[n % 2].post("t", str(n).encode())) for n in range(60)]
                last = False
                while not last:
                    last = all(task.done() for task in posting)
                    found = await sides[1].recent(None, position)
                    assert found.complete
                    assert all(signal.position > position for signal in found.signals)
                    seen += [signal.payload for signal in found.signals]
                    position = found.position
            assert sorted(seen) == sorted(str(number).encode() for number in range(60))
            assert max(task.result() for task in posting) == position

    async def test_only_the_topics_asked_for_come_and_the_position_is_of_all(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            start = (await store.recent(None, -1)).position
            last = [await store.post(topic, topic.encode()) for topic in ("a", "b", "c", "a", "é", "A")][-1]
            found = await rig.other.store.recent(["a", "é", "unknown"], start)
            assert [signal.topic for signal in found.signals] == ["a", "a", "é"]
            assert (found.position, found.complete) == (last, True)
            nothing = await rig.other.store.recent([], start)
            assert (nothing.signals, nothing.position) == ([], last)

    async def test_asking_from_minus_one_reads_none_and_tells_the_position(self) -> None:
        async with self.rig() as rig:
            last = await rig.storage.store.post("t", b"x")
            found = await rig.other.store.recent(None, -1)
            assert (found.signals, found.position, found.complete) == ([], last, True)
            found = await rig.other.store.recent(None, found.position)
            assert (found.signals, found.position, found.complete) == ([], last, True)

    async def test_a_reader_that_comes_too_late_is_told(self) -> None:
        async with self.rig() as rig:
            store = rig.storage.store
            last = start = (await store.recent(None, -1)).position
            for begin in range(0, self.many, 500):
                last = max(
                    await asyncio.gather(
                        *(store.post("t", b"%d" % n) for n in range(begin, min(begin + 500, self.many)))
                    )
                )
            found = await rig.other.store.recent(None, start)
            assert not found.complete
            assert len(found.signals) < self.many
            assert found.position == last
            positions = [signal.position for signal in found.signals]
            assert positions == sorted(positions)
            assert positions[-1] == last
            assert (await rig.other.store.recent(None, positions[0])).complete

    async def test_a_position_that_was_never_given_out_is_not_complete(self) -> None:
        async with self.rig() as rig:
            last = await rig.storage.store.post("t", b"x")
            found = await rig.storage.store.recent(None, last + 1000)
            assert (found.signals, found.complete, found.position) == ([], False, last)


__all__ = ["SignalsContract"]
