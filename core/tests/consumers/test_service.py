"""Consumers that are started, stopped and forgotten while the service runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from umbral_chat._core.consumers.service import START_LIMIT
from umbral_chat._core.settings.sections import ConsumerLimits
from umbral_chat.errors import Conflict, HistoryUnavailable, InvalidRequest, Unavailable
from umbral_chat.model.entries import Entry
from umbral_chat.providers.consumers import ConsumerService

from ..feed.virtual import run  # noqa: TID252 - tests are no package
from .world import Recorder, World, upto


def test_a_consumer_is_started_and_stopped_and_goes_on_where_it_was() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        async with world.started() as instance:
            consumers = instance.consumers
            world.append(times=3)
            await consumers.start(recorder)
            with pytest.raises(Conflict) as refused:
                await consumers.start(Recorder())
            assert refused.value.code == "consumer_running"
            await asyncio.sleep(1)
            assert recorder.taken[world.key()] == upto(3)
            await consumers.stop("recorder")
            await consumers.stop("recorder")
            assert consumers.state("recorder") is None
            world.append(times=3, bus=instance.bus)
            await asyncio.sleep(30)
            assert recorder.taken[world.key()] == upto(3)
            await consumers.start(recorder)
            await asyncio.sleep(1)
            assert recorder.taken[world.key()] == upto(6)

    run(main())


def test_what_is_handled_when_it_is_stopped_is_cancelled_and_given_again() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.takes = 10
        async with world.started() as instance:
            world.append(times=2)
            await instance.consumers.start(recorder)
            await asyncio.sleep(13)
            await instance.consumers.stop("recorder")
            assert not recorder.busy
            recorder.takes = 0
            await instance.consumers.start(recorder)
            await asyncio.sleep(1)
            assert recorder.began[world.key()] == [1, 2, 2]
            assert recorder.taken[world.key()] == [1, 2]

    run(main())


def test_one_that_is_forgotten_leaves_nothing_stops_everywhere_and_its_name_is_used_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        world = World()
        world.limits = ConsumerLimits(tries=1)
        recorders = [Recorder(), Recorder()]
        for recorder in recorders:
            recorder.refuses["room-1", 1] = ValueError()
            recorder.takes = 0.1
        async with world.started() as one, world.started() as other:
            for instance, recorder in zip((one, other), recorders, strict=True):
                await instance.consumers.start(recorder)
            for number in range(120):
                world.append(f"room-{number}", times=3, bus=one.bus)
            await asyncio.sleep(5)
            assert await one.consumers.dead_letters("recorder")
            for number in range(120):
                world.append(f"room-{number}", times=3, bus=other.bus)
            await one.consumers.forget("recorder")
            assert one.consumers.state("recorder") is None
            await asyncio.sleep(25)
            assert other.consumers.state("recorder") is None
            assert {key for key in world.store.records if "recorder" in key[0]} == set()
            for instance in (one, other):
                with pytest.raises(Conflict) as refused:
                    await instance.consumers.start(Recorder())
                assert refused.value.code == "consumer_forgotten"
                assert instance.consumers.state("recorder") is None
            await one.consumers.forget("never there")

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_a_consumer_may_forget_itself_while_it_handles_an_entry() -> None:
    class Leaving(Recorder):
        leave: Callable[[str], Awaitable[None]] | None = None

        async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
            await super().handle(conversation, epoch, entry)
            assert self.leave is not None
            await self.leave(self.name)

    async def main() -> None:
        world, leaving = World(), Leaving()
        async with world.started() as instance:
            leaving.leave = instance.consumers.forget
            await instance.consumers.start(leaving)
            world.append(times=3, bus=instance.bus)
            await asyncio.sleep(5)
            assert instance.consumers.state("recorder") is None
            assert leaving.taken[world.key()] == [1]
            assert {key for key in world.store.records if "recorder" in key[0]} == set()

    run(main())


def test_before_the_service_runs_and_after_its_end_nothing_is_started() -> None:
    async def main() -> None:
        world = World()
        instance = world.instance()
        with pytest.raises(Unavailable):
            await instance.consumers.start(Recorder())
        async with world.started() as instance:
            await instance.consumers.start(Recorder())
        with pytest.raises(Unavailable):
            await instance.consumers.start(Recorder())
        for name in ("", "a/b", "a\nb", "a" * 129):
            with pytest.raises(InvalidRequest):
                await instance.consumers.start(Recorder(name))

    run(main())


def test_a_hundred_consumers_share_one_scan_and_an_idle_one_costs_nothing() -> None:
    async def main() -> None:
        world = World()
        for number in range(10):
            world.append(f"room-{number}", times=1)
        recorders = [Recorder(f"recorder-{number}") for number in range(100)]
        async with world.started() as instance:
            await asyncio.gather(*(instance.consumers.start(recorder) for recorder in recorders))
            await asyncio.sleep(30)
            assert all(len(recorder.taken) == 10 for recorder in recorders)
            scans = heads = 0
            conversations, known = world.history.conversations, world.history.heads

            async def counted(**kwargs: object) -> object:
                nonlocal scans
                scans += 1
                return await conversations(**kwargs)  # type: ignore[arg-type]

            async def counted_heads(names: object) -> object:
                nonlocal heads
                heads += 1
                return await known(names)  # type: ignore[arg-type]

            world.history.conversations = counted  # type: ignore[assignment, method-assign]
            world.history.heads = counted_heads  # type: ignore[assignment, method-assign]
            writes, reads = world.store.writes, len(world.history.reads)
            await asyncio.sleep(100)
            assert scans <= 11, "one every ten seconds, and not a hundred"
            assert (heads, world.store.writes - writes, len(world.history.reads) - reads) == (0, 0, 0)
            world.append("room-5")  # by another instance
            await asyncio.sleep(12)
            assert all(recorder.taken[world.key("room-5")] == [1, 2] for recorder in recorders)

    run(main())


def test_one_whose_queue_is_full_holds_up_no_other_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("umbral_chat._core.consumers.conversation_queue.ConversationQueue.__init__.__defaults__", (40,))

    async def main() -> None:
        world, slow, quick = World(), Recorder("slow"), Recorder("quick")
        slow.takes = 1.0
        async with world.started(slow, quick) as instance:
            await asyncio.sleep(15)
            for number in range(400):
                world.append(f"room-{number}", bus=instance.bus)
            await asyncio.sleep(40)
            assert len(quick.taken) == 400
            await asyncio.sleep(30)
            assert len(slow.taken) == 400
            world.append("room-7")
            await asyncio.sleep(15)
            assert slow.taken[world.key("room-7")] == [1, 2]

    run(main())


class Source:
    """Starts a consumer, as a plugin does that keeps its subscriptions in the store."""

    name = "source"

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.runs = 0
        self.failures = 2
        self.cancelled = False

    async def run(self, consumers: ConsumerService) -> None:
        self.runs += 1
        if self.runs <= self.failures:
            raise HistoryUnavailable("down") if self.runs == 1 else ValueError("a bug")
        await consumers.start(self.recorder)
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


def test_a_source_runs_beside_the_consumers_and_is_run_again_when_it_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        world, own, started = World(), Recorder("own"), Recorder("started")
        source = Source(started)
        world.append(times=2)
        async with world.started(own, source):
            await asyncio.sleep(15)
            assert source.runs == 3
            assert own.taken[world.key()] == [1, 2]
            assert started.taken[world.key()] == [1, 2]
        assert source.cancelled

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_a_consumer_of_the_hooks_waits_for_a_store_that_is_down_at_the_start() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        world.append(times=2)
        world.store.failure = HistoryUnavailable("down")
        async with world.started(recorder):
            await asyncio.sleep(60)
            world.store.failure = None
            await asyncio.sleep(15)
            assert recorder.taken[world.key()] == [1, 2]

    run(main())


def test_one_that_decides_wrongly_about_a_conversation_is_given_it(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Recorder):
        def wants(self, conversation: str) -> bool:
            raise KeyError(conversation)

        async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
            await super().handle(conversation, epoch, entry)

    async def main() -> None:
        world, broken, other = World(), Broken("broken"), Recorder("other")
        async with world.started(broken, other) as instance:
            world.append(bus=instance.bus)
            await asyncio.sleep(20)
            assert broken.taken[world.key()] == other.taken[world.key()] == [1]

    with caplog.at_level(logging.CRITICAL):
        run(main())


class FixedSource(Source):
    """Has its consumer from the beginning, and needs some seconds to start it."""

    def __init__(self, recorder: Recorder, takes: float, failures: int = 0) -> None:
        super().__init__(recorder)
        self.failures = failures
        self.takes = takes
        self.started = asyncio.Event()

    async def run(self, consumers: ConsumerService) -> None:
        await asyncio.sleep(self.takes)
        self.runs += 1
        if self.runs <= self.failures:
            raise HistoryUnavailable("down")
        await consumers.start(self.recorder)
        self.started.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("takes", "failures", "waited"), [(0, 0, 0), (2, 0, 2), (START_LIMIT + 1, 0, START_LIMIT), (1, 1, 1)]
)
def test_a_starting_service_waits_for_the_consumers_of_its_hooks(takes: float, failures: int, waited: float) -> None:
    async def main() -> None:
        world, loop = World(), asyncio.get_running_loop()
        began = loop.time()
        async with world.started(Recorder("own"), FixedSource(Recorder("fixed"), takes, failures)) as instance:
            await instance.consumers.started()
            assert loop.time() - began == pytest.approx(waited, abs=0.5)
            assert (instance.consumers.state("fixed") is not None) == (takes <= START_LIMIT and not failures)

    run(main())


def test_a_source_without_consumers_of_its_own_is_not_waited_for() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with World().started(Source(Recorder())) as instance:
            await instance.consumers.started()
            assert loop.time() == began

    run(main())
