"""Where files wait for their run: in the shared store, so that another instance finds them, in chunks as large as its
records may be.

Keys have the upload's random id and nothing of the conversation: that may be deleted before the files expire. An upload
is there once its first record is, which is written last and removed first.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate

import msgspec
from umbral_chat.errors import HistoryUnavailable, Unavailable
from umbral_chat.providers.store import VALUE_LIMIT, SharedStore

from umbral_chat_n8n_bridge.files.quota import FileQuota, FileReservation
from umbral_chat_n8n_bridge.files.uploaded import UploadedFile, size_of

NAMESPACE = "n8n.files"

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

    owner: str
    """Digest of the conversation, with the id: files are given to no other one, whoever names them there."""
    files: list[StoredFile]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)


class FileStore:
    """The files of all chats. Methods raise HistoryUnavailable."""

    def __init__(self, store: SharedStore, quota: FileQuota) -> None:
        self._store, self._quota = store, quota

    async def reserve(self, size: int) -> FileReservation:
        """Room for a request that is read. Raises Unavailable (`too_many_readers`)."""
        if not self._quota.has_left(size):
            for upload_id in self._quota.next_to_look_for(LOOKED_AT):
                if await self._store.get(NAMESPACE, upload_id) is None:
                    self._quota.forget(upload_id)  # another instance has passed them on
        return self._quota.reserve(size)

    @staticmethod
    def draw_id() -> str:
        """An id that nobody guesses."""
        return secrets.token_urlsafe(24)

    async def put(self, upload_id: str, conversation: str, files: Sequence[UploadedFile], ttl: float) -> None:
        """Keep files for `ttl` seconds, or until they are removed. After an error none of them is kept."""
        upload = StoredUpload(
            _owner(conversation, upload_id), [StoredFile(one.name, one.type, len(one.data)) for one in files]
        )
        self._quota.store(upload_id, upload.size, ttl)
        try:
            await in_parallel(
                self._writing(_chunk_key(upload_id, number), chunk, ttl)
                for number, chunk in enumerate(chunks_of(files))
            )
            await self._store.put(NAMESPACE, upload_id, _encoder.encode(upload), ttl=ttl)
        except Unavailable:
            await self._discard(upload_id, upload)
            raise

    async def load(self, upload_id: str, conversation: str) -> list[UploadedFile] | None:
        """The files; None: they have expired, were removed, or are of another conversation."""
        upload = await self.find(upload_id, conversation)
        return None if upload is None else await self.read(upload_id, upload)

    async def read(self, upload_id: str, upload: StoredUpload) -> list[UploadedFile] | None:
        """The files of an upload that was found; None: they are gone since."""
        count = chunk_count(upload.size)
        chunks: list[bytes] = [b""] * count
        await in_parallel(self._reading(_chunk_key(upload_id, number), chunks, number) for number in range(count))
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
            await self._delete(upload_id, upload)

    async def find(self, upload_id: str, conversation: str) -> StoredUpload | None:
        """What is stored under the id; None: nothing, or the files of another conversation."""
        if not _is_id(upload_id):
            return None
        found = await self._store.get(NAMESPACE, upload_id)
        upload = None if found is None else _decoder.decode(found.value)
        return upload if upload is not None and upload.owner == _owner(conversation, upload_id) else None

    async def _discard(self, upload_id: str, upload: StoredUpload) -> None:
        try:
            await self._delete(upload_id, upload)
        except HistoryUnavailable:
            self._quota.forget(upload_id)  # what was written expires

    async def _delete(self, upload_id: str, upload: StoredUpload) -> None:
        await self._store.delete(NAMESPACE, upload_id)
        self._quota.forget(upload_id)
        await in_parallel(self._deleting(_chunk_key(upload_id, number)) for number in range(chunk_count(upload.size)))

    def _writing(self, key: str, chunk: bytes, ttl: float) -> Job:
        async def write() -> None:
            await self._store.put(NAMESPACE, key, chunk, ttl=ttl)

        return write

    def _reading(self, key: str, chunks: list[bytes], number: int) -> Job:
        async def read() -> None:
            found = await self._store.get(NAMESPACE, key)
            chunks[number] = b"" if found is None else found.value

        return read

    def _deleting(self, key: str) -> Job:
        async def delete() -> None:
            await self._store.delete(NAMESPACE, key)

        return delete


def chunk_count(size: int) -> int:
    """Chunks of so many bytes."""
    return -(-size // VALUE_LIMIT)


def chunks_of(files: Sequence[UploadedFile]) -> Iterable[bytes]:
    """The data of all files one after the other, in pieces that a record takes: small files share one."""
    size = size_of(files)
    pending = bytearray()
    for one in files:
        at = 0
        while at < len(one.data):
            piece = one.data[at : at + VALUE_LIMIT - len(pending)]
            at += len(piece)
            pending += piece
            if len(pending) == VALUE_LIMIT:
                yield bytes(pending)
                pending.clear()
    if pending and size:
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


def _owner(conversation: str, upload_id: str) -> str:
    return blake2b(conversation.encode(), key=upload_id.encode()[:64], digest_size=16).hexdigest()


def _is_id(upload_id: str) -> bool:
    """Whether this can be the key of a first record."""
    return upload_id.isascii() and 16 <= len(upload_id) <= 64 and "." not in upload_id


def _chunk_key(upload_id: str, number: int) -> str:
    return f"{upload_id}.{number}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(StoredUpload)

__all__ = [
    "AT_ONCE",
    "LOOKED_AT",
    "NAMESPACE",
    "FileStore",
    "StoredFile",
    "StoredUpload",
    "chunk_count",
    "chunks_of",
    "in_parallel",
]
