"""A consumer's cursor in each log, kept in the shared store."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from typing import TypeVar

import msgspec

from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.store import Lease, SharedStore

_T = TypeVar("_T")

log = logging.getLogger(__name__)

SCANNED = "/scanned"
"""Key of the time before which everything was handled. No conversation's id has a slash."""


class StoredCursor(msgspec.Struct, frozen=True):
    """Everything up to and with `seq` was handled, in the log named by `epoch`."""

    epoch: str
    seq: int


class _Scanned(msgspec.Struct, frozen=True):
    at: datetime


class CursorStore:
    """One consumer's records: namespace `consumer:NAME`, key the conversation. Raises HistoryUnavailable."""

    def __init__(self, store: SharedStore, consumer: str) -> None:
        self._store = store
        self._consumer = consumer
        self._namespace = f"consumer:{consumer}"

    async def load(self, conversation: str) -> tuple[StoredCursor | None, int]:
        """The cursor and its record's version; None and 0 when there is none."""
        record = await self._store.get(self._namespace, conversation)
        if record is None:
            return None, 0
        return _decoded(record.value, StoredCursor, conversation), record.version

    async def store(self, conversation: str, cursor: StoredCursor, *, expect: int, lease: Lease) -> int | None:
        """Write it and return its version; None: another instance wrote it, or holds the lease by now."""
        record = await self._store.compare_and_set(
            self._namespace, conversation, msgspec.json.encode(cursor), expect=expect, fence=lease
        )
        return None if record is None else record.version

    async def remove(self, conversation: str) -> None:
        """Forget the cursor of a conversation that was deleted."""
        await self._store.delete(self._namespace, conversation)

    async def scanned(self) -> datetime | None:
        """The time before which no activity is unhandled; None: no scan was ever stored."""
        record = await self._store.get(self._namespace, SCANNED)
        if record is None or (found := _decoded(record.value, _Scanned, SCANNED)) is None:
            return None
        return found.at

    async def store_scanned(self, at: datetime) -> None:
        """Each instance stores only a time that is right for itself, so the last write is right too."""
        await self._store.put(self._namespace, SCANNED, msgspec.json.encode(_Scanned(at)))

    def lease_name(self, conversation: str) -> str:
        """A digest, since a lease's name outlives its conversation, of which no trace may stay after a deletion."""
        digest = hashlib.blake2b(conversation.encode(), digest_size=16).hexdigest()
        return f"{self._namespace}:{digest}"


def _decoded(value: bytes, kind: type[_T], key: str) -> _T | None:
    try:
        return decode_bounded(msgspec.json.Decoder(kind), value)
    except msgspec.DecodeError as error:
        log.warning("the record of %s cannot be read and starts anew: %s", key, error)
        return None


__all__ = ["SCANNED", "CursorStore", "StoredCursor"]
