"""Following without waiting: a listener is called with each change, and memory is read without a wait."""

from __future__ import annotations

import asyncio

import pytest
from umbral_chat.errors import TooManyRequests, Unavailable
from umbral_chat.feed import Follower
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.providers.auth import Principal

from .rig import service
from .virtual import run

VISITOR = Principal(kind="token", subject="ada", rights=frozenset({"read"}))


def seqs(follower: Follower, cursor: Cursor) -> list[int] | None:
    entries = follower.since(cursor, 100)
    return None if entries is None else [entry.seq for entry in entries]


def test_a_listener_is_called_at_once_and_finds_the_entry_in_memory() -> None:
    async def scenario() -> None:
        async with service() as rig:
            rig.say("one")
            calls: list[int] = []
            follower = rig.feeds.follow("room", lambda: calls.append(follower.view.head))
            assert not follower.known
            assert follower.since(START, 100) is None
            await asyncio.sleep(0.1)  # it reads by itself
            assert calls == [1]
            rig.say("two")
            assert calls == [1, 2]  # no turn of the loop in between
            cursor = Cursor(rig.log.epoch, 1)
            assert seqs(follower, cursor) == [2]
            rig.feeds.touch_signals("room")
            assert calls == [1, 2, 2]
            follower.close()
            follower.close()
            rig.say("three")
            assert calls == [1, 2, 2]
            assert rig.feeds.waited_on == []

    run(scenario())


def test_a_cursor_of_another_log_or_past_the_head_is_never_answered_from_memory() -> None:
    async def scenario() -> None:
        async with service() as rig:
            rig.say("one")
            follower = rig.feeds.follow("room", lambda: None)
            await asyncio.sleep(0.1)
            assert seqs(follower, Cursor(rig.log.epoch, 0)) is not None
            assert follower.since(Cursor("a" * 10, 1), 100) is None
            assert follower.since(Cursor(rig.log.epoch, 2), 100) is None
            follower.close()

    run(scenario())


def test_what_a_hint_contradicted_is_announced_again_when_a_read_finds_it_as_it_was() -> None:
    async def scenario() -> None:
        async with service() as rig:
            rig.say("one")
            calls: list[bool] = []
            follower = rig.feeds.follow("room", lambda: calls.append(follower.known))
            await asyncio.sleep(0.1)
            calls.clear()
            # Another log, says a hint that is wrong: nothing is shown until a read has decided.
            rig.hint(rig.log.say("two"), epoch="b" * 10)
            assert not follower.known
            assert follower.since(START, 100) is None
            await asyncio.sleep(0.1)
            assert calls[-1] is True
            assert follower.cursor.seq == 2
            calls.clear()
            rig.hint(rig.log.entries[-1], epoch="c" * 10)
            assert not follower.known
            await asyncio.sleep(0.1)
            assert calls == [True]
            follower.close()

    run(scenario())


def test_permits_are_counted_as_readers_are() -> None:
    async def scenario() -> None:
        async with service(readers=20) as rig:
            permits = [rig.feeds.permit(None) for _ in range(18)]
            with pytest.raises(Unavailable) as full:
                rig.feeds.permit(VISITOR)
            assert full.value.code == "too_many_readers"
            permits.pop().close()
            own = rig.feeds.permit(VISITOR)
            own.close()
            own.close()
            for permit in permits:
                permit.close()
            assert rig.feeds.readers.count == 0

            rig.feeds.readers._own_limit = 1
            first = rig.feeds.permit(VISITOR)
            with pytest.raises(TooManyRequests):
                rig.feeds.permit(VISITOR)
            first.close()

    run(scenario())
