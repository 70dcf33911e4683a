"""Runs: the end of one that left no message is an entry, and changes nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from umbral_chat.errors import Conflict, ConversationDeleted
from umbral_chat.model.entries import Run, Sender
from umbral_chat.model.writes import Appended, WriteRun
from umbral_chat.providers.history import History
from umbral_chat.testing.storage import StorageContract, expect_error, read_all, send, update

ASSISTANT = Sender(role="assistant", name="Äda")


async def end_run(history: History, conversation: str = "room", **more: Any) -> Appended:
    """Append the end of a run."""
    fields: dict[str, Any] = {"subject": "run:ended", "sender": ASSISTANT, "run_id": "r1", "outcome": "failed", **more}
    return await history.append(WriteRun(conversation=conversation, **fields))


class RunsContract(StorageContract):
    """The entries of the kind `run`."""

    async def test_the_end_of_a_run_reads_as_it_was_written(self) -> None:
        async with self.rig() as rig:
            metadata = {"execution": "4711", "numbers": [1, 0.5]}
            await send(rig.storage.history)
            ended = await end_run(rig.storage.history, reason="model_timeout", for_seq=1, metadata=metadata)
            bare = await end_run(rig.storage.history, run_id="r2", outcome="cancelled")
            for appended in (ended, bare):
                assert appended.created
                assert appended.follow_ups == ()
            _, full, short = await read_all(rig.other.history)
            assert full == ended.entry
            assert short == bare.entry
            assert isinstance(full, Run)
            assert isinstance(short, Run)
            assert (full.seq, full.run_id, full.outcome, full.reason) == (2, "r1", "failed", "model_timeout")
            assert (full.for_seq, full.metadata, full.sender) == (1, metadata, ASSISTANT)
            assert (short.seq, short.outcome, short.reason, short.for_seq, short.metadata) == (
                3,
                "cancelled",
                None,
                None,
                None,
            )

    async def test_it_is_no_message(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            question = await send(history, "a question")
            ended = await end_run(history, for_seq=1)
            page = await rig.other.history.messages("room", limit=10)
            assert [(one.seq, one.version) for one in page.messages] == [(1, 1)]
            assert page.head is not None
            assert page.head.seq == 2
            found = await rig.other.history.conversation("room", subject="u2")
            assert found is not None
            assert found.last_message is not None
            assert (found.last_message.seq, found.unread, found.head) == (1, 1, 2)
            assert found.last_activity >= max(question.entry.at, ended.entry.at)

    async def test_it_opens_no_closed_conversation(self) -> None:
        async with self.rig() as rig:
            await update(rig.storage.history, status="closed")
            await end_run(rig.storage.history, sender=Sender(role="user"))
            found = await rig.other.history.conversation("room")
            assert found is not None
            assert (found.status, found.head) == ("closed", 2)

    async def test_a_repeated_key_is_answered_with_the_first_end(self) -> None:
        async with self.rig() as rig:
            first = await end_run(rig.storage.history, key="run:r1")
            again = await end_run(rig.other.history, key="run:r1")
            assert (again.created, again.entry) == (False, first.entry)
            await expect_error(
                end_run(rig.other.history, key="run:r1", outcome="completed"), Conflict, "idempotency_conflict"
            )
            assert len(await read_all(rig.storage.history)) == 1

    async def test_a_run_of_an_earlier_log_leaves_nothing_in_the_next_one(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            epoch = (await send(history)).epoch
            await history.delete("room")
            await expect_error(end_run(history), ConversationDeleted)
            await history.ensure("room")
            await expect_error(end_run(history, epoch=epoch), ConversationDeleted)
            assert await read_all(history) == []

    async def test_an_imported_one_has_the_time_that_it_had(self) -> None:
        async with self.rig() as rig:
            long_ago = datetime(2019, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
            await end_run(rig.storage.history, at=long_ago)
            (entry,) = await read_all(rig.other.history)
            assert (entry.at, entry.imported) == (long_ago, True)


__all__ = ["RunsContract"]
