"""Answers that nobody has read: for whom, when, and that it is once."""

from __future__ import annotations

import asyncio
import logging

import pytest
from umbral_chat.model.entries import Member, Sender
from umbral_chat_subscriptions.filters import Filter
from umbral_chat_subscriptions.unread.rule import READERS

from core.tests.feed.virtual import run

from .world import AFTER, BOT, SOON, Rooms, visitor


def test_each_member_is_reported_once_when_it_is_old_enough() -> None:
    async def main() -> None:
        rooms = Rooms()
        rooms.join("ada", "bob")
        async with rooms.reporting(), rooms.reporting():
            rooms.write(visitor("ada"))
            rooms.write()
            rooms.read("bob", 1)
            await asyncio.sleep(AFTER - 1)
            assert rooms.found == []
            await asyncio.sleep(SOON)
            assert sorted(rooms.found) == [("ada", 2), ("bob", 2)]
            await asyncio.sleep(5 * AFTER)
            assert len(rooms.found) == 2
        event = rooms.reported[0].event
        assert (event.type, event.conversation, event.unread, event.unread_since) == (
            *("unread", "room", 1),
            rooms.history.log().entries[1].at,
        )
        assert event.cursor.endswith(".2")

    run(main())


def test_it_arms_again_when_they_read_and_not_before() -> None:
    async def main() -> None:
        rooms = Rooms()
        rooms.join("ada")
        async with rooms.reporting():
            rooms.write()
            await asyncio.sleep(AFTER + SOON)
            for _ in range(3):
                rooms.write()
                await asyncio.sleep(AFTER + SOON)
            assert rooms.found == [("ada", 1)]
            rooms.read("ada", 4)
            rooms.write()
            rooms.write()
            await asyncio.sleep(AFTER + SOON)
            assert rooms.found == [("ada", 1), ("ada", 6)]
            assert rooms.reported[1].event.unread == 2
            rooms.write(visitor("ada"))  # whoever writes has read
            rooms.write()
            await asyncio.sleep(AFTER + SOON)
            assert rooms.found[2:] == [("ada", 8)]

    run(main())


@pytest.mark.parametrize("what", ["read", "wrote", "present", "was there", "not listed"])
def test_nobody_is_reported_who_has_seen_it(what: str) -> None:
    async def main() -> None:
        rooms = Rooms()
        rooms.join("ada", "bob")
        async with rooms.reporting():
            seq = rooms.write()
            await asyncio.sleep(AFTER - 20)
            match what:
                case "read":
                    rooms.read("ada", seq, kind="token")
                case "wrote":
                    rooms.write(visitor("ada"))
                case "present" | "not listed":
                    rooms.come("ada")
                case "was there":
                    rooms.come("ada")
                    rooms.leave("ada")
            assert rooms.here is not None
            rooms.here.listed = what != "not listed"
            await asyncio.sleep(3 * AFTER)
            assert rooms.found == ([] if what == "not listed" else [("bob", 1)])

    run(main())


def test_without_presence_the_marker_decides() -> None:
    async def main() -> None:
        rooms = Rooms(presence=False)
        rooms.join("ada")
        async with rooms.reporting():
            rooms.write()
            await asyncio.sleep(AFTER + SOON)
            assert rooms.found == [("ada", 1)]

    run(main())


def test_the_subject_of_a_token_is_a_reader_with_a_marker() -> None:
    async def main() -> None:
        rooms = Rooms()
        async with rooms.reporting():
            rooms.write(visitor("with"))
            rooms.write(visitor("without"))
            rooms.read("with", 1, kind="token")
            rooms.write(Sender("agent", "desk"))
            await asyncio.sleep(AFTER + SOON)
            assert rooms.found == [("with", 3)]
            reader = rooms.reported[0].event.reader
            assert (reader.member, reader.role) == (False, "user")  # type: ignore[union-attr]

    run(main())


def test_nobody_is_reported_for_what_they_wrote_and_assistants_read_nothing() -> None:
    async def main() -> None:
        rooms = Rooms()
        rooms.join("ada")
        rooms.history.members["room"] += [Member("desk", "agent"), Member("bot", "assistant"), Member("ops", "agent")]
        async with rooms.reporting():
            rooms.write(Sender("agent", "desk"))
            await asyncio.sleep(AFTER + SOON)
            assert sorted(rooms.found) == [("ada", 1), ("ops", 1)]

    run(main())


def test_a_redacted_answer_is_none_and_the_one_before_it_counts() -> None:
    async def main() -> None:
        rooms = Rooms()
        rooms.join("ada")
        async with rooms.reporting():
            rooms.write()
            await asyncio.sleep(60)
            rooms.redact(rooms.write())
            rooms.write(conversation="other")
            rooms.join("ada", conversation="other")
            rooms.redact(1, conversation="other")
            await asyncio.sleep(2 * AFTER)
            assert rooms.found == [("ada", 1)]
            assert {one.event.conversation for one in rooms.reported} == {"room"}

    run(main())


def test_a_filter_chooses_conversations_and_whose_messages() -> None:
    async def main() -> None:
        rooms = Rooms(chosen=Filter(prefix="order-", roles=["agent"], metadata={"tier": "gold"}))
        rooms.history.metadata = {"tier": "gold"}
        async with rooms.reporting():
            for name in ("order-1", "other"):
                rooms.join("ada", conversation=name)
                rooms.write(Sender("agent", "desk"), name)
                rooms.write(BOT, name)
            await asyncio.sleep(AFTER + SOON)
            assert [
                (one.event.conversation, *found) for one, found in zip(rooms.reported, rooms.found, strict=True)
            ] == [("order-1", "ada", 1)]
            rooms.history.metadata = {}
            rooms.read("ada", 1, "order-1")
            rooms.write(Sender("agent", "desk"), "order-1")
            await asyncio.sleep(2 * AFTER)
            assert len(rooms.found) == 1

    run(main())


def test_what_could_not_be_delivered_is_delivered_although_a_newer_one_came(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        rooms = Rooms()
        rooms.join("ada")
        rooms.limits = type(rooms.limits)(tries=30)
        async with rooms.reporting():
            rooms.write()
            rooms.refusing = True
            await asyncio.sleep(AFTER + 30)
            rooms.write()
            await asyncio.sleep(AFTER + 300)
            rooms.refusing = False
            await asyncio.sleep(400)
            assert rooms.found == [("ada", 1)]
            await asyncio.sleep(2 * AFTER)
            assert rooms.found == [("ada", 1)]

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_what_is_given_up_is_a_dead_letter_and_can_be_retried(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        rooms = Rooms()
        rooms.join("ada")
        rooms.limits = type(rooms.limits)(tries=2)
        async with rooms.reporting() as instance:
            rooms.write()
            rooms.refusing = True
            await asyncio.sleep(AFTER + 60)
            name = rooms.subscription.consumer
            [letter] = await instance.consumers.dead_letters(name)
            assert (letter.seq, letter.reason) == (1, "The receiver answered 500.")
            rooms.refusing = False
            assert await instance.consumers.retry(name) == 1
            await asyncio.sleep(20)
            assert rooms.found == [("ada", 1)]
            assert await instance.consumers.dead_letters(name) == []

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_a_deleted_conversation_is_not_reported_and_leaves_nothing() -> None:
    async def main() -> None:
        rooms = Rooms()
        for name in ("room", "fired"):
            rooms.join("ada", conversation=name)
        async with rooms.reporting() as instance:
            rooms.write(conversation="fired")
            await asyncio.sleep(AFTER + SOON + 150)
            rooms.write()
            await asyncio.sleep(20)
            rooms.delete("room", bus=instance.bus)
            rooms.delete("fired", bus=instance.bus)
            await asyncio.sleep(20)
            assert rooms.found == [("ada", 1)]
            keys = [key for _, key in rooms.store.records]
            assert not [key for key in keys if "room" in key or "fired" in key]

    run(main())


def test_readers_are_bounded_members_first() -> None:
    async def main() -> None:
        rooms = Rooms()
        rooms.join(*(f"member-{number}" for number in range(READERS - 1)))
        async with rooms.reporting():
            for number in range(5):
                rooms.write(visitor(f"guest-{number}"))
                rooms.read(f"guest-{number}", 1, kind="token")
            rooms.write()
            await asyncio.sleep(AFTER + SOON)
            assert len(rooms.found) == READERS
            assert sum(name.startswith("guest") for name, _ in rooms.found) == 1

    run(main())
