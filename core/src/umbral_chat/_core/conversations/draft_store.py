"""Drafts in the shared store: loading, compare-and-set, signs of life, removing. The I/O around `draft_records`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from umbral_chat._core.conversations.draft_records import (
    ALIVE,
    DRAFTS,
    INDEX,
    LISTED,
    PART_CHARS,
    PARTS,
    RECORD_TTL,
    KeptDraft,
    conversation_prefix,
    decode,
    divided,
    encode,
    encode_part,
    joined,
)
from umbral_chat.providers.store import Record, SharedStore

SCAN_LIMIT = 10_000
"""Records of one scan of the index, at some 100 bytes each; each draft has two. What is past it waits for its turn."""

OF_ONE = 64
"""Drafts of one conversation that are read at once."""


@dataclass(frozen=True, slots=True)
class LoadedDraft:
    """A draft as it was read, with its whole text and the version of its record."""

    kept: KeptDraft
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class DraftIndex:
    """Keys of all drafts in the store, and which of them were silent for too long."""

    keys: frozenset[str]
    silent: frozenset[str]


class DraftStore:
    """The drafts in the shared store. Every method raises HistoryUnavailable."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    async def load(self, key: str) -> LoadedDraft | None:
        """The draft under this key. Raises StoreError when it cannot be read."""
        record = await self._store.get(DRAFTS, key)
        return None if record is None else await self._whole(record)

    async def version(self, key: str) -> int:
        """The version of the draft's record; 0: there is none."""
        record = await self._store.get(DRAFTS, key)
        return 0 if record is None else record.version

    async def load_all(self, conversation: str) -> list[LoadedDraft]:
        """The drafts of a conversation. Raises StoreError."""
        found = await self._store.scan(DRAFTS, prefix=conversation_prefix(conversation), limit=OF_ONE)
        loaded = [await self._whole(record) for record in found.values()]
        return [draft for draft in loaded if draft is not None]

    async def save(self, draft: KeptDraft, text: str, *, expect: int, same: int) -> LoadedDraft | None:
        """Write the draft with this text over the version `expect` (0: there is none). `same`: so many of its first
        characters are those of the text that `draft.parts` hold. None: another instance wrote it."""
        kept, new = divided(draft, text, same=same)
        for name, part in new.items():
            await self._store.put(PARTS, _part_key(kept.key, name), encode_part(part), ttl=RECORD_TTL)
        record = await self._store.compare_and_set(DRAFTS, kept.key, encode(kept), expect=expect, ttl=RECORD_TTL)
        return None if record is None else LoadedDraft(kept, record.version, text)

    async def mark_alive(self, key: str, instance: str, seconds: float) -> None:
        """The draft is not silent for so many seconds; `instance` says so."""
        await self._store.put(INDEX, ALIVE + key, instance.encode(), ttl=seconds)

    async def list_draft(self, key: str) -> None:
        """Put the draft into the index. It is marked alive before, and its record is written after."""
        await self._store.put(INDEX, LISTED + key, b"", ttl=RECORD_TTL)

    async def alive_by(self, key: str) -> str | None:
        """The instance that last saw a sign of life; None: the draft was silent for too long."""
        record = await self._store.get(INDEX, ALIVE + key)
        return None if record is None else record.value.decode()

    async def index(self) -> DraftIndex:
        """All drafts."""
        found = await self._store.scan(INDEX, limit=SCAN_LIMIT)
        listed = {key.removeprefix(LISTED) for key in found if key.startswith(LISTED)}
        alive = {key.removeprefix(ALIVE) for key in found if key.startswith(ALIVE)}
        return DraftIndex(frozenset(listed), frozenset(listed - alive))

    async def remove(self, key: str, *, long: bool) -> None:
        """Remove everything of a draft. `long`: its text had parts."""
        if long:
            await self._remove_parts(key)
        # The record before its listing: what is not listed is not found again if this instance dies in between.
        await self._store.delete(DRAFTS, key)
        await asyncio.gather(self._store.delete(INDEX, LISTED + key), self._store.delete(INDEX, ALIVE + key))

    async def remove_all(self, conversation: str) -> None:
        """Remove everything of a conversation's drafts."""
        prefix = conversation_prefix(conversation)
        await self._remove_parts(prefix)
        for namespace, begin in ((DRAFTS, ""), (INDEX, LISTED), (INDEX, ALIVE)):
            while found := await self._store.scan(namespace, prefix=begin + prefix, limit=OF_ONE):
                for key in found:
                    await self._store.delete(namespace, key)

    async def _remove_parts(self, prefix: str) -> None:
        while found := await self._store.scan(PARTS, prefix=prefix, limit=OF_ONE):
            for key in found:
                await self._store.delete(PARTS, key)

    async def _whole(self, record: Record) -> LoadedDraft | None:
        kept = decode(record.value)
        parts = await asyncio.gather(*(self._store.get(PARTS, _part_key(kept.key, name)) for name in kept.parts))
        # Removed while it was read: the draft has ended.
        values = [part.value for part in parts if part is not None]
        return LoadedDraft(kept, record.version, joined(values, kept.tail)) if len(values) == len(parts) else None


def has_parts(text: str) -> bool:
    """Whether a text of this length is kept in more than one record."""
    return len(text) >= PART_CHARS


def _part_key(key: str, name: str) -> str:
    return f"{key}/{name}"


__all__ = ["OF_ONE", "SCAN_LIMIT", "DraftIndex", "DraftStore", "LoadedDraft", "has_parts"]
