"""The end of a log is passed on in its place, and not lost by a crash; what is not wanted costs little."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence

import pytest
from umbral_chat._core.consumers import watch
from umbral_chat._core.settings.sections import ConsumerLimits
from umbral_chat.errors import HistoryUnavailable, TryLater
from umbral_chat.model.entries import Entry
from umbral_chat.providers.edges import LogEnd

from ..feed.virtual import run  # noqa: TID252 - tests are no package
from .world import EndRecorder, Recorder, World, upto


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.CRITICAL):
        yield


def test_a_deletion_comes_after_the_entries_and_once() -> None:
    async def main() -> None:
        world, recorder = World(), EndRecorder()
        async with world.running(recorder) as bus:
            world.append(times=2, bus=bus)
            await asyncio.sleep(1)
            _, epoch = world.key()
            world.delete(bus=bus)
            await asyncio.sleep(60)
            assert recorder.order["room"] == [f"{epoch}.1", f"{epoch}.2", f"{epoch} deleted"]
            assert recorder.ends["room"] == [LogEnd(epoch)]
        assert not any(key == "room" for _, key in world.store.records)

    run(main())


def test_a_log_that_began_anew_is_one_end_between_the_logs() -> None:
    async def main() -> None:
        world, recorder = World(), EndRecorder()
        async with world.running(recorder) as bus:
            world.append(times=2, bus=bus)
            await asyncio.sleep(1)
            _, old = world.key()
            world.delete()
            world.append(times=2, bus=bus)
            await asyncio.sleep(1)
            _, new = world.key()
            assert recorder.ends["room"] == [LogEnd(old, new)]
            assert recorder.order["room"] == [f"{old}.1", f"{old}.2", f"{old} restarted", f"{new}.1", f"{new}.2"]

    run(main())


def test_what_was_not_handled_before_the_deletion_is_replaced_by_the_end() -> None:
    async def main() -> None:
        world, recorder = World(), EndRecorder()
        async with world.running(recorder) as bus:
            world.append(bus=bus)
            await asyncio.sleep(1)
            recorder.takes = 5
            world.append(times=200, bus=bus)
            await asyncio.sleep(7)
            _, epoch = world.key()
            world.delete(bus=bus)
            await asyncio.sleep(60)
            taken = recorder.taken["room", epoch]
            assert taken == upto(len(taken))
            assert len(taken) < 5, "what is left of the page is read again"
            assert recorder.ends["room"] == [LogEnd(epoch)]

    run(main())


@pytest.mark.parametrize("swept", [False, True])
def test_a_deletion_that_no_instance_noticed_is_found_at_the_next_start_or_by_the_sweep(
    swept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SWEEP_EVERY", 40.0)

    async def main() -> None:
        world, recorder = World(), EndRecorder()
        for number in range(1200):  # more cursors than one scan of the store reads
            world.append(f"room-{number}")
        async with world.running(recorder):
            await asyncio.sleep(30)
            if swept:
                epoch = world.key("room-700")[1]
                world.delete("room-700")  # by an instance that crashed at once
                await asyncio.sleep(60)
                assert recorder.ends["room-700"] == [LogEnd(epoch)]
        world.delete("room-1100")
        world.delete("room-3")
        async with world.running(recorder):
            await asyncio.sleep(20)
            assert {name for name, ends in recorder.ends.items() if ends} >= {"room-1100", "room-3"}
            assert len(recorder.ends["room-3"]) == 1
        assert not any(key in {"room-3", "room-1100"} for _, key in world.store.records)

    run(main())


def test_a_crash_while_an_end_is_handled_repeats_it() -> None:
    async def main() -> None:
        world, recorder = World(), EndRecorder()
        async with world.running(recorder) as bus:
            world.append(bus=bus)
            await asyncio.sleep(1)
        _, epoch = world.key()
        world.delete()
        crashed = asyncio.create_task(world.instance().consumers.run([recorder]))
        await recorder.ended.wait()
        world.store.failure = HistoryUnavailable("its process is dead")
        crashed.cancel()
        await asyncio.gather(crashed, return_exceptions=True)
        world.store.failure = None
        async with world.running(recorder):
            await asyncio.sleep(60)
            assert recorder.ends["room"] == [LogEnd(epoch), LogEnd(epoch)], "at least once"

    run(main())


def test_an_end_that_fails_is_tried_again_and_dropped_past_the_bound() -> None:
    async def main() -> None:
        world, recorder = World(), EndRecorder()
        world.limits = ConsumerLimits(tries=4)
        async with world.running(recorder) as bus:
            for name in ("stubborn", "slow"):
                world.append(name, bus=bus)
            await asyncio.sleep(1)
            recorder.refuses_ends = TryLater(5, "busy")
            world.delete("slow", bus)
            await asyncio.sleep(3)
            recorder.refuses_ends = None
            await asyncio.sleep(5)
            assert len(recorder.ends["slow"]) == 1
            recorder.refuses_ends, recorder.end_tries = ValueError(), 0
            world.delete("stubborn", bus)
            await asyncio.sleep(60)
            assert recorder.end_tries == 4
            recorder.refuses_ends = None
            world.append("stubborn", times=2, bus=bus)
            await asyncio.sleep(1)
            assert recorder.taken[world.key("stubborn")] == [1, 2]

    run(main())


class Choosy(Recorder):
    """Wants conversations of one prefix, and entries of even seqs."""

    def __init__(self) -> None:
        super().__init__()
        self.selections = 0
        self.chosen: set[int] | None = None

    def wants(self, conversation: str) -> bool:
        return conversation.startswith("want")

    async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        self.selections += 1
        if self.chosen is not None:
            return [entry for entry in entries if entry.seq in self.chosen]
        return [entry for entry in entries if entry.seq % 2 == 0]


def test_conversations_that_are_not_wanted_are_never_read() -> None:
    async def main() -> None:
        world, choosy = World(), Choosy()
        for number in range(50):
            world.append(f"other-{number}")
        async with world.running(choosy) as bus:
            world.append("other-1", bus=bus)
            world.append("wanted", times=3, bus=bus)
            await asyncio.sleep(30)
            assert choosy.taken[world.key("wanted")] == [2]
            assert {conversation for conversation, *_ in world.history.reads} == {"wanted"}
            assert not any("other" in key for _, key in world.store.records)

    run(main())


def test_entries_that_are_passed_over_cost_a_write_only_seldom() -> None:
    async def main() -> None:
        world, choosy = World(), Choosy()
        choosy.chosen = {1, 150}
        async with world.running(choosy) as bus:
            world.append("wanted", bus=bus)
            await asyncio.sleep(5)
            writes = world.store.writes
            for _ in range(90):
                world.append("wanted", bus=bus)
                await asyncio.sleep(0.2)
            assert world.store.writes - writes <= 1, "that of the scan"
            for _ in range(70):
                world.append("wanted", bus=bus)
                await asyncio.sleep(0.2)
            assert choosy.taken[world.key("wanted")] == [1, 150]
            assert world.store.writes - writes <= 5
            cursor = world.cursor("wanted")
            assert cursor is not None
            assert cursor["seq"] >= 150

    run(main())


def test_a_selection_that_fails_costs_time_and_no_entry() -> None:
    async def main() -> None:
        world = World()

        class Broken(Choosy):
            async def select(self, conversation: str, entries: Sequence[Entry]) -> Sequence[Entry]:
                if self.chosen is None:
                    raise HistoryUnavailable("down")
                return await super().select(conversation, entries)

        broken = Broken()
        async with world.running(broken) as bus:
            world.append("wanted", times=4, bus=bus)
            await asyncio.sleep(60)
            assert not broken.began
            broken.chosen = {1, 2, 3, 4}
            await asyncio.sleep(31)
            assert broken.taken[world.key("wanted")] == upto(4)

    run(main())
