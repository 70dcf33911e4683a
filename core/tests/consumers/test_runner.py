"""Every entry is handled, in order, by one at a time, and again rather than never."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

import msgspec
import pytest
from umbral_chat._core.consumers.cursor_store import SCANNED
from umbral_chat._core.delivery.bus import LogChange
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.conversations import Deleted, Head

from ..feed.virtual import run  # noqa: TID252 - tests are no package
from .world import Recorder, World, upto


def test_what_is_written_here_is_handled_at_once_and_in_order() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        async with world.running(recorder) as bus:
            await asyncio.sleep(1)
            for seq in upto(20):
                world.append(bus=bus)
                await asyncio.sleep(0.1)
                assert recorder.taken[world.key()] == upto(seq)
            assert world.cursor() == {"epoch": world.history.log().epoch, "seq": 20}

    run(main())


def test_what_was_written_while_no_instance_ran_and_what_others_write_is_found() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        for number in range(450):  # more than two pages of the inbox
            world.append(f"room-{number}", times=1 + number % 3)
        async with world.running(recorder):
            await asyncio.sleep(5)
            assert all(recorder.taken[world.key(f"room-{n}")] == upto(1 + n % 3) for n in range(450))
            world.append("room-7")  # by another instance: no bus
            await asyncio.sleep(11)
            assert recorder.taken[world.key("room-7")] == upto(1 + 7 % 3 + 1)

    run(main())


def test_a_long_log_is_read_page_by_page_and_lets_others_have_their_turn() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        world.append("long", times=2500)
        async with world.running(recorder):
            await asyncio.sleep(5)
            assert recorder.taken[world.key("long")] == upto(2500)
            assert world.cursor("long") == {"epoch": world.history.log("long").epoch, "seq": 2500}

    run(main())


def test_an_entry_that_fails_is_tried_again_after_a_pause_and_blocks_only_its_own_conversation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.refuses["bad", 3] = ValueError("no")
        world.append("bad", times=5)
        world.append("good", times=5)
        async with world.running(recorder) as bus:
            await asyncio.sleep(60)
            assert recorder.taken[world.key("bad")] == [1, 2], "and the entries before it are not repeated"
            assert recorder.taken[world.key("good")] == upto(5)
            cursor = world.cursor("bad")
            assert cursor is not None
            assert cursor["seq"] == 2
            tries = recorder.began[world.key("bad")].count(3)
            assert 2 < tries < 30
            assert world.telemetry.totals()["umbral_chat.consumer.failures"] == tries
            world.append("good", bus=bus)
            await asyncio.sleep(0.1)
            assert recorder.taken[world.key("good")] == upto(6)
            assert cursor["tries"]["count"] == tries
            recorder.refuses.clear()
            await asyncio.sleep(301)
            assert recorder.taken[world.key("bad")] == upto(5)

    with caplog.at_level(logging.CRITICAL):
        run(main())


@pytest.mark.parametrize("own", [None, 1, 50])
def test_a_consumer_works_on_as_many_conversations_at_once_as_it_chooses(own: int | None) -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.takes = 1.0
        if own is not None:
            recorder.concurrency = own  # type: ignore[attr-defined]  # an optional ability
        for number in range(60):
            world.append(f"room-{number}")
        async with world.running(recorder):
            await asyncio.sleep(70)
            assert len(recorder.taken) == 60
            assert recorder.most_busy == (32 if own is None else own)

    run(main())


@pytest.mark.parametrize("asks", [None, False, True])
def test_imported_entries_are_given_to_a_consumer_that_asks_for_them_and_to_no_other(asks: bool | None) -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        if asks is not None:
            recorder.imported = asks  # type: ignore[attr-defined]  # an optional ability
        world.append(times=4)
        log = world.history.log("room")
        log.entries[0:2] = [msgspec.structs.replace(entry, imported=True) for entry in log.entries[0:2]]
        async with world.running(recorder):
            await asyncio.sleep(1)
            assert recorder.taken[world.key()] == (upto(4) if asks else [3, 4])
            # What is skipped counts as handled: it is not given again.
            assert world.cursor() == {"epoch": log.epoch, "seq": 4}

    run(main())


def test_a_handler_that_is_cancelled_from_within_is_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.refuses["room", 1] = asyncio.CancelledError()
        world.append()
        async with world.running(recorder):
            await asyncio.sleep(5)
            assert recorder.began[world.key()].count(1) > 1
            recorder.refuses.clear()
            await asyncio.sleep(301)
            assert recorder.taken[world.key()] == [1]

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_one_consumer_that_is_stuck_holds_up_no_other_and_each_has_its_own_cursor() -> None:
    async def main() -> None:
        world, stuck, quick = World(), Recorder("stuck"), Recorder("quick")
        stuck.takes = 1e6
        for number in range(50):
            world.append(f"room-{number}")
        async with world.running(stuck, quick):
            await asyncio.sleep(5)
            assert len(quick.taken) == 50
            assert stuck.most_busy == 32
            assert world.cursor("room-1", "quick") is not None
            assert world.cursor("room-1", "stuck") is None

    run(main())


def test_after_a_crash_in_the_middle_what_was_not_stored_is_handled_again_and_nothing_is_left_out() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.takes = 0.3
        world.append(times=20)
        crashed = asyncio.create_task(world.instance().consumers.run([recorder]))
        await asyncio.sleep(2.8)
        world.store.failure = HistoryUnavailable("its process is dead")  # nothing that it does any more is stored
        crashed.cancel()
        await asyncio.gather(crashed, return_exceptions=True)
        world.store.failure = None
        before = recorder.taken[world.key()][:]
        cursor = world.cursor()
        assert cursor is not None
        assert 0 < cursor["seq"] <= len(before), "ahead of what is handled"
        assert len(before) - cursor["seq"] <= 4, "a second's worth is repeated, not a page"
        async with world.running(recorder):
            await asyncio.sleep(26)
            assert recorder.taken[world.key()] == before, "its lease has not expired yet"
            await asyncio.sleep(30)
            assert recorder.taken[world.key()] == [*before, *range(cursor["seq"] + 1, 21)]

    run(main())


def test_a_clean_end_stores_what_was_handled_and_releases_the_lease() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.takes = 0.1
        world.append(times=20)
        async with world.running(recorder):
            await asyncio.sleep(0.75)
        handled = len(recorder.taken[world.key()])
        assert 0 < handled < 20
        assert world.cursor() == {"epoch": world.history.log().epoch, "seq": handled}
        async with world.running(recorder):
            await asyncio.sleep(5)
        assert recorder.taken[world.key()] == upto(20)

    run(main())


def test_two_instances_share_the_work_and_no_entry_is_handled_by_two() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()  # the one recorder sees it when two are at one conversation
        recorder.takes = 0.02
        rng = random.Random(4)
        async with world.running(recorder) as one, world.running(recorder) as two:
            for _ in range(600):
                world.append(f"room-{rng.randrange(12)}", bus=rng.choice([one, two, None]))
                await asyncio.sleep(rng.random() / 50)
            await asyncio.sleep(30)
        for number in range(12):
            key = world.key(f"room-{number}")
            assert recorder.taken[key] == upto(len(world.history.log(f"room-{number}").entries))

    run(main())


def test_one_that_lost_its_lease_while_it_worked_stops_and_does_not_move_the_cursor() -> None:
    async def main() -> None:
        world, slow, quick = World(), Recorder(), Recorder()
        slow.takes = 25.0
        world.append(times=3)
        async with world.running(slow):
            await asyncio.sleep(1)
            name, (lease, _) = next(iter(world.store.leases.items()))
            world.store.leases[name] = lease, 0.0  # as if this instance had hung for longer than its lease
            async with world.running(quick):
                await asyncio.sleep(40)
                assert quick.taken[world.key()] == upto(3)
                assert world.cursor() == {"epoch": world.history.log().epoch, "seq": 3}
                assert slow.began[world.key()] == [1], "it went on after another took over"
                assert slow.taken[world.key()] == [], "it was not stopped"

    run(main())


def test_a_log_that_is_created_again_starts_anew_and_a_deletion_leaves_no_record() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        async with world.running(recorder) as bus:
            world.append(times=5, bus=bus)
            await asyncio.sleep(1)
            old = world.key()
            world.history.logs["room"] = None
            bus.publish(LogChange("room", "", []))
            await asyncio.sleep(1)
            assert not [key for key in world.store.records if key[1] == "room"]
            assert not any("room" in name for name in world.store.leases), "a lease's name outlives the conversation"
            world.append(times=2, bus=bus)
            await asyncio.sleep(1)
            assert recorder.taken[world.key()] == [1, 2]
            world.history.logs["room"] = None
            world.append(times=3, bus=bus)  # created again before the deletion was noticed
            await asyncio.sleep(1)
            assert recorder.taken[world.key()] == [1, 2, 3]
            assert recorder.taken[old] == upto(5)

    run(main())


def test_through_an_outage_everything_is_kept_and_handled_after_it() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.takes = 0.05
        async with world.running(recorder) as bus:
            for number in range(30):
                world.append(f"room-{number % 5}", bus=bus)
            await asyncio.sleep(0.1)
            world.store.failure = world.history.failure = HistoryUnavailable("down")
            before = len(world.history.reads)
            for number in range(30):
                world.append(f"room-{number % 5}", bus=bus)
            await asyncio.sleep(60)
            assert len(world.history.reads) - before < 100
            world.store.failure = world.history.failure = None
            await asyncio.sleep(60)
        for number in range(5):
            taken = recorder.taken[world.key(f"room-{number}")]
            assert sorted(set(taken)) == upto(12), "everything, at least once"
            assert [seq for index, seq in enumerate(taken) if seq == 1 + max([0, *taken[:index]])] == upto(12)

    run(main())


def test_a_start_looks_back_to_where_everything_was_handled_and_not_through_all_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        for number in range(400):
            world.append(f"room-{number}", times=1 + number)  # each active a second later than the one before
        async with world.running(recorder):
            await asyncio.sleep(30)
        assert ("consumer:recorder", SCANNED) in world.store.records
        asked: list[str] = []
        heads = world.history.heads

        async def counted(conversations: Sequence[str]) -> dict[str, Head | Deleted]:
            if len(conversations) == 1:  # more at once: the sweep for logs that ended
                asked.extend(conversations)
            return await heads(conversations)

        monkeypatch.setattr(world.history, "heads", counted)
        world.append("room-399")
        async with world.running(recorder):
            await asyncio.sleep(5)
        assert recorder.taken[world.key("room-399")] == upto(401)
        assert len(asked) < 150

    run(main())


def test_what_never_succeeds_is_found_again_by_the_next_instance_however_much_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.refuses["bad", 1] = ValueError("no")
        world.append("bad")
        async with world.running(recorder) as bus:
            for _ in range(40):
                world.append("good", times=20, bus=bus)  # 20 s further each time
                await asyncio.sleep(10)
        assert recorder.taken[world.key("good")] == upto(800)
        recorder.refuses.clear()
        async with world.running(recorder):
            await asyncio.sleep(301)  # until its next try is due
        assert recorder.taken[world.key("bad")] == [1]

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_a_record_that_cannot_be_read_costs_a_repetition_and_no_entry(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        world.append(times=3)
        await world.store.put("consumer:recorder", "room", b"not a cursor")
        await world.store.put("consumer:recorder", SCANNED, b"not a time")
        async with world.running(recorder):
            await asyncio.sleep(5)
        assert recorder.taken[world.key()] == upto(3)

    with caplog.at_level(logging.CRITICAL):
        run(main())
