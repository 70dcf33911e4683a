"""Who lets others see how far it has read: a record for each conversation, changed by compare-and-set. How far that is
stays with the read markers of the history."""

from __future__ import annotations

import logging

import msgspec

from umbral_chat._core.conversations.receipt_board import READERS_SHOWN
from umbral_chat._core.conversations.run_records import key_of
from umbral_chat.clock import Clock
from umbral_chat.errors import Unavailable
from umbral_chat.model.depth import decode_bounded
from umbral_chat.model.entries import Role
from umbral_chat.providers.store import SharedStore
from umbral_chat.transport_kit.backoff import Backoff

RECEIPTS = "receipts"
"""The namespace of the records."""

KEPT = 30 * 86_400.0
"""Seconds for which a record stays after the last time that a reader allowed receipts."""

RENEWED = 86_400.0
"""Seconds after which a reader that allows them again is written again."""

TRIES = 32
"""Attempts at a change. Each that fails means that another reader's change succeeded."""

log = logging.getLogger(__name__)


class AllowingReader(msgspec.Struct, frozen=True, array_like=True):
    """A reader that allows receipts, as its messages would show it."""

    subject: str
    role: Role
    name: str | None
    at: float
    """Unix time at which it last allowed them."""


Allowing = dict[str, AllowingReader]
"""Those who allow receipts in one conversation, by author; who allowed them last is the last."""

_decoder = msgspec.json.Decoder(Allowing)


class ReceiptRecords:
    """The records in the shared store. Every method raises HistoryUnavailable."""

    def __init__(self, store: SharedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def load(self, conversation: str) -> Allowing:
        """Those who allow receipts in a conversation, by author."""
        found = await self._store.get(RECEIPTS, key_of(conversation))
        return {} if found is None else _read(found.value)

    async def allow(self, conversation: str, author: str, reader: AllowingReader | None) -> bool:
        """Have `author` shown as `reader`, or not at all; whether it was shown before.

        Raises Unavailable when other readers were faster `TRIES` times.
        """
        backoff = Backoff(initial=0.005, maximum=0.2, multiplier=2.0, jitter="full")
        for _ in range(TRIES):
            found = await self._store.get(RECEIPTS, key_of(conversation))
            allowing = {} if found is None else _read(found.value)
            before = allowing.pop(author, None)
            if before == reader or (before is not None and reader is not None and _is_same(before, reader)):
                return before is not None
            if reader is not None:
                allowing[author] = reader
            shown = dict(list(allowing.items())[-READERS_SHOWN:])
            written = await self._store.compare_and_set(
                RECEIPTS,
                key_of(conversation),
                msgspec.json.encode(shown),
                expect=0 if found is None else found.version,
                ttl=KEPT,
            )
            if written is not None:
                return before is not None
            await self._clock.sleep(backoff.next())
        raise Unavailable("Too many readers of this conversation change their receipts at once. Try again.")

    async def forget(self, conversation: str) -> None:
        """Remove the record of a conversation that was deleted."""
        await self._store.delete(RECEIPTS, key_of(conversation))


def _is_same(before: AllowingReader, reader: AllowingReader) -> bool:
    shown = (before.subject, before.role, before.name) == (reader.subject, reader.role, reader.name)
    return shown and reader.at - before.at < RENEWED


def _read(value: bytes) -> Allowing:
    try:
        return decode_bounded(_decoder, value)
    except msgspec.DecodeError as error:
        log.warning("a record of receipts cannot be read, and counts as empty: %s", error)
        return {}


__all__ = ["KEPT", "RECEIPTS", "RENEWED", "TRIES", "Allowing", "AllowingReader", "ReceiptRecords"]
