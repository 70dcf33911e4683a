"""A consumer's cursor in each log, kept in the shared store, and what else is stored under its name."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TypeVar

import msgspec

from umbral_chat._core.consumers.bisection import Bisection
from umbral_chat._core.consumers.deferrals import Deferrals
from umbral_chat._core.consumers.start_heads import StartHeads
from umbral_chat._core.consumers.tries import Tries
from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.store import Lease, SharedStore

_T = TypeVar("_T")

log = logging.getLogger(__name__)

SCANNED, START, STATUS = "/scanned", "/start", "/status"
"""Keys of the time before which everything was handled, of where the consumer began, and of its last stored state. No
conversation's id has a slash."""

SCAN_LIMIT = 1_000
"""Records read at once."""

DELETES_AT_ONCE = 50
"""Deletions under way together, so that a store that groups its commits can."""

_NEXT_CHARACTERS = "!$&'()*+,-.0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
"""The characters of a conversation's id, as `umbral_chat.model.ids` has them."""


class StoredCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything up to and with `seq` was handled, in the log named by `epoch`."""

    epoch: str
    seq: int
    tries: Tries | None = None
    """Failed tries of what comes next."""
    due: datetime | None = None
    """What comes next is not to be handled before. Kept until all that waited is handled: by the record of that time
    among `Deferrals` it is found again, also after a crash."""
    bisection: Bisection | None = None
    """A claim of what comes next failed."""

    def bisection_behind(self, seq: int) -> Bisection | None:
        """What is left of the bisection once everything up to `seq` is handled."""
        return None if self.bisection is None or seq >= self.bisection.through else self.bisection

    def wait(self, now: datetime) -> float:
        """Seconds until what comes next may be tried; 0: it may."""
        return 0.0 if self.tries is None else self.tries.wait(now)


class Start(msgspec.Struct, frozen=True):
    """Where a consumer began: a log in which it has no cursor begins with its first entry at or after `at`; None: with
    its first one."""

    at: datetime | None


class _Scanned(msgspec.Struct, frozen=True):
    at: datetime


class CursorStore:
    """One consumer's records: namespace `consumer:NAME`, key the conversation. Raises HistoryUnavailable."""

    def __init__(self, store: SharedStore, consumer: str) -> None:
        self._store = store
        self._consumer = consumer
        self._namespace = f"consumer:{consumer}"
        self.deferrals = Deferrals(store, consumer)
        self.heads = StartHeads(store, self._namespace)
        """The cursors of logs in which none is stored that were active when the consumer began now."""

    async def load(self, conversation: str) -> tuple[StoredCursor | None, int]:
        """The cursor and its record's version; 0 when there is no record, and None when there is no cursor."""
        record = await self._store.get(self._namespace, conversation)
        if record is None:
            head = self.heads.get(conversation)
            return None if head is None else StoredCursor(head.epoch, head.seq), 0
        self.heads.superseded(conversation)
        return decoded(record.value, StoredCursor, conversation), record.version

    async def store(self, conversation: str, cursor: StoredCursor, *, expect: int, lease: Lease) -> int | None:
        """Write it and return its version; None: another instance wrote it, or holds the lease by now."""
        record = await self._store.compare_and_set(
            self._namespace, conversation, msgspec.json.encode(cursor), expect=expect, fence=lease
        )
        return None if record is None else record.version

    async def remove(self, conversation: str) -> None:
        """Forget the cursor of a conversation that was deleted."""
        cursor, _ = await self.load(conversation)
        if cursor is not None and cursor.due is not None:
            await self.deferrals.remove(conversation, cursor.due)
        await self._store.delete(self._namespace, conversation)
        await self.heads.remove(conversation)

    async def scanned(self) -> datetime | None:
        """The time before which no activity is unhandled; None: no scan was ever stored."""
        found = await self._get(SCANNED, _Scanned)
        return None if found is None else found.at

    async def store_scanned(self, at: datetime) -> None:
        """Each instance stores only a time that is right for itself, so the last write is right too."""
        await self._store.put(self._namespace, SCANNED, msgspec.json.encode(_Scanned(at)))

    async def start(self) -> Start | None:
        """Where the consumer began, if that is stored."""
        return await self._get(START, Start)

    async def store_start(self, start: Start, *, lease: Lease) -> bool:
        """Write it, once; whether that is so."""
        return bool(
            await self._store.compare_and_set(self._namespace, START, msgspec.json.encode(start), expect=0, fence=lease)
        )

    async def known(self) -> AsyncIterator[dict[str, str]]:
        """The epoch of the cursor in each log that has one, some hundred at a time."""
        await self.heads.load()  # without those of conversations that were deleted at other instances
        heads = list(self.heads.all().items())
        for first in range(0, len(heads), SCAN_LIMIT):
            yield {conversation: head.epoch for conversation, head in heads[first : first + SCAN_LIMIT]}
        prefixes = [""]
        while prefixes:
            prefix = prefixes.pop()
            found = await self._store.scan(self._namespace, prefix=prefix, limit=SCAN_LIMIT)
            if len(found) >= SCAN_LIMIT:
                # A scan cannot go on after a key: what follows is read by the next character.
                prefixes += [prefix + character for character in _NEXT_CHARACTERS]
                found = {key: record for key, record in found.items() if key == prefix}
            epochs = {}
            for key, record in found.items():
                if "/" not in key and (cursor := decoded(record.value, StoredCursor, key)) is not None:
                    epochs[key] = cursor.epoch
            if epochs:
                yield epochs

    def lease_name(self, conversation: str) -> str:
        """A digest, since a lease's name outlives its conversation, of which no trace may stay after a deletion."""
        digest = hashlib.blake2b(conversation.encode(), digest_size=16).hexdigest()
        return f"{self._namespace}:{digest}"

    @property
    def start_lease(self) -> str:
        """Name of the lease under which the start is found and stored."""
        return f"{self._namespace}:start"

    async def clear(self) -> None:
        """Delete every record of the consumer in this namespace."""
        await clear_namespace(self._store, self._namespace)

    async def _get(self, key: str, kind: type[_T]) -> _T | None:
        record = await self._store.get(self._namespace, key)
        return None if record is None else decoded(record.value, kind, key)


async def clear_namespace(store: SharedStore, namespace: str) -> None:
    """Delete every record of a namespace."""
    while found := await store.scan(namespace, limit=SCAN_LIMIT):
        keys = list(found)
        for first in range(0, len(keys), DELETES_AT_ONCE):
            await asyncio.gather(*(store.delete(namespace, key) for key in keys[first : first + DELETES_AT_ONCE]))


def decoded(value: bytes, kind: type[_T], key: str) -> _T | None:
    """A stored value; None, with a warning, when it cannot be read."""
    try:
        return decode_bounded(msgspec.json.Decoder(kind), value)
    except msgspec.DecodeError as error:
        log.warning("the record of %s cannot be read and starts anew: %s", key, error)
        return None


__all__ = [
    "SCANNED",
    "SCAN_LIMIT",
    "START",
    "STATUS",
    "CursorStore",
    "Start",
    "StoredCursor",
    "clear_namespace",
    "decoded",
]
