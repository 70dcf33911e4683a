"""How the writing of a message ended, and how its author completes one that was interrupted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec

from umbral_chat.errors import Conflict, ConversationDeleted
from umbral_chat.model.entries import Edit, Entry, FoldedMessage, Message, Sender
from umbral_chat.model.fold import apply
from umbral_chat.model.writes import Appended
from umbral_chat.providers.history import History
from umbral_chat.testing.storage import StorageContract, edit, expect_error, read_all, redact, send

LONG_AGO = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


async def _interrupted(history: History, content: str = "The answ", message_id: str = "m") -> Appended:
    return await send(history, content, message_id=message_id, finish="interrupted")


class FinishingContract(StorageContract):
    """A message says where its text is not complete, and an interrupted one is completed by its author, once."""

    async def test_a_message_says_how_its_writing_ended(self) -> None:
        async with self.rig() as rig:
            history, other = rig.storage.history, rig.other.history
            for finish in ("cancelled", "failed", "interrupted", None):
                sent = await send(history, "so far", message_id=f"m-{finish}", finish=finish)
                assert isinstance(sent.entry, Message)
                assert sent.entry.finish == finish
            assert [_finish(entry) for entry in await read_all(other)] == ["cancelled", "failed", "interrupted", None]
            found = (await other.messages("room", limit=10)).messages
            assert [message.finish for message in found] == ["cancelled", "failed", "interrupted", None]

    async def test_a_repeat_with_another_finish_is_another_body(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            first = await send(history, "so far", key="k", finish="interrupted")
            assert (await send(history, "so far", key="k", finish="interrupted")).entry == first.entry
            await expect_error(send(history, "so far", key="k"), Conflict, "idempotency_conflict")
            await expect_error(send(history, "so far", key="k", finish="failed"), Conflict, "idempotency_conflict")

    async def test_an_edit_and_a_redaction_clear_it(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for name in ("edited", "redacted", "both"):
                await _interrupted(history, message_id=name)
            for name in ("edited", "both"):
                await edit(history, name, "The answer")
            for name in ("redacted", "both"):
                await redact(history, name)
            fresh = (await rig.other.history.messages("room", limit=10)).messages
            assert [message.finish for message in fresh] == [None] * 3
            held: dict[str, FoldedMessage] = {}
            assert list(apply(held, await read_all(rig.other.history)).values()) == fresh

    async def test_its_author_completes_an_interrupted_message_with_an_edit(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            cut = await send(history, "The answ", message_id="m", finish="interrupted", metadata={"a": 1.50})
            await send(history, "between")
            bot = Sender(role="assistant", name="Bot")
            rest = await send(rig.other.history, "The answer", message_id="m", key="k", sender=bot)
            assert isinstance(rest.entry, Edit)
            assert (rest.created, rest.epoch, rest.follow_ups) == (True, cut.epoch, ())
            assert (rest.entry.seq, rest.entry.message_id, rest.entry.content) == (3, "m", "The answer")
            assert (rest.entry.client_id, rest.entry.sender, rest.entry.metadata) == ("k", bot, {"a": 1.5})
            assert (await read_all(history))[2] == rest.entry
            found = await history.message("room", "m")
            assert found is not None
            assert (found.seq, found.version, found.content, found.finish) == (1, 3, "The answer", None)

    async def test_what_completes_it_brings_its_own_metadata(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await send(history, "The answ", message_id="m", finish="interrupted", metadata={"a": 1})
            rest = await send(history, "The answer", message_id="m", metadata={"b": [2.50, "é"]}, reply_to="q")
            assert isinstance(rest.entry, Edit)
            assert rest.entry.metadata == {"b": [2.5, "é"]}

    async def test_completing_it_again_with_the_same_key_is_answered_with_the_first_edit(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await _interrupted(history)
            first = await send(history, "The answer", message_id="m", key="k")
            again = await send(rig.other.history, "The answer", message_id="m", key="k")
            assert (again.entry, again.created) == (first.entry, False)
            await expect_error(send(history, "Another", message_id="m", key="k"), Conflict, "idempotency_conflict")
            await expect_error(send(history, "The answer", message_id="m"), Conflict, "message_id_taken")
            assert len(await read_all(history)) == 2

    async def test_no_other_message_takes_the_id_of_an_interrupted_one(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            cut = await _interrupted(history)
            refused: list[dict[str, Any]] = [
                {"subject": "u2"},
                {"finish": "interrupted"},
                {"finish": "cancelled"},
                {"at": LONG_AGO},
            ]
            for given in refused:
                await expect_error(send(history, "more", message_id="m", **given), Conflict, "message_id_taken")
            assert await read_all(history) == [cut.entry]

    async def test_what_is_complete_or_was_changed_since_is_not_completed(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await send(history, "whole", message_id="whole")
            await send(history, "so far", message_id="cancelled", finish="cancelled")
            await _interrupted(history, message_id="edited")
            await edit(history, "edited", "by hand", subject="moderator")
            await _interrupted(history, message_id="redacted")
            await redact(history, "redacted")
            before = await read_all(history)
            for name in ("whole", "cancelled", "edited", "redacted"):
                await expect_error(send(history, "more", message_id=name), Conflict, "message_id_taken")
            assert await read_all(history) == before

    async def test_it_is_completed_once_however_many_try(self) -> None:
        async with self.rig() as rig:
            sides = (rig.storage.history, rig.other.history)
            await _interrupted(sides[0])
            sent = await asyncio.gather(
                *(send(sides[number % 2], f"rest {number}", message_id="m") for number in range(10)),
                return_exceptions=True,
            )
            assert sum(isinstance(one, Appended) for one in sent) == 1
            assert all(isinstance(one, Appended | Conflict) for one in sent)
            assert len(await read_all(sides[0])) == 2

    async def test_a_log_that_is_gone_completes_nothing(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            cut = await _interrupted(history)
            await history.delete("room")
            rest = send(history, "The answer", message_id="m", epoch=cut.epoch)
            await expect_error(rest, ConversationDeleted, "conversation_deleted")

    async def test_the_json_that_comes_with_what_completes_it_is_that_of_its_entry(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await _interrupted(history)
            rest = await send(history, "The answer, größer", message_id="m")
            if rest.json is not None:
                assert msgspec.json.decode(rest.json, type=Entry) == rest.entry


def _finish(entry: Entry) -> str | None:
    return entry.finish if isinstance(entry, Message) else "no message"


__all__ = ["FinishingContract"]
