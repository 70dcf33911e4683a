"""Message ids that runs reserve: nobody but the run's author drafts or sends a message with them."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from umbral_chat.errors import Conflict, HistoryUnavailable
from umbral_chat.model.entries import Message, Sender
from umbral_chat.model.signals import Writer
from umbral_chat.testing.clock import ManualClock

from .instances import BOT, Instance, MemoryLog, MemoryStore, settled

SILENCE = 30.0
VISITOR: dict[str, Any] = {"author": "token:v", "trusted": False, "sender": Sender(role="user", id="v")}
OTHER: dict[str, Any] = {"author": "key:other", "trusted": True}


def writer(author: str = "key:bot", *, trusted: bool = True) -> Writer:
    return Writer.of("room", author, trusted=trusted)


class World:
    """Two instances on one store and one log, on which runs reserve the message id `m` for the key `bot`."""

    def __init__(self) -> None:
        draw = random.Random(1)
        self.clock = ManualClock(quiet=settled)
        store, self.log = MemoryStore(self.clock, draw), MemoryLog(draw)
        self.one, self.two = (Instance(self.clock, store, self.log).start() for _ in range(2))

    def reserve(self, author: str = "key:bot") -> None:
        """A run is started, and both instances are notified."""
        self.log.reserved["m"] = writer(author)
        for instance in (self.one, self.two):
            instance.keeper.doubt("room", "m")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    found = World()
    yield found
    for instance in (found.one, found.two):
        await instance.crash()


async def refused(work: Any) -> None:
    with pytest.raises(Conflict) as raised:
        await work
    assert raised.value.code == "not_your_draft"


@pytest.mark.parametrize("stranger", [VISITOR, OTHER])
async def test_only_the_author_of_the_run_drafts_and_sends_its_message(world: World, stranger: dict[str, Any]) -> None:
    world.reserve()
    for instance in (world.one, world.two):
        await refused(instance.piece(0, "mine", **stranger))
        await refused(instance.send("mine", author=stranger["author"], trusted=stranger["trusted"]))
    assert (world.one.text(), world.log.entries) == (None, [])
    assert await world.one.piece(0, "The answer") == 10
    assert await world.two.piece(10, " is 42") == 16
    await world.two.send("The answer is 42.")
    (message,) = world.log.entries
    assert (message.content, message.sender) == ("The answer is 42.", BOT)


@pytest.mark.parametrize("stranger", [VISITOR, OTHER])
async def test_a_draft_that_was_begun_before_is_refused_and_gives_way(world: World, stranger: dict[str, Any]) -> None:
    await world.one.piece(0, "I was fi", **stranger)
    world.reserve()
    for instance in (world.one, world.two):
        await refused(instance.piece(8, "rst", **stranger))
        await refused(instance.send("I was first", author=stranger["author"], trusted=stranger["trusted"]))
    assert await world.two.piece(0, "The answer") == 10
    assert world.two.text() == "The answer"
    await refused(world.one.piece(8, "rst", **stranger))
    await world.two.send("The answer.")
    assert [one.content for one in world.log.entries] == ["The answer."]


async def test_a_draft_that_was_begun_before_is_not_left_in_the_log(world: World) -> None:
    await world.one.piece(0, "I was first", **VISITOR)
    world.reserve()
    await world.clock.elapse(2 * SILENCE)
    assert (world.one.text(), world.log.entries) == (None, [])
    await world.one.piece(0, "The ans")
    await world.clock.elapse(2 * SILENCE)
    (message,) = world.log.entries
    assert isinstance(message, Message)
    assert (message.content, message.finish, message.sender) == ("The ans", "interrupted", BOT)


async def test_the_run_of_the_draft_s_own_author_changes_nothing(world: World) -> None:
    await world.one.piece(0, "The ")
    world.reserve()
    assert await world.one.piece(4, "answer") == 10
    await world.one.send("The answer")
    assert [one.content for one in world.log.entries] == ["The answer"]


async def test_a_run_reserves_what_no_other_key_drafts(world: World) -> None:
    check = world.two.keeper.check_reservable
    await check("room", "m", writer())
    await world.one.piece(0, "a visitor's", **VISITOR)
    await check("room", "m", writer())
    await world.one.piece(0, "another key's", message_id="m2", **OTHER)
    await refused(check("room", "m2", writer()))
    await check("room", "m2", writer("key:other"))


async def test_while_the_store_does_not_answer_a_draft_goes_on(world: World) -> None:
    await world.one.piece(0, "The ")
    world.reserve("key:other")
    world.log.down = True
    assert await world.one.piece(4, "answer") == 10
    with pytest.raises(HistoryUnavailable):
        await world.one.piece(0, "x", message_id="m2")
    world.log.down = False
    await refused(world.one.piece(10, "."))
