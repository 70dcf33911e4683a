"""When conversations are due whose next entry a consumer is not to be passed yet (`DefersEntries`): in the store.

A record for each, ordered by time. The cursor has the same time: a record whose cursor has another one was handled, or
was written by an instance that stopped in between, and is removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from umbral_chat.providers.store import SharedStore

LOOK = 1_000
"""Records read at once, the earliest first; all that may be in a queue when these are due and wait to be handled."""

LOOK_ALL = 10_000

KEPT = timedelta(minutes=2)
"""For how long after its time a record is kept that does not match its cursor: an instance writes the record first, and
its clock may be another."""

_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"


class Deferral(NamedTuple):
    """A conversation, and when it is due."""

    conversation: str
    at: datetime


class Deferrals:
    """One consumer's: namespace `consumer-due:NAME`, key the time and the conversation. Raises HistoryUnavailable."""

    def __init__(self, store: SharedStore, consumer: str) -> None:
        self._store = store
        self._namespace = due_namespace(consumer)

    async def add(self, conversation: str, at: datetime) -> None:
        """It is due at `at`. To be stored before the cursor is: what is due is never forgotten."""
        await self._store.put(self._namespace, _key(conversation, at), b"")

    async def remove(self, conversation: str, at: datetime) -> None:
        """It was handled, or deleted."""
        await self._store.delete(self._namespace, _key(conversation, at))

    async def due(self, now: datetime) -> list[Deferral]:
        """Those whose time has come, the earliest first."""
        found = list(_due(await self._store.scan(self._namespace, limit=LOOK), now))
        if len(found) < LOOK:
            return found
        return list(_due(await self._store.scan(self._namespace, limit=LOOK_ALL), now))


def due_namespace(consumer: str) -> str:
    """Namespace of a consumer's deferrals."""
    return f"consumer-due:{consumer}"


def _due(keys: Iterable[str], now: datetime) -> Iterable[Deferral]:
    until = _key("", now)
    for key in keys:
        if key > until and not key.startswith(until):
            return
        time, _, conversation = key.partition("/")
        yield Deferral(conversation, datetime.strptime(time, _FORMAT).replace(tzinfo=UTC))


def _key(conversation: str, at: datetime) -> str:
    # Of one width, so that keys sort as times do. No conversation's id has a slash.
    return f"{at.astimezone(UTC).strftime(_FORMAT)}/{conversation}"


__all__ = ["KEPT", "Deferral", "Deferrals", "due_namespace"]
