"""Imported entries: they carry the time that they had in their old log; everything else uses the time of writing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from umbral_chat.errors import Conflict
from umbral_chat.model.entries import Changes, Edit, Message, Redaction, Sender
from umbral_chat.model.writes import WriteUpdate
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

LONG_AGO = datetime(2019, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


class ImportingContract(StorageContract):
    """A conversation that is imported reads as it did where it was exported."""

    async def test_every_kind_of_entry_shows_the_time_that_it_had_and_is_marked(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history, "old", at=LONG_AGO))
            await edit(history, message, "older", at=LONG_AGO)
            await redact(history, message, at=LONG_AGO)
            changes = Changes(title="moved")
            await history.append(
                WriteUpdate(
                    conversation="room", subject="desk", sender=Sender(role="agent"), changes=changes, at=LONG_AGO
                )
            )
            await send(history, "new")
            entries = await read_all(rig.other.history)
            assert [(entry.seq, entry.imported) for entry in entries] == [(n, n < 5) for n in range(1, 6)]
            assert {entry.at for entry in entries[:4]} == {LONG_AGO}
            assert entries[4].at > LONG_AGO
            (moved, own) = (await rig.other.history.messages("room", limit=10)).messages
            assert (moved.at, moved.imported, own.imported) == (LONG_AGO, True, False)

    async def test_the_inbox_goes_by_the_time_of_writing(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            first = await send(history, "now", "first")
            await send(history, "long ago", "second", at=LONG_AGO)
            names = [one.id for one in (await rig.other.history.conversations(limit=10)).conversations]
            assert names == ["second", "first"]
            found = await rig.other.history.conversation("second")
            assert found is not None
            assert found.last_activity >= first.entry.at
            assert found.last_message is not None
            assert found.last_message.at == LONG_AGO

    async def test_what_comes_after_it_has_the_time_of_writing(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            before = await send(history, "before")
            await send(history, "moved", at=LONG_AGO)
            assert (await send(history, "after")).entry.at >= before.entry.at

    async def test_it_opens_no_conversation(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await send(history)
            await update(history, status="closed")
            sent = await send(history, "long ago", at=LONG_AGO)
            assert sent.follow_ups == ()
            found = await rig.other.history.conversation("room")
            assert found is not None
            assert found.status == "closed"

    async def test_a_repeat_is_the_first_and_another_time_is_another_write(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            first = await send(history, "old", at=LONG_AGO, key="k")
            again = await send(rig.other.history, "old", at=LONG_AGO, key="k")
            assert (again.created, again.entry) == (False, first.entry)
            others: list[dict[str, Any]] = [{}, {"at": LONG_AGO.replace(year=2020)}]
            for other in others:
                await expect_error(send(history, "old", key="k", **other), Conflict, "idempotency_conflict")

    async def test_what_was_redacted_there_comes_without_its_words_and_its_redaction_follows(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            moved: dict[str, Any] = {"at": LONG_AGO, "redacted": True}
            message = message_id_of(await send(history, "", message_id="m", **moved))
            await edit(history, message, "", **moved)
            await expect_error(edit(history, message, "again"), Conflict, "message_redacted")
            await redact(history, message, at=LONG_AGO)
            await expect_error(edit(history, message, "", **moved), Conflict, "message_redacted")
            entries = await read_all(rig.other.history)
            assert [type(entry) for entry in entries] == [Message, Edit, Redaction]
            assert [getattr(entry, "redacted", None) for entry in entries] == [True, True, None]
            found = await rig.other.history.message("room", message)
            assert found is not None
            assert (found.content, found.redacted, found.version) == ("", True, 3)


__all__ = ["ImportingContract"]
