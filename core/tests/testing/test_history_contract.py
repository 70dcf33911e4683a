"""The history contract catches each broken history."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from umbral_chat.errors import Conflict, ConversationDeleted
from umbral_chat.model.conversations import Deleted, Head, InboxPage, LogPage, MessagePage
from umbral_chat.model.entries import Edit, FoldedMessage, Message
from umbral_chat.model.writes import Appended, Write, WriteEdit, WriteMessage, WriteRedaction
from umbral_chat.providers.history import History
from umbral_chat.testing import HistoryContract, StorageRig
from umbral_chat.testing.embedded import EmbeddedRig

change = msgspec.structs.replace


class Broken:
    """A working history, until a subclass breaks something. Where it matters, all instances share `memory`."""

    def __init__(self, history: History, memory: dict[Any, Any]) -> None:
        self.inner, self.memory = history, memory

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class LosesAnEntry(Broken):
    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        page = await self.inner.read(conversation, after, limit)
        return LogPage(page.head, [entry for entry in page.entries if entry.seq != 4])


class RepeatsAnEntry(Broken):
    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        return await self.inner.read(conversation, after - 1 if after > 3 else after, limit)


class ReadsFromAStaleCopy(Broken):
    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        page: LogPage = self.memory.setdefault((conversation, after), await self.inner.read(conversation, after, limit))
        return page


class ShowsWhatIsNotCommitted(Broken):
    async def append(self, write: Write) -> Appended:
        self.memory["writing"] = write
        try:
            return await self.inner.append(write)
        finally:
            self.memory.pop("writing", None)

    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        page = await self.inner.read(conversation, after, limit)
        if (write := self.memory.get("writing")) is None or page.head is None or len(page.entries) == limit:
            return page
        seq = page.head.seq + 1
        now = page.entries[-1].at if page.entries else None
        if now is None or not isinstance(write, WriteMessage):
            return page
        early = Message(seq=seq, at=now, sender=write.sender, message_id="early", content=write.content)
        return LogPage(change(page.head, seq=seq), [*page.entries, early])


class ReadsTheHeadLater(Broken):
    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        page = await self.inner.read(conversation, after, limit)
        await asyncio.sleep(0.02)
        head = (await self.inner.heads([conversation])).get(conversation)
        return LogPage(head if isinstance(head, Head) else None, page.entries)


class TellsAnotherTime(Broken):
    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        page = await self.inner.read(conversation, after, limit)
        return LogPage(page.head, [change(entry, at=entry.at.replace(year=2100 - entry.seq)) for entry in page.entries])


class NormalizesContent(Broken):
    async def append(self, write: Write) -> Appended:
        if isinstance(write, WriteMessage):
            write = change(write, content=unicodedata.normalize("NFC", write.content).strip() or "-")
        return await self.inner.append(write)


class ForgetsKeys(Broken):
    async def append(self, write: Write) -> Appended:
        return await self.inner.append(change(write, key=None))


class AnswersAnyBody(Broken):
    async def append(self, write: Write) -> Appended:
        try:
            appended: Appended = await self.inner.append(write)
        except Conflict as error:
            if error.code != "idempotency_conflict":
                raise
            appended = self.memory[write.conversation, write.key]
        self.memory[write.conversation, write.key] = appended
        return appended


class SharesKeysAmongSubjects(Broken):
    async def append(self, write: Write) -> Appended:
        return await self.inner.append(change(write, subject="everybody"))


class AnswersWhatWasRedacted(Broken):
    async def append(self, write: Write) -> Appended:
        appended = await self.inner.append(write)
        if write.key is None:
            return appended
        first: Appended = self.memory.setdefault((write.conversation, write.subject, write.key), appended)
        return change(first, created=appended.created)


class ShowsWhatWasRedacted(Broken):
    async def append(self, write: Write) -> Appended:
        if isinstance(write, WriteMessage | WriteEdit) and write.message_id:
            self.memory[write.message_id] = write.content
        return await self.inner.append(write)

    async def message(self, conversation: str, message_id: str) -> FoldedMessage | None:
        found = await self.inner.message(conversation, message_id)
        if found is None or not found.redacted:
            return found
        return change(found, content=self.memory.get(message_id, ""))


class BlanksNoEdits(Broken):
    async def append(self, write: Write) -> Appended:
        appended = await self.inner.append(write)
        if isinstance(appended.entry, Edit):
            self.memory[write.conversation, appended.entry.seq] = appended.entry
        return appended

    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        page = await self.inner.read(conversation, after, limit)
        return LogPage(page.head, [self.memory.get((conversation, entry.seq), entry) for entry in page.entries])


class RedactsTwice(Broken):
    async def append(self, write: Write) -> Appended:
        appended = await self.inner.append(write)
        return change(appended, created=True) if isinstance(write, WriteRedaction) else appended


class LetsAnybodyEdit(Broken):
    async def append(self, write: Write) -> Appended:
        return await self.inner.append(change(write, own_only=False) if isinstance(write, WriteEdit) else write)


class DropsMetadataOnEdit(Broken):
    async def append(self, write: Write) -> Appended:
        if isinstance(write, WriteEdit) and write.metadata is None:
            write = change(write, metadata={})
        return await self.inner.append(write)


class ForgetsFinish(Broken):
    async def append(self, write: Write) -> Appended:
        return await self.inner.append(change(write, finish=None) if isinstance(write, WriteMessage) else write)


class CompletesForAnybody(Broken):
    """Whoever sends a message with the id of an interrupted one writes it on."""

    async def append(self, write: Write) -> Appended:
        if isinstance(write, WriteMessage) and write.message_id is not None and write.finish is None:
            found = await self.inner.message(write.conversation, write.message_id)
            if found is not None and found.finish == "interrupted":
                fields = {
                    name: getattr(write, name) for name in ("conversation", "subject", "sender", "key", "content")
                }
                return await self.inner.append(WriteEdit(**fields, message_id=write.message_id))
        return await self.inner.append(write)


class CompletesNothing(Broken):
    async def append(self, write: Write) -> Appended:
        chosen = write.message_id if isinstance(write, WriteMessage) else None
        if chosen is not None and await self.inner.message(write.conversation, chosen) is not None:
            raise Conflict("taken", code="message_id_taken")
        return await self.inner.append(write)


class ReopensSilently(Broken):
    async def append(self, write: Write) -> Appended:
        return change(await self.inner.append(write), follow_ups=())


class IgnoresTheEpoch(Broken):
    async def append(self, write: Write) -> Appended:
        return await self.inner.append(change(write, epoch=None))


class StoresTwiceWhenCancelled(Broken):
    async def append(self, write: Write) -> Appended:
        try:
            return await self.inner.append(write)
        except asyncio.CancelledError:
            await self.inner.append(write)
            await self.inner.append(write)
            raise


class MakesWhatIsRead(Broken):
    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        await self.inner.ensure(conversation)
        return await self.inner.read(conversation, after, limit)


class ForgetsDeletions(Broken):
    async def append(self, write: Write) -> Appended:
        try:
            return await self.inner.append(write)
        except ConversationDeleted:
            await self.inner.ensure(write.conversation)
            return await self.inner.append(write)


class KeepsTheEpoch(Broken):
    async def append(self, write: Write) -> Appended:
        return change(await self.inner.append(change(write, epoch=None)), epoch="a" * 10)

    async def ensure(self, conversation: str) -> tuple[Any, bool]:
        found, made = await self.inner.ensure(conversation)
        return change(found, epoch="a" * 10), made


class ForgetsTombstonesInHeads(Broken):
    async def heads(self, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
        heads = await self.inner.heads(conversations)
        return {name: head for name, head in heads.items() if isinstance(head, Head)}


class NeverHasMore(Broken):
    async def messages(self, *arguments: Any, **options: Any) -> MessagePage:
        return change(await self.inner.messages(*arguments, **options), has_more=False)


class AlwaysHasMore(Broken):
    async def messages(self, *arguments: Any, **options: Any) -> MessagePage:
        page = await self.inner.messages(*arguments, **options)
        return change(page, has_more=len(page.messages) == options["limit"])


class PagesTheWrongEnd(Broken):
    async def messages(
        self, conversation: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> MessagePage:
        page = await self.inner.messages(conversation, after=after, before=before, limit=1000)
        return MessagePage(page.head, page.messages[:limit], len(page.messages) > limit)


class LosesTies(Broken):
    async def conversations(self, **options: Any) -> InboxPage:
        page = await self.inner.conversations(**options)
        last = self.memory.get(options.get("before"))
        if page.conversations and page.before is not None:
            self.memory[page.before] = page.conversations[-1].last_activity
        return InboxPage([found for found in page.conversations if found.last_activity != last], page.before)


class CountsOnesOwn(Broken):
    async def conversation(self, conversation: str, *, subject: str | None = None) -> Any:
        found = await self.inner.conversation(conversation, subject=subject)
        return found and change(found, unread=found.head if subject else 0)


class LowersMarkers(Broken):
    async def mark_read(self, conversation: str, subject: str, seq: int) -> int:
        await self.inner.mark_read(conversation, subject, seq)
        return seq


class FoldsCase(Broken):
    """Both instances take upper and lower case of a conversation's id as the same."""

    async def append(self, write: Write) -> Appended:
        return await self.inner.append(change(write, conversation=write.conversation.lower()))


class CutsAtTheSemicolon(Broken):
    async def append(self, write: Write) -> Appended:
        return await self.inner.append(change(write, conversation=write.conversation.partition(";")[0]))


BROKEN = [
    (LosesAnEntry, "test_concurrent_appends_are_numbered_without_gap_or_repeat"),
    (LosesAnEntry, "test_entries_are_read_after_any_seq_in_pages_of_any_size"),
    (RepeatsAnEntry, "test_entries_are_read_after_any_seq_in_pages_of_any_size"),
    (ReadsFromAStaleCopy, "test_what_was_answered_is_in_every_later_read_of_every_instance"),
    (ShowsWhatIsNotCommitted, "test_what_a_read_shows_is_never_taken_back"),
    (ReadsTheHeadLater, "test_nothing_that_was_said_is_shown_while_it_is_being_redacted_and_after"),
    (TellsAnotherTime, "test_time_never_goes_back_inside_a_log"),
    (NormalizesContent, "test_odd_content_comes_back_byte_for_byte"),
    (ForgetsKeys, "test_a_repeat_is_answered_with_the_first_entry"),
    (ForgetsKeys, "test_the_same_key_at_the_same_time_is_written_once"),
    (AnswersAnyBody, "test_the_same_key_with_another_body_is_a_conflict"),
    (SharesKeysAmongSubjects, "test_a_key_belongs_to_its_subject_and_conversation"),
    (AnswersWhatWasRedacted, "test_a_repeat_of_what_was_redacted_since_is_answered_blank"),
    (ShowsWhatWasRedacted, "test_every_way_of_reading_shows_the_blank"),
    (BlanksNoEdits, "test_a_message_and_its_edits_are_blanked_at_their_seqs"),
    (RedactsTwice, "test_redacting_again_is_answered_with_the_first_redaction"),
    (LetsAnybodyEdit, "test_own_only_is_held_against_the_message_s_author"),
    (DropsMetadataOnEdit, "test_an_edit_is_an_entry_with_the_whole_new_content"),
    (ForgetsFinish, "test_a_message_says_how_its_writing_ended"),
    (CompletesForAnybody, "test_no_other_message_takes_the_id_of_an_interrupted_one"),
    (CompletesNothing, "test_its_author_completes_an_interrupted_message_with_an_edit"),
    (CompletesNothing, "test_completing_it_again_with_the_same_key_is_answered_with_the_first_edit"),
    (ReopensSilently, "test_a_closed_conversation_reopens_when_a_user_writes"),
    (IgnoresTheEpoch, "test_a_write_bound_to_an_epoch_is_refused_by_any_other_log"),
    (StoresTwiceWhenCancelled, "test_a_cancelled_append_is_there_whole_or_not_at_all"),
    (MakesWhatIsRead, "test_a_conversation_that_was_never_made_reads_as_empty"),
    (ForgetsDeletions, "test_what_names_a_deleted_conversation_is_told_so"),
    (KeepsTheEpoch, "test_an_explicit_creation_revives_it_as_a_new_log"),
    (ForgetsTombstonesInHeads, "test_what_names_a_deleted_conversation_is_told_so"),
    (NeverHasMore, "test_messages_are_paged_backwards_from_the_newest"),
    (AlwaysHasMore, "test_a_full_page_that_is_the_last_says_that_there_is_no_more"),
    (PagesTheWrongEnd, "test_messages_are_paged_backwards_from_the_newest"),
    (LosesTies, "test_pages_hold_each_conversation_once_even_among_equal_times"),
    (CountsOnesOwn, "test_unread_counts_what_others_said_past_the_marker"),
    (FoldsCase, "test_ids_that_differ_in_case_or_in_a_sign_are_different_conversations"),
    (CutsAtTheSemicolon, "test_conversations_and_messages_have_the_ids_of_their_platforms"),
    (LowersMarkers, "test_read_markers_only_rise_and_end_at_the_head"),
]


async def often(suite: object, guarantee: str) -> None:
    """Some faults show only where a read meets a write, which on a busy machine it may miss."""
    for _ in range(10):
        await getattr(suite, guarantee)()


@pytest.mark.parametrize(("broken", "caught"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
async def test_a_broken_history_is_caught(broken: type[Broken], caught: str) -> None:
    class Suite(EmbeddedRig, HistoryContract):
        @asynccontextmanager
        async def rig(self) -> AsyncIterator[StorageRig]:
            memory: dict[Any, Any] = {}
            async with super().rig() as rig:
                here, there = (
                    replace(storage, history=broken(storage.history, memory)) for storage in (rig.storage, rig.other)
                )
                yield StorageRig(here, there, rig.elapse)

    with pytest.raises((Exception, pytest.fail.Exception)):
        await often(Suite(), caught)
