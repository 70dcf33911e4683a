"""Order, visibility, failure and cancellation of appends, and content that is read back unchanged."""

from __future__ import annotations

import asyncio

import msgspec

from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.entries import Message
from umbral_chat.model.writes import Appended
from umbral_chat.testing.storage import StorageContract, expect_error, message_id_of, read_all, send

ODD = (
    "Ünïcödé ČŠŽ ñ",
    "Ελληνικά · Русский · עברית · العربية · हिन्दी · 中文 · 日本語 · 한국어 · ไทย · አማርኛ",
    "👩🏽‍🚀🏳️‍🌈🇪🇺 e\u0301 \u200f\u202e",
    "\"quotes\" 'apostrophes' \\backslashes\\ %s {} ${} <b>&amp;</b> ; DROP TABLE entry; --",
    "lines\nand\r\nreturns\tand tabs\u2028and\u2029separators\x85\x0b\x0c",
    "\x01\x1f\x7f control",
    '{"kind":"message","seq":1}',
    "null",
    " leading and trailing \n",
    "\ufeff\ufffd\U0010ffff",
    "😀" * 32_000,
    "x",
)
"""Content that has broken stores before."""


class OrderingContract(StorageContract):
    """Every conversation is one gapless sequence, and what was acknowledged is in it."""

    async def test_concurrent_appends_are_numbered_without_gap_or_repeat(self) -> None:
        async with self.rig() as rig:
            sent = await asyncio.gather(*(send(rig.storage.history, f"m{number}") for number in range(50)))
            assert sorted(appended.entry.seq for appended in sent) == list(range(1, 51))
            entries = await read_all(rig.storage.history)
            assert entries == sorted((appended.entry for appended in sent), key=lambda entry: entry.seq)
            assert len({appended.epoch for appended in sent}) == 1

    async def test_two_instances_number_one_conversation_together(self) -> None:
        async with self.rig() as rig:
            sides = (rig.storage.history, rig.other.history)
            sent = await asyncio.gather(*(send(sides[number % 2], f"m{number}") for number in range(40)))
            assert sorted(appended.entry.seq for appended in sent) == list(range(1, 41))
            assert await read_all(sides[0]) == await read_all(sides[1])

    async def test_one_senders_appends_keep_their_order(self) -> None:
        async with self.rig() as rig:

            async def talk(name: str) -> list[int]:
                return [(await send(rig.storage.history, f"{name}{number}")).entry.seq for number in range(10)]

            for seqs in await asyncio.gather(*(talk(name) for name in "abc")):
                assert seqs == sorted(seqs)

    async def test_conversations_are_numbered_each_for_itself(self) -> None:
        async with self.rig() as rig:
            for expected in (1, 2):
                for conversation in ("one", "two", "One"):
                    sent = await send(rig.storage.history, conversation=conversation)
                    assert sent.entry.seq == expected

    async def test_what_was_answered_is_in_every_later_read_of_every_instance(self) -> None:
        async with self.rig() as rig:
            for number in range(1, 21):
                for history in (rig.storage.history, rig.other.history):
                    assert (await history.read("room", number - 1, 10)).entries == []
                sent = await send(rig.storage.history)
                for history in (rig.storage.history, rig.other.history):
                    page = await history.read("room", number - 1, 10)
                    assert page.entries == [sent.entry]
                    assert page.head is not None
                    assert (page.head.epoch, page.head.seq) == (sent.epoch, number)

    async def test_a_read_beside_appends_never_shows_a_seq_and_hides_a_lower_one(self) -> None:
        async with self.rig() as rig:
            async with asyncio.TaskGroup() as group:
                writing = [group.create_task(send(rig.storage.history, f"m{number}")) for number in range(60)]
                while not all(task.done() for task in writing):
                    # `read_all` checks each page against its head and the seq that it was asked from.
                    await read_all(rig.other.history, page=7)
            assert len(await read_all(rig.other.history)) == 60

    async def test_what_a_read_shows_is_never_taken_back(self) -> None:
        async with self.rig() as rig:

            async def talk() -> list[Appended]:
                return [await send(rig.storage.history, f"m{number}") for number in range(40)]

            async with asyncio.TaskGroup() as group:
                writing = group.create_task(talk())
                seen = await read_all(rig.other.history)
                while not writing.done():
                    now = await read_all(rig.other.history)
                    assert now[: len(seen)] == seen
                    seen = now
            sent = writing.result()
            assert {entry.seq: entry for entry in seen}.items() <= {
                appended.entry.seq: appended.entry for appended in sent
            }.items()

    async def test_time_never_goes_back_inside_a_log(self) -> None:
        async with self.rig() as rig:
            for number in range(20):
                await send((rig.storage, rig.other)[number % 2].history)
            times = [entry.at for entry in await read_all(rig.storage.history)]
            assert times == sorted(times)
            assert all(at.utcoffset() is not None for at in times)

    async def test_a_message_comes_back_as_it_was_given(self) -> None:
        async with self.rig() as rig:
            metadata = {"deep": [1, -0.5, None, True, {"ключ": "значение"}], "empty": {}, "big": 2**53}
            sent = await send(
                rig.storage.history,
                "text",
                message_id="chosen",
                reply_to="other",
                metadata=metadata,
                key="key",
            )
            entry = sent.entry
            assert isinstance(entry, Message)
            assert (entry.content, entry.message_id, entry.reply_to) == ("text", "chosen", "other")
            assert (entry.metadata, entry.client_id, entry.redacted) == (metadata, "key", False)
            assert sent.created
            assert await read_all(rig.other.history) == [entry]
            found = await rig.other.history.message("room", "chosen")
            assert found is not None
            assert (found.seq, found.version, found.content, found.metadata) == (1, 1, "text", metadata)

    async def test_numbers_come_back_as_they_were_given(self) -> None:
        async with self.rig() as rig:
            numbers = [2**53, -(2**53), 0, -0.0, 1.0, 0.1, 1e16, 1e300, 5e-324]
            await send(rig.storage.history, metadata={"numbers": numbers})
            [entry] = await read_all(rig.other.history)
            assert isinstance(entry, Message)
            assert entry.metadata == {"numbers": numbers}

    async def test_odd_content_comes_back_byte_for_byte(self) -> None:
        async with self.rig() as rig:
            sent = [await send(rig.storage.history, content, metadata={content[:50]: content[:50]}) for content in ODD]
            entries = await read_all(rig.other.history, page=5)
            for content, appended, entry in zip(ODD, sent, entries, strict=True):
                assert isinstance(entry, Message)
                assert entry.content == content
                assert entry.metadata == {content[:50]: content[:50]}
                assert msgspec.json.encode(entry) == msgspec.json.encode(appended.entry)

    async def test_a_drawn_message_id_is_its_own(self) -> None:
        async with self.rig() as rig:
            ids = {message_id_of(await send(rig.storage.history)) for _ in range(20)}
            assert len(ids) == 20
            assert all(ids)

    async def test_a_conversation_that_was_never_made_reads_as_empty(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            page = await history.read("nowhere", 0, 10)
            assert (page.head, page.entries) == (None, [])
            messages = await history.messages("nowhere", limit=10)
            assert (messages.head, messages.messages, messages.has_more) == (None, [], False)
            assert await history.message("nowhere", "m") is None
            assert await history.heads(["nowhere"]) == {}
            assert await history.conversation("nowhere") is None
            assert await history.mark_read("nowhere", "u1", 5) == 0
            assert not await history.delete("nowhere")
            # These calls did not create it.
            assert await history.conversation("nowhere") is None
            assert (await history.conversations(limit=10)).conversations == []

    async def test_a_write_bound_to_an_epoch_is_refused_by_any_other_log(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            await expect_error(send(history, epoch="aaaaaaaaaa"), ConversationDeleted)
            assert await history.conversation("room") is None, "a refused write made the conversation"
            sent = await send(history)
            await send(history, epoch=sent.epoch)
            await expect_error(send(history, epoch="aaaaaaaaaa"), ConversationDeleted)
            assert len(await read_all(history)) == 2

    async def test_a_cancelled_append_is_there_whole_or_not_at_all(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            answered: list[Appended] = []
            for patience in range(20):
                tasks = [asyncio.ensure_future(send(history, f"c{patience}-{number}")) for number in range(8)]
                for _ in range(patience):
                    await asyncio.sleep(0)
                for task in tasks[::2]:
                    task.cancel()
                for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(outcome, Appended):
                        answered.append(outcome)
                    else:
                        assert isinstance(outcome, asyncio.CancelledError), repr(outcome)
            assert len(answered) >= 80, "what was not cancelled must be answered"
            await send(history, "after")
            entries = await read_all(history)
            by_seq = {entry.seq: entry for entry in entries}
            assert all(by_seq[appended.entry.seq] == appended.entry for appended in answered)
            contents = [entry.content for entry in entries if isinstance(entry, Message)]
            assert len(set(contents)) == len(contents), "a cancelled append is there twice"


__all__ = ["ODD", "OrderingContract"]
