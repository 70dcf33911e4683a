"""The inbox, unread counts and read markers."""

from __future__ import annotations

import asyncio

from umbral_chat.errors import InvalidRequest
from umbral_chat.model.entries import Sender
from umbral_chat.providers.history import History
from umbral_chat.testing.storage import StorageContract, edit, expect_error, message_id_of, send, update


class InboxContract(StorageContract):
    """Conversations by last activity, page by page, with what each subject has not read."""

    async def test_the_newest_activity_comes_first(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for name in ("a", "b", "c"):
                await send(history, name, name)
                await rig.elapse(0.01)
            await send(history, "again", "a")
            page = await rig.other.history.conversations(limit=10)
            assert [found.id for found in page.conversations] == ["a", "c", "b"]
            assert page.before is None
            assert all(found.last_message is not None for found in page.conversations)
            times = [found.last_activity for found in page.conversations]
            assert times == sorted(times, reverse=True)

    async def test_pages_hold_each_conversation_once_even_among_equal_times(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            names = [f"c{number:02}" for number in range(17)]
            # Written at once: a store that commits in groups gives many of them the same time.
            await asyncio.gather(*(send(history, name, name) for name in names))
            expected = (await history.conversations(limit=100)).conversations
            order = [(found.last_activity, found.id) for found in expected]
            assert order == sorted(order, reverse=True)
            assert sorted(found.id for found in expected) == names
            for size in (1, 3, 16, 17):
                assert await _pages(rig.other.history, size) == [found.id for found in expected]

    async def test_activity_between_pages_moves_a_conversation_to_the_front(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for name in "abcdef":
                await send(history, name, name)
                await rig.elapse(0.01)
            first = await history.conversations(limit=2)
            await send(history, "again", "a")
            second = await history.conversations(limit=10, before=first.before)
            assert [found.id for found in (*first.conversations, *second.conversations)] == list("fedcb")

    async def test_a_status_is_picked(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for number in range(6):
                await update(history, f"c{number}", status=("open", "closed")[number % 2])
            for status, names in (("open", {"c0", "c2", "c4"}), ("closed", {"c1", "c3", "c5"})):
                page = await history.conversations(limit=2, status=status)  # type: ignore[arg-type]
                rest = await history.conversations(limit=2, status=status, before=page.before)  # type: ignore[arg-type]
                assert {found.id for found in (*page.conversations, *rest.conversations)} == names
                assert rest.before is None

    async def test_a_place_that_is_none_is_refused_by_name(self) -> None:
        async with self.rig() as rig:
            await send(rig.storage.history)
            for before in ("x", "", "1", "%%%", "bnVsbA", "é", "W10"):
                await expect_error(
                    rig.storage.history.conversations(limit=5, before=before), InvalidRequest, "invalid_cursor"
                )

    async def test_unread_counts_what_others_said_past_the_marker(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            first = await send(history, subject="visitor")
            await send(history, subject="desk", sender=Sender(role="agent"))
            await edit(history, message_id_of(first), "edited", subject="visitor")
            await send(history, subject="visitor")
            for subject, unread in (("visitor", 1), ("desk", 2), ("stranger", 3), (None, 0)):
                found = await rig.other.history.conversation("room", subject=subject)
                assert found is not None
                assert found.unread == unread
            assert await history.mark_read("room", "desk", 1) == 1
            found = await rig.other.history.conversation("room", subject="desk")
            assert found is not None
            assert found.unread == 1
            page = await rig.other.history.conversations(limit=5, subject="desk")
            assert page.conversations == [found]
            assert (await rig.other.history.conversations(limit=5)).conversations[0].unread == 0

    async def test_read_markers_only_rise_and_end_at_the_head(self) -> None:
        async with self.rig() as rig:
            history = rig.storage.history
            for _ in range(5):
                await send(history, subject="visitor")
            assert await history.mark_read("room", "desk", 3) == 3
            assert await rig.other.history.mark_read("room", "desk", 2) == 3
            assert await history.mark_read("room", "desk", 99) == 5
            assert await history.mark_read("room", "other", 1) == 1
            assert await history.mark_read("room", "third", -7) == 0
            found = await history.conversation("room", subject="desk")
            assert found is not None
            assert (found.unread, found.head) == (0, 5)
            await send(history, subject="visitor")
            found = await history.conversation("room", subject="desk")
            assert found is not None
            assert found.unread == 1, "a marker past the head would hide later messages"

    async def test_markers_race_to_the_highest(self) -> None:
        async with self.rig() as rig:
            for _ in range(9):
                await send(rig.storage.history)
            sides = (rig.storage.history, rig.other.history)
            markers = await asyncio.gather(*(sides[seq % 2].mark_read("room", "desk", seq) for seq in (3, 9, 1, 7, 5)))
            assert max(markers) == 9
            assert await sides[0].mark_read("room", "desk", 0) == 9


async def _pages(history: History, size: int) -> list[str]:
    names: list[str] = []
    before: str | None = None
    while True:
        page = await history.conversations(limit=size, before=before)
        names += [found.id for found in page.conversations]
        if page.before is None:
            return names
        assert len(page.conversations) == size
        before = page.before


__all__ = ["InboxContract"]
