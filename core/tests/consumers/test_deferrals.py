"""An entry that is to be passed later is passed then, once, and its conversation is in no queue until then."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given, settings
from umbral_chat.errors import ConsumerError
from umbral_chat.model.entries import Entry
from umbral_chat.providers.edges import DUE_EVERY

from ..feed.virtual import LoopClock, run  # noqa: TID252 - tests are no package
from .store import CutStore
from .world import EndRecorder, Recorder, Worker, World, seqs, small, upto

SOON = DUE_EVERY + 1


class Late(EndRecorder):
    """Is passed entries ten minutes after they were written."""

    after = timedelta(minutes=10)

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[tuple[str, int], list[datetime]] = defaultdict(list)

    def due(self, entry: Entry) -> datetime:
        return entry.at + self.after

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        now = LoopClock().now()
        assert now >= self.due(entry), "early"
        self.times[conversation, entry.seq].append(now)
        await super().handle(conversation, epoch, entry)


class LateWorker(Worker):
    def due(self, entry: Entry) -> datetime:
        return entry.at + Late.after


class Newest(Late):
    """Is passed the newest entry alone."""

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        return entries[-1:]


def timed() -> World:
    world = small()
    world.history.clock = LoopClock().now
    return world


def due_records(world: World) -> list[str]:
    return sorted(key for namespace, key in world.store.records if namespace.startswith("consumer-due:"))


def test_an_entry_is_passed_when_it_is_due_by_one_instance() -> None:
    async def main() -> None:
        world, recorder = timed(), Late()
        async with world.started(recorder) as here, world.started(recorder):
            for number in range(3):
                world.append(bus=here.bus)
                if number < 2:
                    await asyncio.sleep(100)
            await asyncio.sleep(395)
            assert not recorder.taken
            assert len(due_records(world)) == 1
            await asyncio.sleep(5 + SOON)
            assert recorder.taken[world.key()] == [1]
            await asyncio.sleep(100)
            assert recorder.taken[world.key()] == [1, 2]
            await asyncio.sleep(400)
            assert recorder.taken[world.key()] == [1, 2, 3]
            assert due_records(world) == []

    run(main())


def test_what_waits_costs_nothing_and_takes_no_place() -> None:
    async def main() -> None:
        world, recorder = timed(), Late()
        async with world.started(recorder) as instance:
            for number in range(50):
                world.append(f"room-{number}", bus=instance.bus)
            await asyncio.sleep(20)
            state = instance.consumers.state("recorder")
            assert state is not None
            assert (state.queued, state.lag) == (0, 0)
            writes, reads = world.store.writes, len(world.history.reads)
            await asyncio.sleep(500)
            assert (world.store.writes - writes, len(world.history.reads) - reads) == (0, 0)
            await asyncio.sleep(100)
            assert len(recorder.taken) == 50

    run(main())


def test_what_is_passed_is_decided_when_it_is_due() -> None:
    async def main() -> None:
        world, recorder = timed(), Newest()
        async with world.started(recorder) as instance:
            world.append(bus=instance.bus)
            for _ in range(5):
                await asyncio.sleep(60)
                world.append(bus=instance.bus)
            written = world.store.writes
            await asyncio.sleep(600 + SOON)
            assert recorder.taken[world.key()] == [6]
            # The first one, the newest of them when that was due, and what removes the records.
            assert world.store.writes - written < 15

    run(main())


def test_a_deletion_while_it_waits_leaves_nothing() -> None:
    async def main() -> None:
        world, recorder = timed(), Late()
        async with world.started(recorder) as instance:
            world.append(bus=instance.bus)
            world.append("other", bus=instance.bus)
            await asyncio.sleep(20)
            world.delete(bus=instance.bus)
            await asyncio.sleep(1)
            assert [key.split("/")[1] for key in due_records(world)] == ["other"]
            assert [end.kind for end in recorder.ends["room"]] == ["deleted"]

    run(main())


def test_what_fails_is_tried_again_and_given_up_as_any_other() -> None:
    async def main() -> None:
        world, recorder = timed(), Late()
        recorder.refuses["room", 1] = ValueError("no")
        async with world.started(recorder) as instance:
            world.append(times=2, bus=instance.bus)
            await asyncio.sleep(700)
            assert recorder.taken[world.key()] == [2]
            [letter] = await instance.consumers.dead_letters("recorder")
            assert (letter.seq, letter.tries) == (1, 3)
            await asyncio.sleep(130)
            assert due_records(world) == []

    run(main())


def test_what_failed_when_it_was_due_is_found_by_the_next_instance() -> None:
    async def main() -> None:
        world, recorder = timed(), Late()
        world.limits = type(world.limits)(tries=100)
        recorder.refuses["room", 2] = ConsumerError("no")
        async with world.started(recorder) as instance:
            world.append(times=2, bus=instance.bus)
            await asyncio.sleep(600 + SOON)
            assert recorder.taken[world.key()] == [1]
            for _ in range(10):
                # What is scanned is far behind that conversation by now.
                world.append("other", bus=instance.bus)
                await asyncio.sleep(60)
        recorder.refuses.clear()
        async with world.started(recorder):
            await asyncio.sleep(300 + SOON)
            assert recorder.taken[world.key()] == [1, 2]

    run(main())


def test_a_claim_that_nobody_ended_is_found_by_the_next_instance() -> None:
    async def main() -> None:
        world = timed()
        world.limits = type(world.limits)(tries=100)
        async with world.started() as instance:
            claims = await instance.consumers.claims(LateWorker())
            world.append(times=2, bus=instance.bus)
            [claim] = await claims.claim(wait=600 + SOON, lease=30)
            assert seqs(claim) == [1, 2]
            for _ in range(8):
                world.append("other", bus=instance.bus)
                await asyncio.sleep(60)
        async with world.started() as instance:
            claims = await instance.consumers.claims(LateWorker())
            for seq in (1, 2):
                [claim] = await claims.claim(wait=30)
                assert (claim.conversation, seqs(claim)) == ("room", [seq])
                await claims.ack([claim.id])

    run(main())


def test_claims_are_given_when_they_are_due_and_wait_outside_of_the_queue() -> None:
    async def main() -> None:
        world = timed()
        async with world.started() as here, world.started() as there:
            claims, others = await here.consumers.claims(LateWorker()), await there.consumers.claims(LateWorker())
            world.append(times=2, bus=here.bus)
            await asyncio.sleep(300)
            world.append(bus=here.bus)
            assert await claims.claim(wait=295) == []
            [claim] = await others.claim(wait=5 + SOON)
            assert seqs(claim) == [1, 2]
            await claims.release([claim.id], failed="no")
            [claim] = await claims.claim(wait=30)
            assert seqs(claim) == [1]
            await claims.ack([claim.id])
            [claim] = await claims.claim(wait=30)
            assert seqs(claim) == [2]
            await claims.ack([claim.id])
            assert await claims.claim(wait=200) == []
            [claim] = await claims.claim(wait=100)
            assert seqs(claim) == [3]
            await claims.ack([claim.id])
            assert await claims.claim(wait=130) == []
            assert due_records(world) == []

    run(main())


def test_a_forgotten_consumer_leaves_nothing() -> None:
    async def main() -> None:
        world = timed()
        async with world.started() as instance:
            await instance.consumers.start(Late())
            world.append(bus=instance.bus)
            await asyncio.sleep(5)
            assert due_records(world)
            await instance.consumers.forget("recorder")
            assert not any("recorder" in namespace for namespace, _ in world.store.records)

    run(main())


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_is_early_or_lost_wherever_instances_die(seed: int) -> None:
    drawn = random.Random(seed)
    names = [f"room-{number}" for number in range(4)]

    async def lives(world: World, recorder: Recorder) -> None:
        """One instance after the other, each cut from the store somewhere and then gone."""
        for _ in range(drawn.randint(1, 6)):
            cut = CutStore(world.store, drawn.randint(5, 120), done=drawn.random() < 0.5)
            async with world.started(recorder, store=cut.store) as instance:
                for _ in range(drawn.randint(1, 8)):
                    world.append(drawn.choice(names), times=drawn.randint(1, 3), bus=drawn.choice([instance.bus, None]))
                    await asyncio.sleep(drawn.choice([0.01, 1.0, 30.0, 200.0]))
                    if cut.cut:
                        break

    async def main() -> None:
        world, recorder = timed(), Late()
        first, second = Late(), recorder
        first.times = second.times  # two instances, each with its own consumer
        await asyncio.gather(lives(world, first), lives(world, second))
        async with world.started(recorder):
            await asyncio.sleep(60)  # leases of the dead expire
            await asyncio.sleep(Late.after.total_seconds() + 60 + 130)
        for name in names:
            count = len(world.history.log(name).entries)
            assert sorted(seq for (where, seq) in recorder.times if where == name) == upto(count)
        assert due_records(world) == []

    run(main())
