"""Whose an entry is, for a history that knows."""

from __future__ import annotations

from umbral_chat.providers.history import KnowsAuthors
from umbral_chat.testing.storage import StorageContract, send


class KnowsAuthorsContract(StorageContract):
    """One test for each guarantee of `umbral_chat.providers.history.KnowsAuthors`."""

    async def test_it_says_whether_one_of_them_wrote_an_entry(self) -> None:
        async with self.rig() as rig:
            await send(rig.storage.history, conversation="c", subject="key:n8n")
            history = rig.other.history
            assert isinstance(history, KnowsAuthors)
            assert await history.written_by("c", 1, ["token:ada", "key:n8n"]) is True
            assert await history.written_by("c", 1, ["token:ada", "n8n", "key:n8n2"]) is False
            assert await history.written_by("c", 1, []) is False

    async def test_it_does_not_guess(self) -> None:
        async with self.rig() as rig:
            await send(rig.storage.history, conversation="c", subject="key:n8n")
            history = rig.other.history
            assert isinstance(history, KnowsAuthors)
            assert await history.written_by("c", 2, ["key:n8n"]) is None
            assert await history.written_by("other", 1, ["key:n8n"]) is None


__all__ = ["KnowsAuthorsContract"]
