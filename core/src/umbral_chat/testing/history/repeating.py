"""Idempotency: the same key by the same subject is one write."""

from __future__ import annotations

import asyncio

from umbral_chat.errors import Conflict, NotFound
from umbral_chat.model.entries import Message, Sender
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


class RepeatingContract(StorageContract):
    """A retry is answered with the first entry."""

    async def test_a_repeat_is_answered_with_the_first_entry(self) -> None:
        async with self.rig() as rig:
            first = await send(rig.storage.history, key="k", metadata={"a": 1, "b": 2})
            await send(rig.storage.history, "between")
            for history in (rig.storage.history, rig.other.history):
                again = await send(history, key="k", metadata={"b": 2, "a": 1})
                assert (again.entry, again.created, again.epoch) == (first.entry, False, first.epoch)
            assert first.created
            assert len(await read_all(rig.storage.history)) == 2

    async def test_the_same_key_at_the_same_time_is_written_once(self) -> None:
        async with self.rig() as rig:
            sides = (rig.storage.history, rig.other.history)
            sent = await asyncio.gather(*(send(sides[number % 2], key="k") for number in range(20)))
            assert sum(appended.created for appended in sent) == 1
            assert all(appended.entry == sent[0].entry for appended in sent)
            assert len(await read_all(sides[0])) == 1

    async def test_the_same_key_with_another_body_is_a_conflict(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            first = await send(history, "one", key="k")
            await expect_error(send(history, "two", key="k"), Conflict, "idempotency_conflict")
            await expect_error(send(history, "one", key="k", reply_to="x"), Conflict, "idempotency_conflict")
            await expect_error(send(history, "one", key="k", metadata={}), Conflict, "idempotency_conflict")
            await expect_error(
                send(history, "one", key="k", sender=Sender(role="agent")), Conflict, "idempotency_conflict"
            )
            await expect_error(edit(history, message_id_of(first), "one", key="k"), Conflict, "idempotency_conflict")
            assert await read_all(history) == [first.entry]

    async def test_a_key_belongs_to_its_subject_and_conversation(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await send(history, "one", key="k")
            assert (await send(history, "two", key="k", subject="u2")).created
            assert (await send(history, "three", "elsewhere", key="k")).created
            assert (await send(history, "four", key="K")).created
            assert (await send(history, "five", subject="u1k", key="")).created
            assert (await send(history, "six", subject="u1", key="ké")).created
            assert len(await read_all(history)) == 5

    async def test_edits_redactions_and_updates_take_a_key_too(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            message = message_id_of(await send(history))
            edited = await edit(history, message, "new", key="e")
            updated = await update(history, key="u", title="T")
            assert (await edit(history, message, "new", key="e")).entry == edited.entry
            assert (await update(history, key="u", title="T")).entry == updated.entry
            await expect_error(edit(history, message, "newer", key="e"), Conflict, "idempotency_conflict")
            await expect_error(update(history, key="u", title="U"), Conflict, "idempotency_conflict")
            redacted = await redact(history, message, key="r")
            assert (await redact(history, message, key="r")).entry == redacted.entry
            assert len(await read_all(history)) == 4

    async def test_a_write_that_was_refused_does_not_use_up_its_key(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await send(history, message_id="m")
            await expect_error(edit(history, "unknown", "new", key="k"), NotFound, "message_not_found")
            await expect_error(send(history, message_id="m", key="k"), Conflict, "message_id_taken")
            assert (await send(history, key="k")).created

    async def test_a_message_id_is_taken_once(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            drawn = message_id_of(await send(history))
            first = await send(history, "one", message_id="m", key="k")
            for taken in ("m", drawn):
                await expect_error(send(history, "two", message_id=taken), Conflict, "message_id_taken")
                await expect_error(
                    send(rig.other.history, "two", message_id=taken, subject="u2"), Conflict, "message_id_taken"
                )
            # A repeat has the same message id; it is recognised as a repeat before the id is checked.
            assert (await send(history, "one", message_id="m", key="k")).entry == first.entry
            await send(history, "elsewhere", "elsewhere", message_id="m")
            sent = await asyncio.gather(
                *(send(history, f"{number}", message_id="race") for number in range(10)), return_exceptions=True
            )
            assert sum(not isinstance(outcome, BaseException) for outcome in sent) == 1
            entries = await read_all(history)
            ids = [entry.message_id for entry in entries if isinstance(entry, Message)]
            assert sorted(ids) == sorted([drawn, "m", "race"])


__all__ = ["RepeatingContract"]
