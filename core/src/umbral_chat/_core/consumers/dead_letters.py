"""A consumer's dead letters: references of entries that were given up, in the shared store. Never their content."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from umbral_chat._core.consumers.cursor_store import clear_namespace, decoded
from umbral_chat._core.consumers.tries import Tries
from umbral_chat.providers.consumers import DeadLetter
from umbral_chat.providers.store import SharedStore

MOST = 10_000
"""Most dead letters of one consumer: a scan of the shared store gives no more records."""

_DIGITS = 12
"""Digits of a seq in a key, so that keys sort as seqs do."""


class DeadLetters:
    """One consumer's dead letters. Every method raises HistoryUnavailable.

    `limit` bounds them. Instances that add at the same moment may pass it by what each of them adds at once.
    """

    def __init__(self, store: SharedStore, consumer: str, limit: int = MOST) -> None:
        self._store = store
        self._namespace = f"consumer-dead:{consumer}"
        self.limit = min(limit, MOST)
        self._adding = asyncio.Lock()

    async def add(self, conversation: str, epoch: str, tries: Tries) -> bool:
        """Keep the reference of an entry; False: as many are kept already. Repeated for an entry, it changes nothing
        but the tries: one that is to be tried again still is."""
        key = _key(conversation, epoch, tries.seq)
        async with self._adding:
            kept = await self._store.scan(self._namespace, limit=self.limit)
            if key not in kept and len(kept) >= self.limit:
                return False
            known = decoded(kept[key].value, DeadLetter, "a dead letter") if key in kept else None
            letter = DeadLetter(
                conversation=conversation,
                epoch=epoch,
                seq=tries.seq,
                reason=tries.reason,
                first_at=tries.first_at,
                last_at=tries.last_at,
                tries=tries.count,
                retry=known is not None and known.retry,
            )
            await self._store.put(self._namespace, key, msgspec.json.encode(letter))
        return True

    async def count(self) -> int:
        """How many there are."""
        return len(await self._store.scan(self._namespace, limit=MOST))

    async def list(self, conversation: str | None = None, seq: int | None = None) -> list[DeadLetter]:
        """Those of a conversation, and with that seq; None: of all. By conversation, epoch and seq."""
        return [letter for letter, _ in await self._found(conversation, seq)]

    async def load(self, letter: DeadLetter) -> tuple[DeadLetter, int] | None:
        """The letter as it is stored now, and its record's version; None: it was removed."""
        record = await self._store.get(self._namespace, _key(letter.conversation, letter.epoch, letter.seq))
        if record is None or (found := decoded(record.value, DeadLetter, "a dead letter")) is None:
            return None
        return found, record.version

    async def replace(self, letter: DeadLetter, *, expect: int) -> int | None:
        """Store the changed letter; its version, or None when it was changed or removed meanwhile."""
        key = _key(letter.conversation, letter.epoch, letter.seq)
        record = await self._store.compare_and_set(self._namespace, key, msgspec.json.encode(letter), expect=expect)
        return None if record is None else record.version

    async def mark_for_retry(self, conversation: str | None = None, seq: int | None = None) -> int:
        """Mark letters to be tried again; how many are marked now."""
        marked = 0
        for letter, version in await self._found(conversation, seq):
            if letter.retry or await self.replace(msgspec.structs.replace(letter, retry=True), expect=version):
                marked += 1
        return marked

    async def drop(self, conversation: str | None = None, seq: int | None = None) -> int:
        """Remove letters; how many."""
        dropped = 0
        for letter, _ in await self._found(conversation, seq):
            dropped += await self.remove(letter)
        return dropped

    async def remove(self, letter: DeadLetter) -> bool:
        """Remove one: it was handled after all, or its log is gone."""
        return await self._store.delete(self._namespace, _key(letter.conversation, letter.epoch, letter.seq))

    async def clear(self) -> None:
        """Remove all."""
        await clear_namespace(self._store, self._namespace)

    async def _found(self, conversation: str | None, seq: int | None) -> Sequence[tuple[DeadLetter, int]]:
        prefix = "" if conversation is None else f"{conversation}/"
        records = await self._store.scan(self._namespace, prefix=prefix, limit=MOST)
        found = [
            (letter, record.version)
            for record in records.values()
            if (letter := decoded(record.value, DeadLetter, "a dead letter")) is not None
        ]
        return [pair for pair in found if seq is None or pair[0].seq == seq]


def _key(conversation: str, epoch: str, seq: int) -> str:
    return f"{conversation}/{epoch}/{seq:0{_DIGITS}}"


__all__ = ["MOST", "DeadLetters"]
