"""The heads of the logs that were active when a consumer began now: its first cursors, some hundred a record."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping

import msgspec

from umbral_chat.model.conversations import Head
from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.store import Lease, Record, SharedStore

log = logging.getLogger(__name__)

PREFIX = "/heads/"
"""Of the keys. No conversation's id has a slash."""

HEADS_A_RECORD = 150
"""On average, as a digest distributes them. A head takes 175 bytes at most, and a value has 64 KiB: more than twice as
many fit, which no record has by chance."""

MOST_RECORDS = 1_000
"""As many as one scan of the store gives."""

WRITES_AT_ONCE = 20
"""Records that are written together, so that a store that groups its commits can."""


class StartHeads:
    """One consumer's: each log of them has its cursor at this head until it has one of its own.

    They are held in memory, where asking for one costs nothing; those that have cursors of their own leave it. Raises
    HistoryUnavailable where it waits.
    """

    def __init__(self, store: SharedStore, namespace: str) -> None:
        self._store = store
        self._namespace = namespace
        self._heads: dict[str, Head] = {}
        self._records = 0

    def get(self, conversation: str) -> Head | None:
        """The head of a log that was active then, as far as it is held here."""
        return self._heads.get(conversation)

    def superseded(self, conversation: str) -> None:
        """The log has a cursor of its own: its head need not be held here any more."""
        self._heads.pop(conversation, None)

    def all(self) -> Mapping[str, Head]:
        """All that are held here."""
        return self._heads

    async def write(self, heads: Mapping[str, Head], *, lease: Lease) -> bool:
        """Store them in place of those that an unfinished start may have left; False: the lease was lost."""
        count = min(MOST_RECORDS, -(-len(heads) // HEADS_A_RECORD))
        parts: list[dict[str, tuple[str, int]]] = [{} for _ in range(count)]
        for conversation, head in heads.items():
            parts[_part(conversation, count)][conversation] = (head.epoch, head.seq)
        before = await self._scan()
        wanted = {_key(number): _encoder.encode(part) for number, part in enumerate(parts)}
        for key in before.keys() - wanted.keys():
            await self._store.delete(self._namespace, key)
        keys = list(wanted)
        for first in range(0, len(keys), WRITES_AT_ONCE):
            written = await asyncio.gather(
                *(self._write(key, wanted[key], before.get(key), lease) for key in keys[first : first + WRITES_AT_ONCE])
            )
            if None in written:
                return False
        return True

    async def load(self) -> None:
        """Hold what is stored."""
        found = await self._scan()
        self._records = len(found)
        self._heads = {}
        for record in found.values():
            for conversation, (epoch, seq) in _decoded(record).items():
                self._heads[conversation] = Head(epoch, seq)

    async def remove(self, conversation: str) -> None:
        """Forget a conversation that was deleted: no trace of it may stay."""
        self._heads.pop(conversation, None)
        if not self._records:
            return
        key = _key(_part(conversation, self._records))
        while (record := await self._store.get(self._namespace, key)) is not None:
            heads = _decoded(record)
            if heads.pop(conversation, None) is None:
                return
            if await self._write(key, _encoder.encode(heads), record, None) is not None:
                return

    async def _write(self, key: str, value: bytes, before: Record | None, lease: Lease | None) -> Record | None:
        expect = 0 if before is None else before.version
        return await self._store.compare_and_set(self._namespace, key, value, expect=expect, fence=lease)

    async def _scan(self) -> dict[str, Record]:
        return await self._store.scan(self._namespace, prefix=PREFIX, limit=MOST_RECORDS)


def _key(number: int) -> str:
    return f"{PREFIX}{number:04}"


def _part(conversation: str, count: int) -> int:
    return int.from_bytes(hashlib.blake2b(conversation.encode(), digest_size=8).digest()) % count


def _decoded(record: Record) -> dict[str, tuple[str, int]]:
    try:
        return decode_bounded(_decoder, record.value)
    except msgspec.DecodeError as error:
        log.warning("heads at which a consumer began cannot be read, and some entries before may be given: %s", error)
        return {}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, tuple[str, int]])

__all__ = ["StartHeads"]
