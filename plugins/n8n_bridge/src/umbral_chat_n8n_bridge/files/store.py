"""Where files wait for their run: in the shared store, so that another instance finds them, in chunks as large as its
records may be.

Neither keys nor values tell a conversation or a file: see `sealing`. An upload is there once its first record is, which
is written last and removed first.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import accumulate

import msgspec
from umbral_chat.errors import HistoryUnavailable, Unavailable
from umbral_chat.providers.store import VALUE_LIMIT, SharedStore

from umbral_chat_n8n_bridge.files.quota import FileQuota, FileReservation
from umbral_chat_n8n_bridge.files.sealing import OVERHEAD, UploadCipher
from umbral_chat_n8n_bridge.files.uploaded import UploadedFile

NAMESPACE = "n8n.files"

CHUNK = VALUE_LIMIT - OVERHEAD
"""Bytes of a chunk."""

AT_ONCE = 8
"""Calls of the store at once for one upload: each is a request to Supabase, and a write to disk on SQLite."""

LOOKED_AT = 16
"""Uploads that are looked for again when an instance has no room for more."""

Job = Callable[[], Awaitable[None]]


class StoredFile(msgspec.Struct, frozen=True, array_like=True):
    """One file of an upload."""

    name: str
    type: str
    size: int


class StoredUpload(msgspec.Struct, frozen=True):
    """What an upload's first record says: the files, whose data are the chunks one after the other."""

    files: list[StoredFile]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)

    @property
    def chunks(self) -> int:
        """Records that have them."""
        return chunk_count(self.size)


class FileStore:
    """The files of all chats. Methods raise HistoryUnavailable."""

    def __init__(self, store: SharedStore, quota: FileQuota) -> None:
        self._store, self._quota = store, quota

    async def reserve(self, size: int) -> FileReservation:
        """Room for a request that is read. Raises Unavailable (`too_many_readers`)."""
        if not self._quota.has_left(size):
            for key in self._quota.next_to_look_for(LOOKED_AT):
                if await self._store.get(NAMESPACE, key) is None:
                    self._quota.forget(key)  # another instance has passed them on
        return self._quota.reserve(size)

    @staticmethod
    def draw_id() -> str:
        """An id that nobody guesses."""
        return secrets.token_urlsafe(24)

    async def put(self, upload_id: str, conversation: str, files: Sequence[UploadedFile], ttl: float) -> None:
        """Keep files for `ttl` seconds, or until they are removed. After an error none of them is kept."""
        cipher = UploadCipher(upload_id, conversation)
        upload = StoredUpload([StoredFile(one.name, one.type, len(one.data)) for one in files])
        self._quota.store(cipher.key, upload.size, ttl)
        try:
            await in_parallel(
                self._writing(cipher, number, chunk, ttl) for number, chunk in enumerate(chunks_of(files), 1)
            )
            await self._store.put(NAMESPACE, cipher.key, cipher.seal(0, _encoder.encode(upload)), ttl=ttl)
        except Unavailable:
            await self._discard(cipher, upload)
            raise

    async def find(self, upload_id: str, conversation: str) -> StoredUpload | None:
        """What is stored under the id; None: nothing, or the files of another conversation."""
        cipher = UploadCipher(upload_id, conversation)
        found = await self._store.get(NAMESPACE, cipher.key)
        opened = None if found is None else cipher.open(0, found.value)
        return None if opened is None else _decoder.decode(opened)

    async def read(self, upload_id: str, conversation: str, upload: StoredUpload) -> list[UploadedFile] | None:
        """The files of an upload that was found; None: they are gone since."""
        cipher, chunks = UploadCipher(upload_id, conversation), [b""] * upload.chunks
        await in_parallel(self._reading(cipher, number, chunks) for number in range(1, upload.chunks + 1))
        data = memoryview(b"".join(chunks))
        if len(data) != upload.size:
            return None
        ends = accumulate(one.size for one in upload.files)
        return [
            UploadedFile(one.name, one.type, bytes(data[end - one.size : end]))
            for one, end in zip(upload.files, ends, strict=True)
        ]

    async def remove(self, upload_id: str, conversation: str) -> None:
        """Remove files. Nothing happens where there are none, or not of this conversation."""
        upload = await self.find(upload_id, conversation)
        if upload is not None:
            await self._delete(UploadCipher(upload_id, conversation), upload)

    async def _discard(self, cipher: UploadCipher, upload: StoredUpload) -> None:
        try:
            await self._delete(cipher, upload)
        except HistoryUnavailable:
            self._quota.forget(cipher.key)  # what was written expires

    async def _delete(self, cipher: UploadCipher, upload: StoredUpload) -> None:
        await self._store.delete(NAMESPACE, cipher.key)
        self._quota.forget(cipher.key)
        await in_parallel(self._deleting(cipher, number) for number in range(1, upload.chunks + 1))

    def _writing(self, cipher: UploadCipher, number: int, chunk: bytes, ttl: float) -> Job:
        async def write() -> None:
            await self._store.put(NAMESPACE, _chunk_key(cipher, number), cipher.seal(number, chunk), ttl=ttl)

        return write

    def _reading(self, cipher: UploadCipher, number: int, chunks: list[bytes]) -> Job:
        async def read() -> None:
            found = await self._store.get(NAMESPACE, _chunk_key(cipher, number))
            chunks[number - 1] = b"" if found is None else cipher.open(number, found.value) or b""

        return read

    def _deleting(self, cipher: UploadCipher, number: int) -> Job:
        async def delete() -> None:
            await self._store.delete(NAMESPACE, _chunk_key(cipher, number))

        return delete


def chunk_count(size: int) -> int:
    """Chunks of so many bytes."""
    return -(-size // CHUNK)


def chunks_of(files: Sequence[UploadedFile]) -> Iterable[bytes]:
    """The data of all files one after the other, in pieces that a record takes: small files share one."""
    pending = bytearray()
    for one in files:
        at = 0
        while at < len(one.data):
            piece = one.data[at : at + CHUNK - len(pending)]
            at += len(piece)
            pending += piece
            if len(pending) == CHUNK:
                yield bytes(pending)
                pending.clear()
    if pending:
        yield bytes(pending)


async def in_parallel(jobs: Iterable[Job]) -> None:
    """Do all jobs, `AT_ONCE` at a time, which are made when their turn comes. Raises what the first that fails raises,
    after which no further one begins."""
    pending, failed = iter(jobs), False

    async def work() -> None:
        nonlocal failed
        for job in pending:
            try:
                await job()
            except BaseException:
                failed = True
                raise
            if failed:
                return

    for result in await asyncio.gather(*(work() for _ in range(AT_ONCE)), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _chunk_key(cipher: UploadCipher, number: int) -> str:
    return f"{cipher.key}.{number}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(StoredUpload)

__all__ = [
    "AT_ONCE",
    "CHUNK",
    "LOOKED_AT",
    "NAMESPACE",
    "FileStore",
    "StoredFile",
    "StoredUpload",
    "chunk_count",
    "chunks_of",
    "in_parallel",
]
