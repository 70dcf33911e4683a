"""A consumer that begins now is given what is appended from now on, all of it and nothing else."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings
from umbral_chat.errors import HistoryUnavailable

from ..feed.virtual import LoopClock, run  # noqa: TID252 - tests are no package
from .world import Recorder, World, upto


class FromNow(Recorder):
    begins = "now"


class Skewed(LoopClock):
    """An instance's clock that is wrong."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._ahead


def timed() -> World:
    """A world whose store has a clock."""
    world = World()
    world.history.clock = LoopClock().now
    return world


@pytest.mark.parametrize("skew", [-110.0, 0.0, 110.0])
def test_what_was_appended_before_is_not_given_and_all_that_follows_is(skew: float) -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        for number in range(300):
            world.append(f"old-{number}", times=2)
        await asyncio.sleep(100)
        for number in range(20):
            world.append(f"recent-{number}", times=3)
        await asyncio.sleep(30)
        async with world.started(clock=Skewed(skew)) as instance:
            await instance.consumers.start(recorder)
            world.append("old-5")
            world.append("recent-7", bus=instance.bus)
            world.append("new")
            await asyncio.sleep(20)
            assert {key[0]: seqs for key, seqs in recorder.taken.items()} == {
                "old-5": [3],
                "recent-7": [4],
                "new": [1],
            }
            for number in range(300):
                world.append(f"old-{number}", bus=instance.bus)
            await asyncio.sleep(20)
            assert recorder.taken[world.key("old-5")] == [3, 4]
            assert all(recorder.taken[world.key(f"old-{n}")] == [3] for n in range(300) if n != 5)

    run(main())


@pytest.mark.parametrize("silence", [121.0, 200.0, 600.0])
def test_an_idle_start_reads_no_log_and_stores_the_heads_of_recent_conversations_alone(silence: float) -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        for number in range(500):
            world.append(f"old-{number}")
        await asyncio.sleep(silence)
        world.append("recent")
        async with world.started() as instance:
            await instance.consumers.start(recorder)
            await asyncio.sleep(60)
            assert world.history.reads == []
            assert world.heads() == {"recent": 1}
            assert world.cursor("recent") is None
            assert not any(key.startswith("old") for _, key in world.store.records)

    run(main())


def test_a_long_log_is_begun_from_its_end() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        world.append("long", times=5_000)
        await asyncio.sleep(600)
        world.append("other")
        async with world.started() as instance:
            await instance.consumers.start(recorder)
            await asyncio.sleep(1)
            world.append("long", times=130, bus=instance.bus)
            await asyncio.sleep(5)
            assert recorder.taken[world.key("long")] == list(range(5_001, 5_131))
            assert len(world.history.reads) < 10

    run(main())


def test_imported_entries_have_times_of_their_own_and_do_not_mislead_it() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        world.append("room", times=3)
        await asyncio.sleep(600)
        world.append("other")
        async with world.started() as instance:
            await instance.consumers.start(recorder)
            log = world.history.log("room")
            world.append("room", times=3)
            log.entries[4] = msgspec.structs.replace(log.entries[4], imported=True, at=log.entries[0].at)
            await asyncio.sleep(15)
            assert recorder.taken[world.key("room")] == [4, 6]

    run(main())


def test_an_activity_in_the_future_of_a_wrong_clock_hides_nothing() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        world.append("future")
        world.history.log("future").last_activity += timedelta(days=1)
        world.append("room")
        await asyncio.sleep(600)
        async with world.started() as instance:
            await instance.consumers.start(recorder)
            world.append("room", bus=instance.bus)
            world.append("new", bus=instance.bus)
            await asyncio.sleep(20)
            assert recorder.taken[world.key("room")] == [2]
            assert recorder.taken[world.key("new")] == [1]

    run(main())


def test_a_start_is_stored_once_and_a_restart_goes_on_from_it() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        world.append("room", times=3)
        async with world.started(recorder):  # a plugin's own consumer
            await asyncio.sleep(1)
        world.append("room", times=2)
        world.append("new", times=2)
        await asyncio.sleep(3600)
        async with world.started(recorder), world.started(recorder):
            await asyncio.sleep(20)
        assert recorder.taken[world.key("room")] == [4, 5]
        assert recorder.taken[world.key("new")] == [1, 2]

    run(main())


def test_a_consumer_that_ran_before_it_could_begin_now_loses_nothing() -> None:
    async def main() -> None:
        world = timed()
        world.append("room")
        async with world.started(Recorder()):
            await asyncio.sleep(1)
        world.append("room")
        world.append("new")
        await asyncio.sleep(600)
        recorder = FromNow()
        async with world.started(recorder):
            await asyncio.sleep(1)
        assert recorder.taken[world.key("room")] == [2]
        assert recorder.taken[world.key("new")] == [1]

    run(main())


def test_a_start_that_cannot_be_stored_is_an_error_and_a_repeat_is_exact() -> None:
    async def main() -> None:
        world, recorder = timed(), FromNow()
        for number in range(30):
            world.append(f"room-{number}")
        async with world.started() as instance:
            put = world.store.compare_and_set
            calls = 0

            async def failing(*args: object, **kwargs: object) -> object:
                nonlocal calls
                calls += 1
                if calls > 2:  # the heads are stored, and where it begins is not
                    raise HistoryUnavailable("down")
                return await put(*args, **kwargs)  # type: ignore[arg-type]

            world.store.compare_and_set = failing  # type: ignore[assignment, method-assign]
            with pytest.raises(HistoryUnavailable):
                await instance.consumers.start(recorder)
            assert instance.consumers.state("recorder") is None
            world.store.compare_and_set = put  # type: ignore[method-assign]
            for number in range(30):
                world.append(f"room-{number}", bus=instance.bus)
            await instance.consumers.start(recorder)
            await asyncio.sleep(20)
            assert not recorder.taken
            world.append("room-3", bus=instance.bus)
            await asyncio.sleep(1)
            assert recorder.taken == {world.key("room-3"): [3]}

    run(main())


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_while_others_append_nothing_after_it_is_missed_and_nothing_before_it_is_given(seed: int) -> None:
    async def main() -> None:
        drawn = random.Random(seed)
        world, recorder, elsewhere = timed(), FromNow(), FromNow()
        world.history.delay = lambda: drawn.choice([0.0, 0.001, 0.05])
        names = [f"room-{number}" for number in range(250)]
        for name in names:
            world.append(name, times=drawn.randint(1, 2))
            await asyncio.sleep(drawn.choice([0, 0, 0, 5]))
        asked: dict[str, int] = {}
        returned: dict[str, int] = {}

        def heads() -> dict[str, int]:
            return {name: len(world.history.log(name).entries) for name in names}

        async with world.started() as instance, world.started() as other:

            async def append() -> None:
                while not returned:
                    world.append(drawn.choice(names), bus=drawn.choice([instance.bus, other.bus, None]))
                    await asyncio.sleep(drawn.choice([0.0, 0.002, 0.02]))

            appending = asyncio.create_task(append())
            await asyncio.sleep(0.01)
            asked = heads()
            await instance.consumers.start(recorder)
            returned.update(heads())
            await other.consumers.start(elsewhere)
            await appending
            for name in names:
                world.append(name)
            world.history.delay = lambda: 0.0
            await other.consumers.stop("recorder")
            await asyncio.sleep(40)
        for name in names:
            taken = {*recorder.taken[world.key(name)], *elsewhere.taken[world.key(name)]}
            assert taken >= set(upto(len(world.history.log(name).entries))) - set(upto(returned[name]))
            assert not taken & set(upto(asked[name]))

    run(main())
