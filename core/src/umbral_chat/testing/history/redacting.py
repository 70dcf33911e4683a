"""Redaction: the text is gone for every later reader, and its seq stays."""

from __future__ import annotations

import asyncio

from umbral_chat.errors import Conflict
from umbral_chat.model.conversations import Head
from umbral_chat.model.entries import Edit, Message, Redaction
from umbral_chat.testing.storage import StorageContract, edit, expect_error, message_id_of, read_all, redact, send


class RedactingContract(StorageContract):
    """Redacted messages are blank at the same seqs, in every way of reading."""

    async def test_a_message_and_its_edits_are_blanked_at_their_seqs(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            sent = await send(history, "secret", metadata={"also": "secret"}, reply_to="x", key="k")
            edited = await edit(history, message_id_of(sent), "secret two", metadata={"too": "secret"})
            other = await send(history, "public")
            redaction = await redact(history, message_id_of(sent))
            assert isinstance(redaction.entry, Redaction)
            message, change, kept, last = await read_all(rig.other.history)
            assert isinstance(message, Message)
            assert isinstance(change, Edit)
            for blank, was in ((message, sent.entry), (change, edited.entry)):
                assert (blank.seq, blank.at, blank.sender) == (was.seq, was.at, was.sender)
                assert (blank.content, blank.metadata, blank.redacted) == ("", None, True)
            assert (kept, last) == (other.entry, redaction.entry)

    async def test_every_way_of_reading_shows_the_blank(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history, "secret"))
            await edit(history, message, "secret two")
            redaction = await redact(history, message)
            conversation = await rig.other.history.conversation("room")
            assert conversation is not None
            for found in (
                await rig.other.history.message("room", message),
                (await rig.other.history.messages("room", limit=5)).messages[0],
                conversation.last_message,
                (await rig.other.history.conversations(limit=5)).conversations[0].last_message,
            ):
                assert found is not None
                assert (found.content, found.metadata, found.redacted) == ("", None, True)
                assert (found.seq, found.version) == (1, redaction.entry.seq)

    async def test_heads_and_pages_carry_the_newest_redaction(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            messages = [message_id_of(await send(history)) for _ in range(3)]
            sent = await send(history)
            assert (await history.heads(["room"]))["room"] == Head(sent.epoch, 4, 0)
            for count, message in enumerate(messages[:2]):
                sent = await redact(history, message)
                await send(history)
                head = Head(sent.epoch, 6 + 2 * count, sent.entry.seq)
                assert (await rig.other.history.heads(["room"]))["room"] == head
                assert (await rig.other.history.read("room", 0, 1)).head == head
                assert (await rig.other.history.messages("room", limit=1)).head == head

    async def test_redacting_again_is_answered_with_the_first_redaction(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history))
            first = await redact(history, message, key="a")
            for again in (
                await redact(history, message),
                await redact(history, message, key="a"),
                await redact(rig.other.history, message, subject="moderator", key="b"),
            ):
                assert (again.entry, again.created) == (first.entry, False)
            assert len(await read_all(history)) == 2

    async def test_two_redactions_at_once_are_one(self) -> None:
        async with self.rig() as rig:
            message = message_id_of(await send(rig.storage.history))
            sides = (rig.storage.history, rig.other.history)
            sent = await asyncio.gather(*(redact(sides[number % 2], message) for number in range(6)))
            assert sum(appended.created for appended in sent) == 1
            assert len(await read_all(rig.storage.history)) == 2

    async def test_what_is_redacted_cannot_be_edited_nor_its_id_taken(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await send(history, message_id="m")
            await redact(history, "m")
            await expect_error(edit(history, "m", "back"), Conflict, "message_redacted")
            await expect_error(send(history, message_id="m"), Conflict, "message_id_taken")

    async def test_a_repeat_of_what_was_redacted_since_is_answered_blank(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history, "secret", key="k", metadata={"a": 1}))
            await edit(history, message, "secret two", key="e")
            await redact(history, message)
            for again in (
                await send(history, "secret", key="k", metadata={"a": 1}),
                await edit(rig.other.history, message, "secret two", key="e"),
            ):
                assert not again.created
                assert isinstance(again.entry, Message | Edit)
                assert (again.entry.content, again.entry.metadata, again.entry.redacted) == ("", None, True)
            assert len(await read_all(history)) == 3

    async def test_nothing_that_was_said_is_shown_while_it_is_being_redacted_and_after(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            messages = [message_id_of(await send(history, f"secret {number}")) for number in range(10)]
            async with asyncio.TaskGroup() as group:
                redacting = [group.create_task(redact(history, message)) for message in messages]
                while not all(task.done() for task in redacting):
                    page = await rig.other.history.read("room", 0, 100)
                    redactions = [entry.seq for entry in page.entries if isinstance(entry, Redaction)]
                    assert page.head is not None
                    assert page.head.redaction == max(redactions, default=0), "head and entries are of two snapshots"
                    by_id = {entry.message_id: entry for entry in page.entries if isinstance(entry, Message)}
                    for entry in page.entries:
                        if isinstance(entry, Redaction):
                            assert by_id[entry.message_id].redacted, "a page shows a redaction beside what it blanked"
            assert all(entry.redacted for entry in await read_all(rig.other.history) if isinstance(entry, Message))


__all__ = ["RedactingContract"]
