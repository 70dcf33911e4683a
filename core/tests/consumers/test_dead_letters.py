"""What never succeeds is given up after a bound of tries, by reference, and can be tried again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from umbral_chat._core.consumers.dead_letters import DeadLetters
from umbral_chat._core.consumers.registry import ConsumerRegistry
from umbral_chat._core.consumers.tries import Tries
from umbral_chat._core.settings.sections import ConsumerLimits
from umbral_chat.errors import HistoryUnavailable, TryLater, Undeliverable
from umbral_chat.model.entries import Entry, Message

from ..feed.virtual import LoopClock, run  # noqa: TID252 - tests are no package
from .store import MemoryStore
from .world import Recorder, World, upto


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.ERROR):
        yield


def small(tries: int = 3, letters: int = 100) -> World:
    world = World()
    world.limits = ConsumerLimits(tries=tries, dead_letters=letters)
    return world


def test_an_entry_that_fails_too_often_becomes_a_dead_letter_and_its_conversation_goes_on() -> None:
    async def main() -> None:
        world, recorder = small(), Recorder()
        recorder.refuses["room", 2] = ValueError("secret content")
        world.append(times=4)
        async with world.started(recorder) as instance:
            await asyncio.sleep(30)
            assert recorder.taken[world.key()] == [1, 3, 4]
            assert recorder.began[world.key()].count(2) == 3
            [letter] = await instance.consumers.dead_letters("recorder")
            assert (letter.conversation, letter.epoch, letter.seq) == ("room", world.key()[1], 2)
            assert (letter.tries, letter.reason, letter.retry) == (3, "ValueError", False)
            assert letter.first_at < letter.last_at
            assert world.cursor() == {"epoch": world.key()[1], "seq": 4}
            state = instance.consumers.state("recorder")
            assert state is not None
            assert (state.dead, state.failures, state.lag, state.blocked) == (1, 3, 0, False)
            assert state.last_error is not None
            assert state.last_error.reason == "ValueError"
            assert ("umbral_chat.consumer.dead_letters", 1) in world.readings()
        for record in world.store.records.values():
            assert b"text 2" not in record.value
            assert b"secret content" not in record.value

    run(main())


def test_the_cursor_is_past_what_was_given_up_before_the_next_entry_is_handled() -> None:
    async def main() -> None:
        world, recorder = small(), Recorder()
        recorder.refuses["room", 1] = Undeliverable("never")
        recorder.takes = 0.4
        world.append(times=2)
        async with world.started(recorder):
            await asyncio.sleep(0.6)
            assert (recorder.began[world.key()], recorder.taken[world.key()]) == ([1, 2], [])
            assert world.cursor() == {"epoch": world.key()[1], "seq": 1}

    run(main())


async def test_an_entry_that_is_given_up_again_is_still_to_be_tried_again() -> None:
    letters = DeadLetters(MemoryStore().store, "recorder")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert await letters.add("room", "epoch", Tries(1, 1, now, now, "first"))
    assert await letters.mark_for_retry("room", 1) == 1
    assert await letters.add("room", "epoch", Tries(1, 2, now, now, "second"))
    [letter] = await letters.list()
    assert (letter.reason, letter.tries, letter.retry) == ("second", 2, True)


def test_without_a_bound_of_its_own_a_consumer_gives_up_after_about_half_an_hour() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        recorder.refuses["room", 1] = ValueError()
        world.append()
        async with world.started(recorder) as instance:
            await asyncio.sleep(20 * 60)
            assert await instance.consumers.dead_letters("recorder") == []
            await asyncio.sleep(22 * 60)
            assert [one.tries for one in await instance.consumers.dead_letters("recorder")] == [16]

    run(main())


def test_a_consumer_says_never_or_not_before_and_bounds_its_own_tries() -> None:
    async def main() -> None:
        world, recorder = small(), Recorder()
        recorder.tries = 2  # type: ignore[attr-defined]  # an optional ability
        recorder.refuses["never", 1] = Undeliverable("the receiver is gone\n410")
        recorder.refuses["later", 1] = TryLater(500, "busy")
        world.append("never", times=2)
        world.append("later", times=2)
        async with world.started(recorder) as instance:
            await asyncio.sleep(5)
            assert recorder.began[world.key("never")] == [1, 2]
            [letter] = await instance.consumers.dead_letters("recorder", conversation="never")
            assert (letter.reason, letter.tries) == ("the receiver is gone 410", 1)
            await asyncio.sleep(490)
            assert recorder.began[world.key("later")] == [1]
            await asyncio.sleep(10)
            assert recorder.began[world.key("later")] == [1, 1, 2]
            assert [one.tries for one in await instance.consumers.dead_letters("recorder", conversation="later")] == [2]

    run(main())


def test_a_store_that_does_not_answer_is_no_try() -> None:
    async def main() -> None:
        world, recorder = small(), Recorder()
        recorder.refuses["room", 1] = HistoryUnavailable("down")
        world.append()
        async with world.started(recorder) as instance:
            await asyncio.sleep(3600)
            assert len(recorder.began[world.key()]) > 100
            state = instance.consumers.state("recorder")
            assert state is not None
            assert (state.failures, state.dead) == (0, 0)
            recorder.refuses.clear()
            await asyncio.sleep(31)
            assert recorder.taken[world.key()] == [1]

    run(main())


def test_tries_are_counted_on_by_other_instances_and_after_a_restart_and_not_faster() -> None:
    async def main() -> None:
        world, recorder = small(tries=6), Recorder()
        recorder.refuses["room", 1] = ValueError()
        world.append()
        async with world.started(recorder), world.started(recorder):
            await asyncio.sleep(4)
        before = len(recorder.began[world.key()])
        assert 2 <= before <= 4
        async with world.started(recorder) as instance:
            await asyncio.sleep(120)
            assert len(recorder.began[world.key()]) == 6
            assert [one.tries for one in await instance.consumers.dead_letters("recorder")] == [6]

    run(main())


def test_a_healthy_entry_costs_no_write_for_tries() -> None:
    async def main() -> None:
        world, recorder = small(), Recorder()
        world.append(times=100)
        async with world.started(recorder):
            await asyncio.sleep(5)
            # The registry's record, the time scanned, and the cursor of the page.
            assert world.store.writes == 3

    run(main())


def test_when_as_many_are_kept_as_may_be_the_conversation_waits_loudly_and_loses_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        world, recorder = small(tries=1, letters=2), Recorder()
        for name in ("a", "b", "c"):
            recorder.refuses[name, 1] = ValueError()
            world.append(name, times=3)
        async with world.started(recorder) as instance:
            await asyncio.sleep(300)
            letters = await instance.consumers.dead_letters("recorder")
            assert len(letters) == 2
            waiting = ({"a", "b", "c"} - {one.conversation for one in letters}).pop()
            assert recorder.taken[world.key(waiting)] == []
            state = instance.consumers.state("recorder")
            assert state is not None
            assert state.blocked
            assert state.lag > 200
            assert sum("as many as are kept" in record.message for record in caplog.records) == 1
            assert await instance.consumers.drop("recorder", conversation=letters[0].conversation) == 1
            await asyncio.sleep(61)
            assert recorder.taken[world.key(waiting)] == [2, 3]
            assert len(await instance.consumers.dead_letters("recorder")) == 2
            state = instance.consumers.state("recorder")
            assert state is not None
            assert not state.blocked

    run(main())


@pytest.mark.parametrize("asked_of", ["this instance", "another one", "none"])
def test_a_retry_delivers_it_once_and_removes_it(asked_of: str) -> None:
    async def main() -> None:
        world, recorder = small(tries=1), Recorder()
        for seq in (2, 5):
            recorder.refuses["room", seq] = ValueError()
        world.append(times=6)
        async with world.started(recorder) as one, world.started(recorder) as other:
            await asyncio.sleep(5)
            assert len(await one.consumers.dead_letters("recorder")) == 2
            recorder.refuses.clear()
            if asked_of == "none":  # as the command line does
                dead = one.consumers._dead("recorder")
                assert await dead.mark_for_retry("room", 5) == 1
                await ConsumerRegistry(world.store.store).ring("recorder")
            else:
                asked = one if asked_of == "this instance" else other
                assert await asked.consumers.retry("recorder", conversation="room", seq=5) == 1
            await asyncio.sleep(20)
            assert recorder.taken[world.key()] == [1, 3, 4, 6, 5], "out of order, once"
            assert [letter.seq for letter in await other.consumers.dead_letters("recorder")] == [2]

    run(main())


def test_a_retry_that_fails_leaves_it_where_it_is() -> None:
    async def main() -> None:
        world, recorder = small(tries=1), Recorder()
        recorder.refuses["room", 1] = Undeliverable("no")
        world.append(times=2)
        async with world.started(recorder) as instance:
            await asyncio.sleep(5)
            recorder.refuses["room", 1] = Undeliverable("still no")
            assert await instance.consumers.retry("recorder") == 1
            await asyncio.sleep(60)
            [letter] = await instance.consumers.dead_letters("recorder")
            assert (letter.tries, letter.reason, letter.retry) == (2, "still no", False)
            assert recorder.began[world.key()] == [1, 2, 1]

    run(main())


def test_a_retry_waits_while_its_conversation_is_worked_on_and_through_an_outage() -> None:
    async def main() -> None:
        world, recorder = small(tries=1), Recorder()
        recorder.refuses["room", 1] = ValueError()
        world.append(times=2)
        async with world.started(recorder) as instance:
            await asyncio.sleep(5)
            recorder.refuses.clear()
            recorder.takes = 20
            world.append(bus=instance.bus)
            await asyncio.sleep(1)
            await instance.consumers.retry("recorder")
            await asyncio.sleep(1)
            world.history.failure = HistoryUnavailable("down")
            await asyncio.sleep(40)
            world.history.failure = None
            await asyncio.sleep(60)
            assert recorder.taken[world.key()] == [2, 3, 1]
            assert await instance.consumers.dead_letters("recorder") == []

    run(main())


def test_a_deleted_conversation_leaves_no_dead_letter_and_a_log_that_began_anew_has_none_of_the_old_one() -> None:
    async def main() -> None:
        world, recorder = small(tries=1), Recorder()
        for name in ("gone", "again", "kept"):
            recorder.refuses[name, 1] = ValueError()
            world.append(name, times=2)
        async with world.started(recorder) as instance:
            await asyncio.sleep(5)
            assert len(await instance.consumers.dead_letters("recorder")) == 3
            recorder.refuses.clear()
            world.delete("gone", instance.bus)
            world.delete("again")
            world.append("again", bus=instance.bus)
            await asyncio.sleep(5)
            assert [one.conversation for one in await instance.consumers.dead_letters("recorder")] == ["kept"]
            # One whose deletion nobody noticed yet is not delivered from another log.
            world.delete("kept")
            world.append("kept", times=3)
            await instance.consumers.retry("recorder")
            await asyncio.sleep(30)
            assert await instance.consumers.dead_letters("recorder") == []
            assert recorder.taken[world.key("kept")] == [1, 2, 3]

    run(main())


class Reader(Recorder):
    """Records what it read, too."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def handle(self, conversation: str, epoch: str, entry: Entry) -> None:
        self.read.append(entry.content if isinstance(entry, Message) else entry.__class__.__name__)
        await super().handle(conversation, epoch, entry)


def test_a_redaction_reaches_what_is_tried_again_and_what_is_retried() -> None:
    async def main() -> None:
        world, reader = small(tries=3), Reader()
        reader.refuses["room", 1] = TryLater(60, "busy")
        world.append()
        async with world.started(reader) as instance:
            await asyncio.sleep(30)
            log = world.history.log()
            log.redact(log.messages[0])
            await asyncio.sleep(300)
            assert reader.read[:3] == ["text 1", "", ""]
            reader.refuses.clear()
            await instance.consumers.retry("recorder")
            await asyncio.sleep(20)
            assert "text 1" not in reader.read[1:]
            assert reader.taken[world.key()] == [2, 1]

    run(main())


def test_a_redaction_reaches_what_is_read_ahead_of_a_slow_consumer() -> None:
    async def main() -> None:
        world, reader = small(), Reader()
        reader.takes = 2.0
        world.append(times=20)
        async with world.started(reader):
            await asyncio.sleep(9)
            log = world.history.log()
            log.redact(log.messages[15])
            await asyncio.sleep(60)
            assert reader.taken[world.key()] == upto(21)
            assert "text 16" not in reader.read

    run(main())


def test_the_state_is_stored_for_the_command_line_and_survives_a_restart() -> None:
    async def main() -> None:
        world, recorder = small(tries=10), Recorder()
        recorder.refuses["room", 1] = TryLater(3000, "busy")
        world.append()
        registry = ConsumerRegistry(world.store.store)
        async with world.started(recorder):
            await asyncio.sleep(61)
            assert await registry.names() == ["recorder"]
            status = await registry.status("recorder")
            assert status is not None
            assert (status.failures, status.queued, status.blocked) == (1, 1, False)
            assert status.oldest is not None
            writes = world.store.writes
            await asyncio.sleep(600)
            assert world.store.writes == writes, "nothing changed"
        async with world.started(recorder) as instance:
            await asyncio.sleep(1)
            state = instance.consumers.state("recorder")
            assert state is not None
            assert state.last_error is not None
            assert state.last_error.reason == "busy"
            assert state.last_error.at < LoopClock().now()

    run(main())
