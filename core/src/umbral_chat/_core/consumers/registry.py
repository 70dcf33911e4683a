"""Which consumers have records in the shared store, and their bell: what the command line and other instances ask of a
running service without a request to it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from umbral_chat._core.consumers.cursor_store import STATUS, CursorStore, clear_namespace, decoded
from umbral_chat._core.consumers.dead_letters import DeadLetters
from umbral_chat._core.consumers.deferrals import due_namespace
from umbral_chat.errors import Conflict
from umbral_chat.providers.consumers import Failure
from umbral_chat.providers.store import SharedStore

NAMESPACE = "consumers"

MOST = 1_000
"""Consumers that are listed."""

FORGOTTEN_TTL = 86_400.0
"""Seconds for which it is remembered that a consumer was forgotten: an instance that was cut off from the store for
less stops it when it is back."""


class ConsumerRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The record of a consumer. Each write of it is a ring of the bell: the dead letters are looked at again."""

    forgotten: bool = False


class StoredStatus(msgspec.Struct, frozen=True):
    """The state of a consumer as an instance that runs it has stored it last."""

    at: datetime
    oldest: datetime | None
    """Time of the oldest entry that is known to be unhandled."""
    queued: int
    failures: int
    last_error: Failure | None
    blocked: bool


class ConsumerRegistry:
    """Every method raises HistoryUnavailable."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    async def register(self, name: str) -> None:
        """Have the consumer listed. Raises Conflict (`consumer_forgotten`) when its name was used up."""
        record = await self._store.get(NAMESPACE, name)
        if record is None:
            await self._store.compare_and_set(NAMESPACE, name, msgspec.json.encode(ConsumerRecord()), expect=0)
        elif (known := decoded(record.value, ConsumerRecord, name)) is not None and known.forgotten:
            raise Conflict(f"The consumer {name!r} was forgotten: use a new name.", code="consumer_forgotten")

    async def rings(self) -> dict[str, tuple[ConsumerRecord, int]]:
        """The record of each consumer with its version, which rises at each ring."""
        records = await self._store.scan(NAMESPACE, limit=MOST)
        return {
            name: (decoded(record.value, ConsumerRecord, name) or ConsumerRecord(), record.version)
            for name, record in records.items()
        }

    async def ring(self, name: str) -> None:
        """Have every instance look at the consumer's dead letters again."""
        record = await self._store.get(NAMESPACE, name)
        known = None if record is None else decoded(record.value, ConsumerRecord, name)
        if record is not None and known is not None and not known.forgotten:
            # One that comes between is a ring, too.
            await self._store.compare_and_set(NAMESPACE, name, record.value, expect=record.version)

    async def names(self) -> list[str]:
        """The consumers that have records, by name."""
        return [name for name, (known, _) in (await self.rings()).items() if not known.forgotten]

    async def forget(self, name: str) -> None:
        """Delete every record of a consumer. What an instance writes that still runs it, it deletes itself when it
        finds out."""
        await self._store.put(NAMESPACE, name, msgspec.json.encode(ConsumerRecord(forgotten=True)), ttl=FORGOTTEN_TTL)
        await self.clear(name)

    async def clear(self, name: str) -> None:
        """Delete the cursors, dead letters and claims of a consumer."""
        await CursorStore(self._store, name).clear()
        await DeadLetters(self._store, name).clear()
        await clear_namespace(self._store, due_namespace(name))
        await clear_namespace(self._store, claims_namespace(name))

    async def status(self, name: str) -> StoredStatus | None:
        """The last stored state."""
        record = await self._store.get(f"consumer:{name}", STATUS)
        return None if record is None else decoded(record.value, StoredStatus, STATUS)

    async def store_status(self, name: str, status: StoredStatus) -> None:
        """Write it; of several instances the last one wins."""
        await self._store.put(f"consumer:{name}", STATUS, msgspec.json.encode(status))


def claims_namespace(consumer: str) -> str:
    """Namespace of a consumer's open claims."""
    return f"consumer-claims:{consumer}"


__all__ = ["NAMESPACE", "ConsumerRecord", "ConsumerRegistry", "StoredStatus", "claims_namespace"]
