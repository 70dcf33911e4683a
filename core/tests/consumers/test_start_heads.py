"""The heads at which a consumer began are few records, and each is the cursor of its log until that has one."""

from __future__ import annotations

import asyncio

from umbral_chat._core.consumers import watch

from ..feed.virtual import LoopClock, run  # noqa: TID252 - tests are no package
from .world import EndRecorder, World


class FromNow(EndRecorder):
    begins = "now"


def timed() -> World:
    """A world whose store has a clock."""
    world = World()
    world.history.clock = LoopClock().now
    return world


def many(world: World, count: int) -> list[str]:
    names = [f"room-{number}" for number in range(count)]
    for name in names:
        world.append(name, times=2)
    return names


def test_a_start_among_many_active_conversations_writes_few_records() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        names = many(world, 1_500)
        async with world.started() as instance:
            await instance.consumers.start(recorder)
            assert world.store.writes < 20
            assert world.heads() == dict.fromkeys(names, 2)
            await asyncio.sleep(60)
            # Neither the scans nor the sweep found anything to do.
            assert not any(key.startswith("room") for _, key in world.store.records)
            assert world.history.reads == []
            for name in names:
                world.append(name)
            await asyncio.sleep(30)
            assert all(recorder.taken[world.key(name)] == [3] for name in names)

    run(main())


def test_the_largest_heads_fit_in_a_record() -> None:
    async def main() -> None:
        world = timed()
        for number in range(3_000):
            world.append(f"{number:04}".ljust(128, "~"))
            world.history.log(f"{number:04}".ljust(128, "~")).epoch = "e" * 10
        async with world.started() as instance:
            await instance.consumers.start(FromNow())
        records = [r for (_, key), r in world.store.records.items() if key.startswith("/heads/")]
        # With seqs of 19 digits they would be 18 bytes longer each.
        assert max(len(record.value) for record in records) + 18 * 300 < 64 * 1024
        assert len(world.heads()) == 3_000

    run(main())


def test_a_conversation_that_is_deleted_ends_once_and_leaves_no_trace() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        many(world, 400)
        async with world.started() as instance, world.started() as other:
            await instance.consumers.start(recorder)
            await other.consumers.start(recorder)
            world.delete("room-7", bus=instance.bus)
            world.delete("room-8", bus=other.bus)
            await asyncio.sleep(10)
            assert {name: [end.kind for end in ends] for name, ends in recorder.ends.items()} == {
                "room-7": ["deleted"],
                "room-8": ["deleted"],
            }
            assert not {"room-7", "room-8"} & world.heads().keys()
            await asyncio.sleep(2 * watch.SWEEP_EVERY)
            assert sum(map(len, recorder.ends.values())) == 2
            assert len(world.heads()) == 398

    run(main())


def test_one_that_was_deleted_while_none_ran_is_found_and_one_that_began_anew_follows() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        many(world, 10)
        async with world.started() as instance:
            await instance.consumers.start(recorder)
        world.delete("room-1")
        before = world.history.log("room-2").epoch
        world.delete("room-2")
        world.append("room-2", times=3)
        assert world.history.log("room-2").epoch != before
        async with world.started() as instance:
            await instance.consumers.start(recorder)
            await asyncio.sleep(60)
        assert [end.kind for end in recorder.ends["room-1"]] == ["deleted"]
        assert [end.kind for end in recorder.ends["room-2"]] == ["restarted"]
        assert recorder.taken[world.key("room-2")] == [1, 2, 3]
        assert set(recorder.ends) == {"room-1", "room-2"}

    run(main())


def test_what_an_unfinished_start_left_is_replaced() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        many(world, 3)
        for number in range(4):
            await world.store.put("consumer:recorder", f"/heads/{number:04}", b'{"gone":["eeeeeeeeee",7]}')
        async with world.started() as instance:
            await instance.consumers.start(recorder)
            assert world.heads() == {"room-0": 2, "room-1": 2, "room-2": 2}

    run(main())


def test_heads_that_cannot_be_read_cost_no_entry() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        many(world, 3)
        async with world.started() as instance:
            await instance.consumers.start(recorder)
        await world.store.put("consumer:recorder", "/heads/0000", b"not heads")
        world.append("room-1")
        async with world.started() as instance:
            await instance.consumers.start(recorder)
            await asyncio.sleep(20)
        assert recorder.taken[world.key("room-1")][-1] == 3

    run(main())


def test_every_log_with_a_cursor_is_swept_whatever_its_name() -> None:
    async def main() -> None:
        world, recorder = timed(), EndRecorder()
        names = [f"{one}{number}" for one in "!$&'()*+,-.:;=@_~Az0" for number in range(60)]
        for name in names:
            world.append(name)
        async with world.started(recorder):
            await asyncio.sleep(60)
            assert len(recorder.taken) == len(names)
        for name in names:
            world.delete(name)
        async with world.started(recorder):
            await asyncio.sleep(120)
        assert set(recorder.ends) == set(names)

    run(main())
