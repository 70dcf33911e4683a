"""Ids of answers that are being written, reserved in the shared store: an instance that was not notified of a draft yet
must not let a visitor use its message's id, or the answer would fail."""

from __future__ import annotations

import logging
from hashlib import blake2b

from umbral_chat._core.conversations.drafts import SILENCE, Writer
from umbral_chat._core.runtime.lru import Lru
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.store import SharedStore

NAMESPACE = "drafts"

RESERVATION_TTL = 2 * SILENCE
"""Seconds for which an id stays reserved after its last claim: longer than a draft lives without a piece."""

CLAIM_CACHE_SIZE = 4096
"""Claims of this instance that are cached, so that not every piece writes to the store. One that was dropped from the
cache is written again."""

log = logging.getLogger(__name__)


class ReservedIds:
    """The ids of messages that service keys are drafting at any instance on the store.

    Best effort: while the store does not respond, no id is claimed and none counts as taken.
    """

    def __init__(self, store: SharedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._claimed: Lru[str, float] = Lru(CLAIM_CACHE_SIZE)

    async def claim(self, conversation: str, message_id: str, author: str) -> None:
        """Reserve the id of a message that a service key is drafting: one write at the first piece, then one per
        `SILENCE` seconds."""
        key, now = _key(conversation, message_id), self._clock.monotonic()
        claimed = self._claimed.get(key)
        if claimed is not None and now - claimed < RESERVATION_TTL - SILENCE:
            return
        self._claimed.put(key, now)
        try:
            writer = Writer.of(conversation, author, trusted=True)
            await self._store.put(NAMESPACE, key, writer.tag.encode(), ttl=RESERVATION_TTL)
        except HistoryUnavailable as error:
            self._claimed.drop(key)
            log.debug("A draft's id was not reserved: %s", error)

    async def is_taken(self, conversation: str, message_id: str) -> bool:
        """Whether a service key is drafting a message with this id, at any instance."""
        try:
            return await self._store.get(NAMESPACE, _key(conversation, message_id)) is not None
        except HistoryUnavailable:
            return False


def _key(conversation: str, message_id: str) -> str:
    # Keys have at most 256 characters, and must not reveal the id of a conversation that was deleted.
    return blake2b(f"{conversation}\0{message_id}".encode(), digest_size=16).hexdigest()


__all__ = ["CLAIM_CACHE_SIZE", "RESERVATION_TTL", "ReservedIds"]
