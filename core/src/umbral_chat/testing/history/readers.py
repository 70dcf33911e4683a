"""How far people have read, for a history that knows."""

from __future__ import annotations

from umbral_chat.providers.history import KnowsReaders
from umbral_chat.testing.storage import StorageContract, send


class KnowsReadersContract(StorageContract):
    """One test for each guarantee of `umbral_chat.providers.history.KnowsReaders`."""

    async def test_it_says_how_far_those_have_read_that_have_a_marker(self) -> None:
        async with self.rig() as rig:
            for number in range(5):
                await send(rig.storage.history, conversation="room", key=str(number))
            await send(rig.storage.history, conversation="other")
            await rig.storage.history.mark_read("room", "token:ada", 3)
            await rig.storage.history.mark_read("room", "user:bob", 9)
            await rig.storage.history.mark_read("room", "token:eve", 1)
            history = rig.other.history
            assert isinstance(history, KnowsReaders)
            asked = ["token:ada", "user:bob", "token:bob", "user:ada", "ada", "key:n8n"]
            assert await history.read_markers("room", asked) == {"token:ada": 3, "user:bob": 5}
            assert await history.read_markers("other", asked) == {}
            assert await history.read_markers("room", []) == {}

    async def test_looking_moves_and_makes_none(self) -> None:
        async with self.rig() as rig:
            await send(rig.storage.history, conversation="room")
            history = rig.other.history
            assert isinstance(history, KnowsReaders)
            for _ in range(2):
                assert await history.read_markers("room", ["token:ada"]) == {}
            assert await rig.storage.history.mark_read("room", "token:ada", 0) == 0
            assert await history.read_markers("room", ["token:ada"]) == {"token:ada": 0}

    async def test_the_marker_that_an_older_version_stored_is_its_authors(self) -> None:
        async with self.rig() as rig:
            for number in range(3):
                await send(rig.storage.history, conversation="room", key=str(number))
            await rig.storage.history.mark_read("room", "ada", 2)
            history = rig.other.history
            assert isinstance(history, KnowsReaders)
            assert await history.read_markers("room", ["token:ada", "user:ada"]) == {"token:ada": 2, "user:ada": 2}

    async def test_there_are_none_where_there_is_no_conversation(self) -> None:
        async with self.rig() as rig:
            await send(rig.storage.history, conversation="room")
            await rig.storage.history.mark_read("room", "token:ada", 1)
            await rig.storage.history.delete("room")
            history = rig.other.history
            assert isinstance(history, KnowsReaders)
            assert await history.read_markers("room", ["token:ada"]) == {}
            assert await history.read_markers("never", ["token:ada"]) == {}


__all__ = ["KnowsReadersContract"]
