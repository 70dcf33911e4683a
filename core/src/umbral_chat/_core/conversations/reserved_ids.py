"""Ids of answers that are being written, kept in the shared store: an instance that has not heard of a draft yet must
not let a visitor take its message's id, for the answer would then end with an error."""

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
"""Seconds for which a draft's id is kept after it was last claimed: longer than a silent draft lives."""

CLAIM_CACHE_SIZE = 4096
"""Claims of this instance that are remembered, so that not each piece writes one. One that is forgotten is written
again."""

log = logging.getLogger(__name__)


class ReservedIds:
    """Which ids service keys write drafts of, at every instance on one store.

    Best effort: while the store does not answer, nothing is claimed and nobody is refused.
    """

    def __init__(self, store: SharedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._claimed: Lru[str, float] = Lru(CLAIM_CACHE_SIZE)

    async def claim(self, conversation: str, message_id: str, author: str) -> None:
        """This service key writes a message of this id. Costs a write when it begins, and one in `SILENCE` seconds."""
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
        """Whether a service key writes a message of this id, at whichever instance."""
        try:
            return await self._store.get(NAMESPACE, _key(conversation, message_id)) is not None
        except HistoryUnavailable:
            return False


def _key(conversation: str, message_id: str) -> str:
    # Keys have 256 characters at most, and name nobody's conversation once it is deleted.
    return blake2b(f"{conversation}\0{message_id}".encode(), digest_size=16).hexdigest()


__all__ = ["CLAIM_CACHE_SIZE", "RESERVATION_TTL", "ReservedIds"]
