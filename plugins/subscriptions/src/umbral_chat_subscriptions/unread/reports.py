"""Which answers were reported for whom, in the shared store: a record for each conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.depth import decode_bounded
from umbral_chat.providers.store import SharedStore

NAMESPACE = "subscriptions.unread"

SCAN_LIMIT = 1_000
"""Records deleted between two looks."""

DELETES_AT_ONCE = 50
"""Deletions under way together, so that a store that groups its commits can."""


class _Reported(msgspec.Struct, frozen=True):
    epoch: str
    seqs: dict[str, int]
    """Seq of the answer, by the reader's subject."""


class Reports:
    """Those of one subscription, under its id and the conversation's. Raises HistoryUnavailable."""

    def __init__(self, store: SharedStore, subscription: str) -> None:
        self._store = store
        self._prefix = f"{subscription}/"

    async def load(self, conversation: str, epoch: str | None = None) -> tuple[dict[str, int], int]:
        """The seqs of the answers that were reported, by reader, and the record's version. With `epoch` none of another
        log."""
        record = await self._store.get(NAMESPACE, self._prefix + conversation)
        if record is None:
            return {}, 0
        try:
            found = decode_bounded(_decoder, record.value)
        except msgspec.DecodeError:
            return {}, record.version
        return (found.seqs if epoch in (None, found.epoch) else {}), record.version

    async def store(self, conversation: str, epoch: str, seqs: Mapping[str, int], *, expect: int) -> None:
        """Write them. Raises HistoryUnavailable also when another instance wrote meanwhile: then the conversation is
        its own by now, and whoever has it begins anew."""
        value = _encoder.encode(_Reported(epoch, dict(seqs)))
        if await self._store.compare_and_set(NAMESPACE, self._prefix + conversation, value, expect=expect) is None:
            raise HistoryUnavailable("Another instance reports the answers of this conversation.")

    async def forget(self, conversation: str) -> None:
        """The conversation was deleted, or its log began anew."""
        await self._store.delete(NAMESPACE, self._prefix + conversation)

    async def clear(self) -> None:
        """The subscription was deleted."""
        while found := await self._store.scan(NAMESPACE, prefix=self._prefix, limit=SCAN_LIMIT):
            keys = list(found)
            for first in range(0, len(keys), DELETES_AT_ONCE):
                group = keys[first : first + DELETES_AT_ONCE]
                await asyncio.gather(*(self._store.delete(NAMESPACE, key) for key in group))


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Reported)

__all__ = ["NAMESPACE", "Reports"]
