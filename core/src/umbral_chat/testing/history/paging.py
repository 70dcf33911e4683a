"""Pages: of entries, of folded messages in both directions, and heads of many logs."""

from __future__ import annotations

from umbral_chat.model.conversations import Head
from umbral_chat.providers.history import History
from umbral_chat.testing.storage import StorageContract, edit, message_id_of, read_all, redact, send, update


class PagingContract(StorageContract):
    """A page is contiguous, in order, and carries whether there is more."""

    async def test_entries_are_read_after_any_seq_in_pages_of_any_size(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for number in range(13):
                await send(history, f"m{number}")
            entries = await read_all(history)
            for size in (1, 2, 5, 13, 100):
                assert await read_all(rig.other.history, page=size) == entries
            for after in (0, 4, 12, 13, 14, 2**53):
                page = await rig.other.history.read("room", after, 3)
                assert page.entries == entries[after : after + 3]
                assert page.head is not None
                assert page.head.seq == 13

    async def test_messages_are_paged_backwards_from_the_newest(self) -> None:
        async with self.rig() as rig:
            seqs = await self._talk(rig.storage.history)
            pages: list[list[int]] = []
            before: int | None = None
            while True:
                page = await rig.other.history.messages("room", before=before, limit=3)
                pages.insert(0, [message.seq for message in page.messages])
                if not page.has_more:
                    break
                before = page.messages[0].seq
            assert [seq for page in pages for seq in page] == seqs
            assert [len(page) for page in pages] == [1, 3, 3]

    async def test_messages_are_paged_forwards(self) -> None:
        async with self.rig() as rig:
            seqs = await self._talk(rig.storage.history)
            found: list[int] = []
            after, more = 0, True
            while more:
                page = await rig.other.history.messages("room", after=after, limit=3)
                found += [message.seq for message in page.messages]
                after, more = found[-1], page.has_more
            assert found == seqs

    async def test_a_full_page_that_is_the_last_says_that_there_is_no_more(self) -> None:
        async with self.rig() as rig:
            seqs = await self._talk(rig.storage.history)
            for page in (
                await rig.other.history.messages("room", limit=7),
                await rig.other.history.messages("room", after=0, limit=7),
                await rig.other.history.messages("room", before=2**53, limit=7),
            ):
                assert [message.seq for message in page.messages] == seqs
                assert not page.has_more
            empty = await rig.other.history.messages("room", after=seqs[-1], limit=7)
            assert (empty.messages, empty.has_more) == ([], False)
            empty = await rig.other.history.messages("room", before=seqs[0], limit=7)
            assert (empty.messages, empty.has_more) == ([], False)
            assert empty.head is not None

    async def test_bounds_that_name_no_message_are_places_all_the_same(self) -> None:
        async with self.rig() as rig:
            seqs = await self._talk(rig.storage.history)
            for bound in range(seqs[-1] + 2):
                after = await rig.other.history.messages("room", after=bound, limit=100)
                assert [message.seq for message in after.messages] == [seq for seq in seqs if seq > bound]
                before = await rig.other.history.messages("room", before=bound, limit=100)
                assert [message.seq for message in before.messages] == [seq for seq in seqs if seq < bound]

    async def test_heads_of_many_logs_come_at_once(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            epochs = {}
            for number in range(30):
                for _ in range(number % 3 + 1):
                    epochs[f"c{number}"] = (await send(history, conversation=f"c{number}")).epoch
            asked = [f"c{number}" for number in range(3000)]
            heads = await rig.other.history.heads(asked)
            assert heads == {f"c{number}": Head(epochs[f"c{number}"], number % 3 + 1) for number in range(30)}
            assert await rig.other.history.heads([]) == {}
            assert list(await rig.other.history.heads(["c1", "c1"])) == ["c1"]

    async def _talk(self, history: History) -> list[int]:
        """Seven messages among other entries; their seqs."""
        sent = [await send(history, "0")]
        sent.append(await send(history, "1"))
        await edit(history, message_id_of(sent[0]), "edited")
        sent.append(await send(history, "2"))
        await update(history, title="T")
        await redact(history, message_id_of(sent[1]))
        sent += [await send(history, f"{number}") for number in range(3, 7)]
        await edit(history, message_id_of(sent[0]), "edited again")
        return [appended.entry.seq for appended in sent]


__all__ = ["PagingContract"]
