"""What holds of runs on any store, between two instances that share nothing but the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from umbral_chat._core.conversations import run_records
from umbral_chat._core.conversations.run_watch import SETTLE_GRACE
from umbral_chat._core.conversations.runs import RunRecord, StoredRun
from umbral_chat.errors import Conflict, ConversationDeleted, Forbidden, NotFound, RequestError, TooManyRequests
from umbral_chat.model.entries import Run, Sender
from umbral_chat.model.runs import RunBody
from umbral_chat.model.signals import Writer
from umbral_chat.testing.embedded import HandClock

from .instances import ADA, EVE, MODERATOR, N8N, SILENCE, Instance

Pair = tuple[Instance, Instance, HandClock]


async def refused(code: str, error: type[RequestError], call: Awaitable[object]) -> RequestError:
    with pytest.raises(error) as raised:
        await call
    assert raised.value.code == code
    return raised.value


class RunsSuite:
    """Tests; a subclass provides the store."""

    def instances(self) -> AbstractAsyncContextManager[Pair]:
        """Two instances on one empty store, with one clock whose wall time the test moves."""
        raise NotImplementedError

    async def test_a_run_is_seen_at_the_other_instance_by_signal_and_by_scan(self) -> None:
        async with self.instances() as (here, there, _):
            await here.send("a question", sender=Sender("user", "ada"))
            started = await here.start(for_seq=1, sender=Sender("assistant", name="Bot"))
            assert (started.run_id, started.created) == ("r1", True)
            there.board.learn(here.published[-1])
            assert there.shown() == [("r1", "started")]
            assert there.changed == ["room"]
            await there.progress("tool", label="search", ttl=30)  # its producer's calls may arrive anywhere
            assert here.shown() == [("r1", "started")]  # the signal was lost
            await here.watch.look()
            (run,) = here.runs.of("room")
            assert (run.state, run.label, run.for_seq, run.sender.name) == ("tool", "search", 1, "Bot")
            assert run == there.runs.of("room")[0]

    async def test_a_repeated_start_begins_nothing_even_after_the_end(self) -> None:
        async with self.instances() as (here, there, _):
            await here.start(for_seq=1)
            await refused("idempotency_conflict", Conflict, there.start(for_seq=2))
            assert not (await there.start(for_seq=1)).created
            ended = await here.end("failed")
            assert not (await there.start(for_seq=1)).created
            await refused("idempotency_conflict", Conflict, there.start(for_seq=2))
            await there.watch.look()
            assert (here.shown(), there.shown()) == ([], [])
            assert await there.end("failed", reason="another") == ended
            error = await refused("run_ended", Conflict, there.end("completed"))
            assert error.extra["outcome"] == "failed"
            await refused("run_ended", Conflict, there.progress("writing"))
            await refused("run_ended", Conflict, there.cancel(MODERATOR))

    async def test_a_run_reserves_its_message_id_until_it_ends(self) -> None:
        async with self.instances() as (here, there, _):
            other = msgspec.structs.replace(N8N, subject="key:other")
            await here.start("r1", message_id="m1")
            mine = Writer.of("room", N8N.author, trusted=N8N.trusted)
            assert await there.shared.records.reserved_by("room", "m1") == mine
            assert await there.shared.records.reserved_by("room", "m2") is None
            assert await there.shared.records.reserved_by("elsewhere", "m1") is None
            foreign = there.runs.start(other, "room", RunBody(run_id="r2", message_id="m1"))
            await refused("not_your_draft", Conflict, foreign)
            assert (await there.start("r3", message_id="m1")).created, "another run of the same author"
            for run_id in ("r1", "r3"):
                await here.end("failed", run_id)
            assert await there.shared.records.reserved_by("room", "m1") is None
            await there.runs.start(other, "room", RunBody(run_id="r2", message_id="m1"))

    async def test_every_instance_is_notified_of_what_is_reserved(self) -> None:
        async with self.instances() as (here, there, _):
            await here.start("r1", message_id="m1")
            await here.start("r2")
            await here.progress("writing", "r1")
            assert here.reserved == [("room", "m1")]
            for signal in here.published:
                there.board.learn(signal)
            await there.watch.look()
            assert there.reserved == [("room", "m1")]

    async def test_ids_are_drawn_where_none_is_given(self) -> None:
        async with self.instances() as (here, there, _):
            ids = {(await one.start(None)).run_id for one in (here, there, here)}
            await here.watch.look()
            assert {run_id for run_id, _ in here.shown()} == ids
            assert len(ids) == 3

    async def test_what_is_unknown_is_said_so(self) -> None:
        async with self.instances() as (here, _, __):
            await refused("unknown_run", NotFound, here.progress("writing"))
            await refused("unknown_run", NotFound, here.end("failed"))
            await refused("unknown_run", NotFound, here.cancel(MODERATOR))

    async def test_a_run_without_a_message_leaves_an_entry_and_one_only(self) -> None:
        async with self.instances() as (here, there, _):
            await here.send("a question", sender=Sender("user", "ada"))
            await here.send("an answer to something else", metadata={"umbral_run": "r1"})
            await here.start(for_seq=1, message_id="m9", metadata={"execution": 7}, sender=Sender("assistant"))
            await here.send("another run's", metadata={"umbral_run": "r2"})
            ended = await there.end("failed", reason="quota")
            await asyncio.gather(here.end("failed"), there.end("failed"))
            entry = (await here.log())[-1]
            assert isinstance(entry, Run)
            assert (entry.seq, entry.run_id, entry.outcome, entry.reason) == (4, "r1", "failed", "quota")
            assert (entry.for_seq, entry.metadata, entry.sender) == (1, {"execution": 7}, Sender("assistant"))
            assert (ended.seq, ended.reason) == (4, "quota")
            assert len(await here.ends()) == 1
            # It is announced in the process that wrote it, as any entry is.
            assert [change.entries[0].seq for change in there.logged] == [4]
            assert here.logged == []

    @pytest.mark.parametrize("by", ["message_id", "metadata"])
    @pytest.mark.parametrize("outcome", ["completed", "cancelled", "failed"])
    async def test_a_run_with_a_message_leaves_nothing(self, by: str, outcome: str) -> None:
        async with self.instances() as (here, there, _):
            await here.send("a question", sender=Sender("user", "ada"))
            await here.start(message_id="m1" if by == "message_id" else None)
            await here.send(
                "an answer", **({"message_id": "m1"} if by == "message_id" else {"metadata": {"umbral_run": "r1"}})
            )
            assert (await there.end(outcome)).seq is None
            assert await here.ends() == []
            assert here.logged == there.logged == []

    async def test_a_reader_s_message_does_not_pass_for_the_run_s(self) -> None:
        async with self.instances() as (here, _, __):
            visitor = Sender("user", "eve")
            await here.start("r1")
            await here.start("r2", message_id="m2")
            await here.send("not an answer", sender=visitor, metadata={"umbral_run": "r1"})
            await here.send("not an answer", sender=visitor, message_id="m2")
            for run_id in ("r1", "r2"):
                await here.end("failed", run_id)
            assert [run_id for run_id, _, _ in await here.ends()] == ["r1", "r2"]

    async def test_what_is_wrong_in_one_conversation_holds_up_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with self.instances() as (here, there, clock):
            for name in ("a", "room", "z"):
                await here.start(conversation=name)
            await clock.elapse(SILENCE)
            real = there.entries.write

            async def write(conversation: str, run: StoredRun) -> int | None:
                if conversation == "room":
                    raise ValueError("something of a third party")
                return await real(conversation, run)

            monkeypatch.setattr(there.entries, "write", write)
            await there.watch.look()
            assert [len(await there.log(name)) for name in ("a", "room", "z")] == [1, 0, 1]

    async def test_its_message_is_found_behind_many_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from umbral_chat._core.conversations import run_entries

        monkeypatch.setattr(run_entries, "PAGE", 2)
        async with self.instances() as (here, _, __):
            for run_id in ("r1", "r2"):
                await here.start(run_id)
            for number in range(7):
                await here.send("x", metadata={"umbral_run": "r1"} if number == 6 else None)
            await here.end("completed", "r1")
            await here.end("completed", "r2")
            assert await here.ends() == [("r2", "completed", None)]

    async def test_a_silent_run_is_lost_exactly_once_whoever_notices(self) -> None:
        async with self.instances() as (here, there, clock):
            await here.start("r1")
            await here.start("r2", message_id="m2")
            await here.start("r3")
            for instance in (here, there):
                await instance.watch.look()
            await clock.elapse(SILENCE / 2)
            await there.progress("thinking", "r3")
            here.runs.touch("room", "m2")  # a piece of its draft
            here.runs.touch("room", "of no run")
            await here.watch.look()
            await clock.elapse(SILENCE / 2 - 1)
            await asyncio.gather(here.watch.look(), there.watch.look())
            assert await here.ends() == []
            await clock.elapse(1)
            await asyncio.gather(*(one.watch.look() for one in (here, there, here, there)))
            assert await here.ends() == [("r1", "failed", "lost")]
            await refused("run_ended", Conflict, here.end("completed"))
            await clock.elapse(SILENCE / 2 + 1)
            await asyncio.gather(here.watch.look(), there.watch.look())
            assert sorted(await here.ends()) == [(name, "failed", "lost") for name in ("r1", "r2", "r3")]
            await asyncio.gather(here.watch.look(), there.watch.look())
            assert (here.shown(), there.shown(), len(await here.log())) == ([], [], 3)

    async def test_progress_is_a_sign_of_life_of_the_message(self) -> None:
        async with self.instances() as (here, _, __):
            await here.start("r1", message_id="m1")
            await here.start("r2")
            await here.progress("writing", "r1")
            await here.progress("writing", "r2")
            assert here.alive == [("room", "m1")]

    async def test_an_end_that_was_left_behind_is_settled_by_another_instance(self) -> None:
        async with self.instances() as (here, there, clock):
            now = clock.now()
            await here.start("marked")
            await here.start("written")

            def both_end(record: RunRecord) -> RunRecord:
                return record.finish("marked", "failed", "quota", now).finish("written", "failed", "quota", now)

            # `here` dies at once after this, or after the next step.
            written = (await here.shared.change("room", both_end)).find("written")
            assert written is not None
            await here.entries.write("room", written)
            assert len(await here.ends()) == 1
            await there.watch.look()
            assert len(await here.ends()) == 1, "the one who ended it is still given the time to settle it"
            assert there.shown() == []
            await clock.elapse(SETTLE_GRACE)
            await asyncio.gather(there.watch.look(), here.watch.look(), there.watch.look())
            assert sorted(await there.ends()) == [("marked", "failed", "quota"), ("written", "failed", "quota")]
            assert (await there.end("failed", "marked")).reason == "quota"
            assert (await there.shared.records.load("room")).record.runs == ()

    async def test_changes_made_at_once_at_both_instances_are_all_there(self) -> None:
        async with self.instances() as (here, there, _):
            names = [f"r{number}" for number in range(8)]
            await asyncio.gather(*((here, there)[index % 2].start(name) for index, name in enumerate(names)))
            await asyncio.gather(
                *((there, here)[index % 2].progress("tool", name, label=name) for index, name in enumerate(names))
            )
            for instance in (here, there):
                await instance.watch.look()
                assert {run.label for run in instance.runs.of("room")} == set(names)
            await refused("too_many_runs", TooManyRequests, here.start("r8"))
            await here.end("completed", "r0")
            await here.start("r8")

    async def test_who_may_do_what(self) -> None:
        async with self.instances() as (here, there, _):
            await here.send("a question", sender=Sender("user", "ada"))
            await here.send("another's", sender=Sender("user", "eve"))
            await here.start("r1", for_seq=1)
            await here.start("r2")
            for principal in (EVE, N8N):
                error = await refused("not_your_run", Forbidden, there.cancel(principal))
                assert error.extra == {"right": "moderate"}
            await refused("not_your_run", Forbidden, there.cancel(ADA, "r2"))
            answer = await there.cancel(ADA, reason="never mind")
            assert (answer.cancel_requested, answer.cancel_reason) == (True, "never mind")
            assert (await there.cancel(MODERATOR, reason="too late")).cancel_reason == "never mind"
            assert (await there.cancel(MODERATOR, "r2")).cancel_requested
            assert [run.cancel_requested for run in there.runs.of("room")] == [True, True]
            told = await here.progress("writing")
            assert (told.cancel_requested, told.cancel_reason) == (True, "never mind")
            assert (await here.end("cancelled")).reason == "never mind"
            body: Any = here.runs
            for call in ("progress", "end"):
                with pytest.raises(Forbidden):
                    await getattr(body, call)(ADA, "room", "r2", None)
            with pytest.raises(Forbidden):
                await body.start(ADA, "room", None)

    async def test_a_message_of_an_assistant_with_the_visitor_s_id_is_not_the_visitor_s(self) -> None:
        async with self.instances() as (here, _, __):
            await here.send("an announcement", sender=Sender("assistant", "ada"))
            await here.start(for_seq=1)
            await refused("not_your_run", Forbidden, here.cancel(ADA))

    async def test_nothing_is_left_of_the_runs_of_a_deleted_conversation(self) -> None:
        async with self.instances() as (here, there, clock):
            await here.send()
            await here.start("ended")
            await here.end("failed", "ended", "a secret")
            await here.start("r1")
            await there.watch.look()
            await here.storage.history.delete("room")
            await here.runs.forget("room")
            there.board.learn(here.published[-1])
            assert (here.shown(), there.shown()) == ([], [])
            await refused("unknown_run", NotFound, there.end("failed"))
            await refused("unknown_run", NotFound, there.end("failed", "ended"))
            with pytest.raises(ConversationDeleted):
                await here.start("r3")
            for namespace in (run_records.RUNS, run_records.ENDED):
                kept = await there.storage.store.scan(namespace)
                assert all(b"secret" not in one.value and b"room" not in one.value for one in kept.values())
            await here.storage.history.ensure("room")
            await clock.elapse(2 * SILENCE)
            await there.watch.look()
            assert await there.log() == []

    async def test_a_run_that_outlives_its_log_leaves_nothing_in_the_next_one(self) -> None:
        async with self.instances() as (here, there, clock):
            await here.send()
            await here.start("r1")
            await here.start("r2")
            await here.storage.history.delete("room")  # and the instance dies before it forgets the runs
            await here.storage.history.ensure("room")
            assert (await here.end("failed", "r1")).seq is None
            await clock.elapse(2 * SILENCE)
            await there.watch.look()
            assert (await there.log(), there.shown()) == ([], [])

    async def test_a_new_instance_finds_every_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_records, "SCAN_PAGE", 3)
        async with self.instances() as (here, there, clock):
            names = [f"room-{number}" for number in range(10)]
            for name in names:
                await here.start(conversation=name)
            again = Instance(there.storage, clock)
            await again.watch.look()
            assert all(again.shown(name) == [("r1", "started")] for name in names)
            assert len(again.board) == 10

    async def test_expiry_is_by_the_clock(self) -> None:
        async with self.instances() as (here, there, clock):
            await here.start()
            await here.progress("writing", ttl=5)
            await there.watch.look()
            assert here.shown() == there.shown() == [("r1", "writing")]
            clock.wall += timedelta(seconds=5)
            assert here.shown() == there.shown() == [("r1", "started")]


__all__ = ["Pair", "RunsSuite"]
