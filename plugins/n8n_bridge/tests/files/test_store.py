"""Files in the embedded shared store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from umbral_chat.errors import HistoryUnavailable, Unavailable
from umbral_chat.testing.embedded import EmbeddedRig
from umbral_chat.testing.storage import StorageRig
from umbral_chat_n8n_bridge.files.quota import FileQuota
from umbral_chat_n8n_bridge.files.store import AT_ONCE, CHUNK, NAMESPACE, FileStore, chunk_count, chunks_of, in_parallel
from umbral_chat_n8n_bridge.files.uploaded import UploadedFile

from . import samples

ROOM = "support:ada"
FILES = [
    UploadedFile("a.txt", "text/plain", b"hi"),
    UploadedFile("empty", "text/plain", b""),
    UploadedFile("b.bin", "application/octet-stream", bytes(range(256)) * 600),
]


class Kept:
    """A store of files on the embedded one."""

    def __init__(self, rig: StorageRig, most: int = 1_000_000) -> None:
        self.shared, self.elapse = rig.storage.store, rig.elapse
        self.quota = FileQuota(most, lambda: 0.0)
        self.files = FileStore(self.shared, self.quota)

    async def keys(self) -> list[str]:
        return list(await self.shared.scan(NAMESPACE))


@asynccontextmanager
async def kept(**more: Any) -> AsyncIterator[Kept]:
    async with EmbeddedRig().rig() as rig:
        yield Kept(rig, **more)


async def load(files: FileStore, upload_id: str, conversation: str) -> list[UploadedFile] | None:
    """As a turn does."""
    upload = await files.find(upload_id, conversation)
    return None if upload is None else await files.read(upload_id, conversation, upload)


async def test_files_are_given_back_to_another_instance_and_removed() -> None:
    async with kept() as it:
        upload_id = it.files.draw_id()
        await it.files.put(upload_id, ROOM, FILES, 60.0)
        keys = await it.keys()
        assert len(keys) == 1 + chunk_count(sum(len(one.data) for one in FILES)) == 4
        stored = repr(await it.shared.scan(NAMESPACE))
        for told in (ROOM, upload_id, "a.txt", "text/plain"):
            assert told not in stored
        other = FileStore(it.shared, FileQuota(10, lambda: 0.0))
        assert await load(other, upload_id, ROOM) == FILES
        found = await other.find(upload_id, ROOM)
        assert found is not None
        assert (len(found.files), found.size) == (3, it.quota.taken)
        await other.remove(upload_id, ROOM)
        await other.remove(upload_id, ROOM)
        assert await it.keys() == []
        assert await load(it.files, upload_id, ROOM) is None


async def test_they_are_those_of_their_conversation_alone() -> None:
    async with kept() as it:
        upload_id = it.files.draw_id()
        await it.files.put(upload_id, ROOM, FILES, 60.0)
        assert await load(it.files, upload_id, "support:eve") is None
        await it.files.remove(upload_id, "support:eve")
        assert await load(it.files, upload_id, ROOM) == FILES
        for unknown in ("", "x" * 300, f"{upload_id}.0", "\ud800" * 20):
            assert await load(it.files, unknown, ROOM) is None


async def test_a_chunk_that_is_gone_takes_all_with_it() -> None:
    async with kept() as it:
        upload_id = it.files.draw_id()
        await it.files.put(upload_id, ROOM, FILES, 60.0)
        await it.shared.delete(NAMESPACE, next(key for key in await it.keys() if key.endswith(".2")))
        assert await load(it.files, upload_id, ROOM) is None


async def test_they_expire() -> None:
    async with kept() as it:
        upload_id = it.files.draw_id()
        await it.files.put(upload_id, ROOM, FILES, 0.05)
        await it.elapse(0.1)
        assert await load(it.files, upload_id, ROOM) is None
        assert await it.keys() == []


async def test_of_what_could_not_be_written_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async with kept() as it:
        put, count = it.shared.put, 0

        async def fails(*args: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count == 3:
                raise HistoryUnavailable("The disk is full.")
            return await put(*args, **more)

        monkeypatch.setattr(it.shared, "put", fails)
        with pytest.raises(HistoryUnavailable):
            await it.files.put(it.files.draw_id(), ROOM, FILES, 60.0)
        assert await it.keys() == []
        assert it.quota.taken == 0


async def test_room_is_made_of_what_another_instance_has_passed_on() -> None:
    async with kept(most=200_000) as it:
        upload_id = it.files.draw_id()
        await it.files.put(upload_id, ROOM, FILES, 60.0)
        with pytest.raises(Unavailable):
            await it.files.reserve(100_000)
        await FileStore(it.shared, FileQuota(0, lambda: 0.0)).remove(upload_id, ROOM)
        (await it.files.reserve(100_000)).close()
        assert it.quota.taken == 0


@given(samples.FILES)
def test_chunks_are_all_data_in_order_and_full_but_the_last(files: list[UploadedFile]) -> None:
    large = [*files, UploadedFile("x", "text/plain", b"x" * (CHUNK + 7)), *files]
    chunks = list(chunks_of(large))
    data = b"".join(one.data for one in large)
    assert b"".join(chunks) == data
    assert len(chunks) == chunk_count(len(data))
    assert all(len(one) == CHUNK for one in chunks[:-1])


async def test_so_many_at_once_and_none_after_a_failure() -> None:
    running = most = begun = 0

    async def job() -> None:
        nonlocal running, most, begun
        begun += 1
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        if begun >= 20:
            raise HistoryUnavailable("gone")

    with pytest.raises(HistoryUnavailable):
        await in_parallel(job for _ in range(100))
    assert most == AT_ONCE
    assert begun < 20 + AT_ONCE + 1
