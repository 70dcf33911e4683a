"""Drafts that outlive their process: taken over, saved, read elsewhere, and ended in the log, once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from umbral_chat._core.conversations.draft_holding import CONFIRMED_FOR, SAVE_BYTES, SAVE_INTERVAL
from umbral_chat._core.conversations.draft_reconciler import TICK
from umbral_chat._core.conversations.draft_records import DRAFTS, INDEX, PARTS
from umbral_chat.errors import Conflict, HistoryUnavailable, RequestError, TooManyRequests
from umbral_chat.model.entries import Edit, Message, Sender
from umbral_chat.model.signals import DraftSignal
from umbral_chat.testing.clock import ManualClock

from .instances import Instance, MemoryLog, MemoryStore, settled

SILENCE = 30.0
NOTICED = SILENCE + 3.0 + 5.0 + 2 * TICK
"""Seconds after its last sign of life in which a draft ends whose instance is gone: the mark is valid for a tenth
longer, and the index is read every 5 s."""
VISITOR: dict[str, Any] = {"author": "token:v", "trusted": False, "sender": Sender(role="user", id="v")}


class World:
    """One store and one log, and the instances on them."""

    def __init__(self) -> None:
        draw = random.Random(1)
        self.clock = ManualClock(quiet=settled)
        self.store, self.log = MemoryStore(self.clock, draw), MemoryLog(draw)
        self.instances: list[Instance] = []
        self.signals: list[DraftSignal] = []

    def _publish(self, _one: Instance, signal: DraftSignal) -> None:
        self.signals.append(signal)

    def instance(self, **given: Any) -> Instance:
        one = Instance(self.clock, self.store, self.log, publish=self._publish, **given).start()
        self.instances.append(one)
        return one

    def saved(self) -> int:
        return self.store.calls.count("compare_and_set")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    found = World()
    yield found
    for one in found.instances:
        await one.crash()


async def refused(work: Awaitable[object]) -> RequestError:
    with pytest.raises((Conflict, TooManyRequests)) as error:
        await work
    return error.value


async def test_the_first_piece_is_saved_before_it_is_answered(world: World) -> None:
    one = world.instance()
    assert await one.piece(0, "Hel") == 3
    await one.crash()
    two = world.instance()
    await two.reconciler.read("room")
    assert two.text() == "Hel"


async def test_what_is_added_is_saved_each_second_or_kilobyte(world: World) -> None:
    one = world.instance()
    await one.piece(0, "x")
    before = world.saved()
    for length in range(1, 40):
        await one.piece(length, "x")
        await world.clock.elapse(0.1)
    assert 3 <= world.saved() - before <= 4, "four seconds"
    before = world.saved()
    for kilobyte in range(3):
        await one.piece(40 + kilobyte * SAVE_BYTES, "y" * SAVE_BYTES)
        await settled()
    assert world.saved() - before == 3, "at once"
    await one.crash()
    two = world.instance()
    await two.reconciler.read("room")
    assert two.text() == "x" * 40 + "y" * 3 * SAVE_BYTES


async def test_an_instance_that_gets_a_piece_of_a_draft_that_it_does_not_know_goes_on_with_it(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "Hello")
    await world.clock.elapse(SAVE_INTERVAL + TICK)
    assert (await refused(two.piece(9, "?"))).extra["expected"] == 5
    assert await two.piece(5, ", you") == 10
    assert two.text() == "Hello, you"


async def test_a_piece_that_is_refused_takes_nothing_over(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "Hello")
    before = world.saved()
    await refused(two.piece(3, "?"))
    await refused(two.piece(5, "?", **VISITOR))
    assert world.saved() == before
    await one.piece(5, " there")
    await world.clock.elapse(SAVE_INTERVAL + TICK)
    assert (one.text(), list(two.drafts.held())) == ("Hello there", [])


async def test_two_instances_never_hold_the_same_draft_for_longer_than_a_save(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "Hello")
    await two.piece(5, " from two")
    await one.piece(5, " from one")
    await world.clock.elapse(SAVE_INTERVAL + 2 * TICK)
    assert (one.text(), list(one.drafts.held())) == ("Hello from two", [])
    assert (await refused(one.piece(13, "?"))).extra["expected"] == 14
    assert await one.piece(14, "!") == 15
    await world.clock.elapse(CONFIRMED_FOR)
    assert (await refused(two.piece(14, "?"))).extra["expected"] == 15


async def test_what_another_instance_was_notified_of_is_not_lost_with_the_first_one(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "Hello")
    await one.piece(5, " you")
    two.drafts.learn(world.signals[0])
    for draft in one.drafts.held():
        two.drafts.learn(
            DraftSignal(
                conversation="room",
                message_id="m",
                text="Hello you",
                sender=draft[2].sender,
                writer=draft[2].writer,
                fence=draft[2].fence,
            )
        )
    await one.crash()
    assert await two.piece(9, "!") == 10


async def test_its_message_ends_it_and_leaves_nothing_in_the_store(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "The answ" * 2_000)
    await two.send("The answer")
    await world.clock.elapse(TICK)
    assert [world.store.all(namespace) for namespace in (DRAFTS, INDEX, PARTS)] == [{}, {}, {}]
    await world.clock.elapse(NOTICED)
    assert [entry.content for entry in world.log.entries] == ["The answer"]
    assert (one.text(), two.text()) == (None, None)
    for instance in (one, two):
        assert (await refused(instance.piece(0, "late"))).code == "draft_ended"


async def test_a_silent_draft_ends_as_interrupted_with_the_text_so_far(world: World) -> None:
    one = world.instance()
    await one.piece(0, "The ans")
    await world.clock.elapse(SILENCE - 1)
    await one.piece(7, "w")
    await world.clock.elapse(SILENCE - TICK)
    assert world.log.entries == []
    await world.clock.elapse(2 * TICK)
    (entry,) = world.log.entries
    assert isinstance(entry, Message)
    assert (entry.content, entry.finish, entry.message_id, one.interrupted) == ("The answ", "interrupted", "m", 1)
    assert one.text() is None
    assert (await refused(one.piece(8, "er"))).code == "draft_ended"
    await world.clock.elapse(NOTICED)
    assert world.store.all(DRAFTS) == world.store.all(INDEX) == {}
    await one.send("The answer")
    assert isinstance(world.log.entries[-1], Edit)
    assert (world.log.messages()["m"].content, world.log.messages()["m"].finish) == ("The answer", None)


async def test_empty_pieces_and_progress_of_its_run_keep_it_alive_at_any_instance(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "The answ")
    await two.reconciler.refresh()
    for empty in (True, False, True, False):
        await world.clock.elapse(SILENCE - 1)
        if empty:
            await one.piece(8, "")
        else:
            two.drafts.touch("room", "m")
    await world.clock.elapse(SILENCE - 1)
    assert (world.log.entries, one.text()) == ([], "The answ")
    await world.clock.elapse(10)
    assert [entry.content for entry in world.log.entries] == ["The answ"]


async def test_a_draft_without_text_leaves_no_entry_and_may_be_begun_anew(world: World) -> None:
    one = world.instance()
    await one.piece(0, "")
    assert one.text() == ""
    await world.clock.elapse(NOTICED)
    assert (world.log.entries, one.text(), world.store.all(DRAFTS)) == ([], None, {})
    assert await one.piece(0, "Now") == 3


async def test_the_draft_of_an_instance_that_crashed_is_ended_by_another_one(world: World) -> None:
    one, two, three = world.instance(), world.instance(), world.instance()
    await one.piece(0, "The answ")
    await one.crash()
    await world.clock.elapse(SILENCE - 1)
    assert world.log.entries == []
    assert (two.text(), three.text()) == ("The answ", "The answ"), "it is followed there"
    await world.clock.elapse(NOTICED - SILENCE + 1)
    assert [entry.content for entry in world.log.entries] == ["The answ"]
    assert two.interrupted + three.interrupted == 1
    assert world.store.all(DRAFTS) == world.store.all(INDEX) == {}


async def test_after_a_restart_that_took_too_long_it_ends_at_once(world: World) -> None:
    one = world.instance()
    await one.piece(0, "The answ")
    await one.crash()
    await world.clock.elapse(3600)
    world.instance()
    await world.clock.elapse(TICK)
    assert [entry.content for entry in world.log.entries] == ["The answ"]


async def test_after_a_short_restart_its_producer_goes_on(world: World) -> None:
    one = world.instance()
    await one.piece(0, "The answ")
    await one.piece(8, "er is not saved yet")
    await one.crash()
    two = world.instance()
    await world.clock.elapse(10)
    assert two.text() == "The answ"
    expected = (await refused(two.piece(27, ", and"))).extra["expected"]
    assert await two.piece(expected, "er") == 10
    await world.clock.elapse(SILENCE - 1)
    assert two.text() == "The answer"


async def test_what_is_not_saved_yet_is_saved_at_shutdown(world: World) -> None:
    one = world.instance()
    await one.piece(0, "The answ")
    await one.piece(8, "er")
    await one.crash()
    await one.reconciler.close()
    two = world.instance()
    await two.reconciler.read("room")
    assert two.text() == "The answer"


async def test_a_conversation_that_is_newly_followed_shows_its_drafts_soon(world: World) -> None:
    one, two = world.instance(), world.instance(followed=(followed := []))
    await world.clock.elapse(2)
    await one.piece(0, "The answ")
    await world.clock.elapse(10)
    assert two.text() is None
    followed.append("room")
    two.reconciler.follow("room")
    await world.clock.elapse(1 + TICK)
    assert two.text() == "The answ"
    assert "room" in two.changed


async def test_a_store_that_fails_for_a_while_costs_no_text(world: World) -> None:
    one = world.instance()
    await one.piece(0, "The ")
    world.store.down = world.log.down = True
    for offset, text in ((4, "answ"), (8, "er")):
        await one.piece(offset, text)
        await world.clock.elapse(5)
    with pytest.raises(HistoryUnavailable):
        await one.piece(0, "another", "n")
    await world.clock.elapse(SILENCE)
    assert one.text() == "The answer", "it stays, until it can end"
    world.store.down = world.log.down = False
    await world.clock.elapse(NOTICED)
    assert [entry.content for entry in world.log.entries] == ["The answer"]


async def test_an_answer_of_the_store_that_is_lost_costs_nothing(world: World) -> None:
    one = world.instance()
    await one.piece(0, "The ")
    world.store.loses_answers = True
    await one.piece(4, "answ")
    await world.clock.elapse(5)
    world.store.loses_answers = False
    await one.piece(8, "er")
    await world.clock.elapse(15)
    assert len(list(one.drafts.held())) == 1
    await one.crash()
    two = world.instance()
    await two.reconciler.read("room")
    assert two.text() == "The answer"


async def test_a_long_text_is_kept_in_parts_and_ends_whole(world: World) -> None:
    one = world.instance()
    text = "".join(chr(0x1F600 + number % 60) for number in range(30_000))
    for offset in range(0, len(text), 700):
        await one.piece(offset, text[offset : offset + 700])
        await settled()
    await world.clock.elapse(2)
    assert len(world.store.all(PARTS)) == 3
    await one.crash()
    two = world.instance()
    assert await two.piece(len(text), "!") == len(text) + 1
    assert await two.piece(20_000, "", replace=True) == 20_000
    await two.crash()
    world.instance()
    await world.clock.elapse(NOTICED)
    assert [entry.content for entry in world.log.entries] == [text[:20_000]]
    assert [world.store.all(namespace) for namespace in (DRAFTS, INDEX, PARTS)] == [{}, {}, {}]


async def test_a_cut_is_saved_at_once_and_what_was_cut_does_not_come_back(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "Let me think. The answ")
    two.drafts.learn(world.signals[-1])
    assert await one.piece(0, "The", replace=True) == 3
    await one.crash()
    assert await two.piece(3, " answer") == 10
    assert two.text() == "The answer"


async def test_only_its_author_writes_or_ends_it_at_any_instance(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "The answ")
    for instance in (one, two):
        for author, trusted in (("token:v", False), ("key:other", True)):
            assert (await refused(instance.piece(8, "!", author=author, trusted=trusted))).code == "not_your_draft"
            assert (await refused(instance.send("x", author=author, trusted=trusted))).code == "not_your_draft"
    assert world.log.entries == []


async def test_a_service_key_takes_the_id_that_a_visitor_drafts(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "forged", **VISITOR)
    assert await two.piece(0, "The answ") == 8
    await world.clock.elapse(CONFIRMED_FOR)
    assert (await refused(one.piece(6, "!", **VISITOR))).code == "not_your_draft"
    await two.send("The answer")
    await world.clock.elapse(NOTICED)
    assert [entry.content for entry in world.log.entries] == ["The answer"]


async def test_a_conversation_that_is_deleted_leaves_no_draft(world: World) -> None:
    one, two = world.instance(), world.instance()
    await one.piece(0, "The answ" * 3_000)
    await two.piece(0, "another", "n", conversation="room.2")
    await two.keeper.erase("room")
    kept = [world.store.all(namespace) for namespace in (DRAFTS, INDEX, PARTS)]
    assert [len(records) for records in kept] == [1, 2, 0]
    await one.piece(24_000, "er")
    await world.clock.elapse(SAVE_INTERVAL + 2 * TICK)
    assert one.text() is None
    await world.clock.elapse(NOTICED)
    assert [entry.content for entry in world.log.entries] == ["another"]


async def test_a_message_that_is_redacted_leaves_nothing_of_its_draft(world: World) -> None:
    one = world.instance()
    await one.piece(0, "The answ" * 3_000)
    await one.keeper.erase("room", "m")
    assert [world.store.all(namespace) for namespace in (DRAFTS, INDEX, PARTS)] == [{}, {}, {}]


async def test_first_pieces_at_two_instances_at_once_make_one_draft(world: World) -> None:
    for number in range(20):
        one, two = world.instance(), world.instance()
        answers = await asyncio.gather(
            one.piece(0, "one", f"m{number}", conversation=f"room{number}"),
            two.piece(0, "two", f"m{number}", conversation=f"room{number}"),
            return_exceptions=True,
        )
        taken = [answer for answer in answers if answer == 3]
        assert len(taken) == 1, answers
        (error,) = (answer for answer in answers if answer != 3)
        assert isinstance(error, Conflict)
        assert error.extra["expected"] == 3
        await one.crash()
        await two.crash()
