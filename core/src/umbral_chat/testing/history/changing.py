"""Edits, ownership, updates, and a closed conversation that a user writes to."""

from __future__ import annotations

from umbral_chat.errors import Forbidden, NotFound
from umbral_chat.model.entries import Changes, Edit, Member, Sender, Update, entry_encoder
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


class ChangingContract(StorageContract):
    """Messages and the conversation itself can be changed, and each change is an entry in the log."""

    async def test_an_edit_is_an_entry_with_the_whole_new_content(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history, "old", metadata={"a": 1}))
            await send(history, "between")
            kept = await edit(history, message, "new")
            assert isinstance(kept.entry, Edit)
            assert (kept.entry.seq, kept.entry.content, kept.entry.metadata) == (3, "new", {"a": 1})
            given = await edit(history, message, "newer", metadata={"b": 2})
            assert isinstance(given.entry, Edit)
            assert given.entry.metadata == {"b": 2}
            last = await edit(history, message, "newest")
            assert isinstance(last.entry, Edit)
            assert last.entry.metadata == {"b": 2}, "the metadata that it has now is the last edit's"
            assert (await read_all(rig.other.history))[2:] == [kept.entry, given.entry, last.entry]

    async def test_a_folded_message_is_as_its_newest_edit_tells(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            sent = await send(history, "old", metadata={"a": 1})
            await edit(history, message_id_of(sent), "new")
            last = await edit(history, message_id_of(sent), "newest")
            await send(history, "after")
            for found in (
                await rig.other.history.message("room", message_id_of(sent)),
                (await rig.other.history.messages("room", limit=10)).messages[0],
            ):
                assert found is not None
                assert (found.seq, found.version, found.content) == (1, last.entry.seq, "newest")
                assert (found.at, found.edited_at, found.metadata) == (sent.entry.at, last.entry.at, {"a": 1})

    async def test_what_is_not_there_cannot_be_edited_or_redacted(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await expect_error(edit(history, "m", "new"), NotFound, "message_not_found")
            await expect_error(redact(history, "m"), NotFound, "message_not_found")
            assert await history.conversation("room") is None, "a refused edit made the conversation"
            elsewhere = message_id_of(await send(history, "there", "elsewhere"))
            await send(history)
            for message in ("m", "", elsewhere, "1-0000000000", "99-0000000000"):
                await expect_error(edit(history, message, "new"), NotFound, "message_not_found")
                await expect_error(redact(history, message), NotFound, "message_not_found")
            assert len(await read_all(history)) == 1

    async def test_own_only_is_held_against_the_message_s_author(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history, subject="author"))
            await expect_error(
                edit(history, message, "x", subject="other", own_only=True), Forbidden, "not_your_message"
            )
            await expect_error(redact(history, message, subject="other", own_only=True), Forbidden, "not_your_message")
            await edit(history, message, "moderated", subject="other")
            await edit(history, message, "mine", subject="author", own_only=True)
            await expect_error(
                edit(history, message, "x", subject="other", own_only=True), Forbidden, "not_your_message"
            )
            await redact(history, message, subject="author", own_only=True)
            assert len(await read_all(history)) == 4

    async def test_an_update_is_an_entry_and_the_conversation_follows_it(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            members = [Member("u1"), Member("desk", "agent", "Désk")]
            sent = await update(history, title="Title", metadata={"k": [1]}, members=members)
            assert isinstance(sent.entry, Update)
            assert (sent.entry.seq, sent.entry.changes.title) == (1, "Title")
            await update(history, responder="human", realtime="off", status="closed")
            await update(history, assignee="désk")
            last = await update(history, title=None)
            found = await rig.other.history.conversation("room")
            assert found is not None
            assert (found.title, found.metadata, found.members) == (None, {"k": [1]}, members)
            assert (found.responder, found.realtime, found.status) == ("human", "off", "closed")
            assert found.assignee == "désk"
            assert (found.head, found.last_activity) == (4, last.entry.at)
            assert [entry.changes for entry in await read_all(history) if isinstance(entry, Update)][2:] == [
                Changes(assignee="désk"),
                Changes(title=None),
            ]
            await update(history, responder="assistant", assignee=None)
            found = await rig.other.history.conversation("room")
            assert found is not None
            assert (found.responder, found.assignee) == ("assistant", None)

    async def test_the_json_that_comes_with_a_write_is_that_of_its_entry(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history, "Grüße", metadata={"a": [1, 2.5]}, key="k"))
            for appended in (
                await edit(history, message, "edited"),
                await update(history, title="Title"),
                await redact(history, message),
                await send(history, "Grüße", metadata={"a": [1, 2.5]}, key="k"),
                await send(history, "again"),
            ):
                assert appended.json in {None, entry_encoder.encode(appended.entry)}

    async def test_an_update_that_changes_nothing_is_an_entry_all_the_same(self) -> None:
        async with self.rig() as rig:
            await update(rig.storage.history, status="open")
            await update(rig.storage.history, status="open")
            assert len(await read_all(rig.storage.history)) == 2

    async def test_a_closed_conversation_reopens_when_a_user_writes(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history))
            await update(history, status="closed")
            quiet = [
                await send(history, sender=Sender(role="assistant")),
                await send(history, sender=Sender(role="agent")),
                await edit(history, message, "edited"),
            ]
            assert all(appended.follow_ups == () for appended in quiet)
            found = await history.conversation("room")
            assert found is not None
            assert found.status == "closed"
            sent = await send(history, key="k")
            (reopened,) = sent.follow_ups
            assert isinstance(reopened, Update)
            assert (reopened.seq, reopened.changes) == (sent.entry.seq + 1, Changes(status="open"))
            found = await rig.other.history.conversation("room")
            assert found is not None
            assert (found.status, found.head) == ("open", reopened.seq)
            assert (await read_all(history))[-2:] == [sent.entry, reopened]
            assert not (await send(history, key="k")).created
            assert (await send(history)).follow_ups == ()


__all__ = ["ChangingContract"]
