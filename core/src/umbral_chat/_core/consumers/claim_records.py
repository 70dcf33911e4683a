"""The open claims of one consumer, in the shared store: what an instance needs to end a claim that another one gave."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from umbral_chat._core.consumers.cursor_store import StoredCursor, decoded
from umbral_chat._core.consumers.registry import claims_namespace
from umbral_chat.clock import Clock
from umbral_chat.providers.consumers import OPEN_CLAIMS, DeadLetter
from umbral_chat.providers.edges import LogEnd
from umbral_chat.providers.store import Lease, SharedStore

COUNT_EVERY = 1.0
"""Seconds between two counts of the open claims: in between, what other instances give is not counted."""


class ClaimRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One open claim, under its id. It expires with the lease of its conversation, whose holder the id is."""

    conversation: str
    token: int
    """Fencing token of the lease."""
    version: int = 0
    """Version of the cursor's record since the claim was given."""
    before: StoredCursor | None = None
    """The cursor without this claim; None: it is of a dead letter."""
    after: StoredCursor | None = None
    """The cursor when it is acknowledged; None: it is of a dead letter, or of a deleted conversation."""
    end: LogEnd | None = None
    letter: DeadLetter | None = None
    given: int = 1
    """How many entries it holds."""


class ClaimRecords:
    """Namespace `consumer-claims:NAME`, key the claim's id. Every method raises HistoryUnavailable."""

    def __init__(self, store: SharedStore, consumer: str, clock: Clock) -> None:
        self._store = store
        self._namespace = claims_namespace(consumer)
        self._clock = clock
        self._counted_at: float | None = None
        self._open = 0

    async def places(self, wanted: int) -> int:
        """How many of `wanted` further claims may be given. It is exact at one instance, and late by a second for what
        others give."""
        now = self._clock.monotonic()
        if self._counted_at is None or now - self._counted_at >= COUNT_EVERY:
            await self.count()
        return max(0, min(wanted, OPEN_CLAIMS - self._open))

    async def count(self) -> int:
        """How many are open now, at all instances."""
        now = self._clock.monotonic()
        self._open = len(await self._store.scan(self._namespace, limit=OPEN_CLAIMS))
        self._counted_at = now
        return self._open

    async def add(self, claim_id: str, record: ClaimRecord, lease: float) -> None:
        """Keep a claim for as long as its lease."""
        await self._store.put(self._namespace, claim_id, msgspec.json.encode(record), ttl=lease)
        self._open += 1

    async def load(self, claim_id: str) -> ClaimRecord | None:
        """An open claim; None: there is none of that id."""
        record = await self._store.get(self._namespace, claim_id)
        return None if record is None else decoded(record.value, ClaimRecord, "a claim")

    async def remove(self, claim_id: str) -> None:
        """The claim ended."""
        if await self._store.delete(self._namespace, claim_id):
            self._open = max(0, self._open - 1)

    def lease(self, name: str, claim_id: str, record: ClaimRecord) -> Lease:
        """The lease that the claim holds."""
        return Lease(name, claim_id, record.token)


def valid_ids(claim_ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Ids that may be of claims, each once, and those that cannot."""
    seen = list(dict.fromkeys(claim_ids))
    valid = [one for one in seen if 0 < len(one) <= 64 and one.isascii() and one.isprintable()]
    return valid, [one for one in seen if one not in valid]


__all__ = ["ClaimRecord", "ClaimRecords", "valid_ids"]
