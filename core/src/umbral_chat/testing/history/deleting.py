"""Deletion: only the tombstone is left, until the conversation is explicitly created again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.testing.storage import (
    StorageContract,
    edit,
    expect_error,
    message_id_of,
    read_all,
    redact,
    send,
    update,
)


class DeletingContract(StorageContract):
    """A deleted conversation is gone for every instance at once."""

    async def test_what_names_a_deleted_conversation_is_told_so(self) -> None:
        async with self.rig() as rig:
            sent = await send(rig.storage.history, key="k")
            await rig.storage.history.mark_read("room", "u1", 1)
            assert await rig.storage.history.delete("room")
            for history in (rig.other.history, rig.storage.history):
                calls: tuple[Callable[[], Awaitable[object]], ...] = (
                    partial(send, history),
                    partial(send, history, key="k"),
                    partial(send, history, epoch=sent.epoch),
                    partial(edit, history, message_id_of(sent), "x"),
                    partial(redact, history, message_id_of(sent)),
                    partial(update, history, title="T"),
                    partial(history.read, "room", 0, 10),
                    partial(history.read, "room", 1, 10),
                    partial(history.messages, "room", limit=10),
                    partial(history.message, "room", message_id_of(sent)),
                    partial(history.conversation, "room"),
                    partial(history.mark_read, "room", "u1", 1),
                )
                for call in calls:
                    await expect_error(call(), ConversationDeleted, "conversation_deleted")
                assert await history.heads(["room", "other"]) == {"room": Deleted()}
                assert (await history.conversations(limit=10)).conversations == []

    async def test_deleting_says_whether_there_was_anything(self) -> None:
        async with self.rig() as rig:
            assert not await rig.storage.history.delete("room")
            assert await rig.storage.history.heads(["room"]) == {}
            await send(rig.storage.history)
            assert await rig.other.history.delete("room")
            assert not await rig.storage.history.delete("room")

    async def test_other_conversations_stay(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for number in range(20):
                await send(history, f"m{number}", f"c{number % 4}")
            kept = await read_all(history, "c1")
            await history.delete("c0")
            await history.delete("c2")
            assert await read_all(rig.other.history, "c1") == kept
            assert [found.id for found in (await history.conversations(limit=9)).conversations] == ["c3", "c1"]

    async def test_an_explicit_creation_revives_it_as_a_new_log(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            sent = await send(history, key="k", message_id="m")
            await history.mark_read("room", "u1", 1)
            await update(history, title="T", status="closed")
            await history.delete("room")
            revived, made = await rig.other.history.ensure("room")
            assert made
            assert revived.epoch != sent.epoch
            assert (revived.head, revived.title, revived.status, revived.last_message) == (0, None, "open", None)
            assert await history.heads(["room"]) == {"room": Head(revived.epoch, 0)}
            await expect_error(send(history, epoch=sent.epoch), ConversationDeleted)
            assert await read_all(history) == []
            assert await history.message("room", "m") is None
            # It has none of the old keys, message ids or read markers.
            again = await send(history, key="k", message_id="m")
            assert (again.created, again.entry.seq, again.epoch) == (True, 1, revived.epoch)
            found = await history.conversation("room", subject="reader")
            assert found is not None
            assert found.unread == 1

    async def test_making_what_is_there_changes_nothing(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            made, created = await history.ensure("room")
            assert created
            assert (made.id, made.head, made.status) == ("room", 0, "open")
            await send(history)
            found, created = await rig.other.history.ensure("room")
            assert not created
            assert (found.epoch, found.head, found.created_at) == (made.epoch, 1, made.created_at)

    async def test_making_it_at_once_makes_it_once(self) -> None:
        async with self.rig() as rig:
            sides = (rig.storage.history, rig.other.history)
            found = await asyncio.gather(*(sides[number % 2].ensure("room") for number in range(10)))
            assert sum(created for _, created in found) == 1
            assert len({conversation.epoch for conversation, _ in found}) == 1

    async def test_appends_beside_a_deletion_are_before_it_or_refused(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await send(history)
            sent = [asyncio.ensure_future(send(history, f"m{number}")) for number in range(20)]
            deleting = asyncio.ensure_future(rig.other.history.delete("room"))
            late = [asyncio.ensure_future(send(history, f"late{number}")) for number in range(20)]
            assert await deleting
            for outcome in await asyncio.gather(*sent, *late, return_exceptions=True):
                assert not isinstance(outcome, BaseException) or isinstance(outcome, ConversationDeleted), repr(outcome)
            await expect_error(history.read("room", 0, 10), ConversationDeleted)

    async def test_a_big_conversation_goes_whole(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await asyncio.gather(*(send(history, f"m{number}") for number in range(1200)))
            assert await history.delete("room")
            await expect_error(rig.other.history.read("room", 0, 10), ConversationDeleted)
            await history.ensure("room")
            assert await read_all(rig.other.history) == []


__all__ = ["DeletingContract"]
