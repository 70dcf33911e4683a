"""Where a consumer stands in each log, as the shared store keeps it."""

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
"""Key of the time up to which everything was handled. No conversation's id has a slash."""


class Place(msgspec.Struct, frozen=True):
    """Everything up to and with `seq` was handled, in the log named by `epoch`."""

    epoch: str
    seq: int


class _Scanned(msgspec.Struct, frozen=True):
    at: datetime


class Places:
    """One consumer's records: namespace `consumer:NAME`, key the conversation. Raises HistoryUnavailable."""

    def __init__(self, store: SharedStore, consumer: str) -> None:
        self._store = store
        self._consumer = consumer
        self._namespace = f"consumer:{consumer}"

    async def load(self, conversation: str) -> tuple[Place | None, int]:
        """The place and its record's version; None and 0 when there is none."""
        record = await self._store.get(self._namespace, conversation)
        if record is None:
            return None, 0
        return _decoded(record.value, Place, conversation), record.version

    async def store(self, conversation: str, place: Place, *, expect: int, lease: Lease) -> int | None:
        """Write it and return its version; None: another wrote it, or holds the lease by now."""
        record = await self._store.compare_and_set(
            self._namespace, conversation, msgspec.json.encode(place), expect=expect, fence=lease
        )
        return None if record is None else record.version

    async def remove(self, conversation: str) -> None:
        """The conversation is no more."""
        await self._store.delete(self._namespace, conversation)

    async def scanned(self) -> datetime | None:
        """The time before which no activity is unhandled; None: nothing was ever scanned."""
        record = await self._store.get(self._namespace, SCANNED)
        if record is None or (found := _decoded(record.value, _Scanned, SCANNED)) is None:
            return None
        return found.at

    async def store_scanned(self, at: datetime) -> None:
        """Every instance writes only what it knows to be so, so whoever writes last is right too."""
        await self._store.put(self._namespace, SCANNED, msgspec.json.encode(_Scanned(at)))

    def lease_name(self, conversation: str) -> str:
        """A digest, since a lease's name outlives its conversation, of which nothing may be found after a deletion."""
        digest = hashlib.blake2b(conversation.encode(), digest_size=16).hexdigest()
        return f"{self._namespace}:{digest}"


def _decoded(value: bytes, kind: type[_T], key: str) -> _T | None:
    try:
        return decode_bounded(msgspec.json.Decoder(kind), value)
    except msgspec.DecodeError as error:
        log.warning("the record of %s cannot be read, and is begun anew: %s", key, error)
        return None


__all__ = ["SCANNED", "Place", "Places"]
