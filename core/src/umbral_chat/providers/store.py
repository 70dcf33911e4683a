"""Shared store: small shared records of plugins, beside the logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

TOGGLE_RECORD = ("core", "realtime")
"""Namespace and key of the record that holds the realtime toggle, which transports read with their ticks."""


class Record(msgspec.Struct, frozen=True):
    """A stored value and its version: 1 or more, higher with each write, never reused for a key, removed and made again
    or not."""

    value: bytes
    version: int


class Lease(msgspec.Struct, frozen=True):
    """A right that one holder has at a time, until it lapses.

    `token` fences: it rises with every change of holder, so that a write guarded by an older one is refused.
    """

    name: str
    holder: str
    token: int


class StoredSignal(msgspec.Struct, frozen=True):
    """One recent signal: `position` rises over the whole list."""

    position: int
    topic: str
    payload: bytes


class RecentSignals(msgspec.Struct, frozen=True):
    """What was posted since a position. `complete` False: some were dropped in between (the list is short)."""

    position: int
    signals: list[StoredSignal]
    complete: bool = True


class SharedStore(Protocol):
    """Namespaced records with time to live, compare-and-set, leases with fencing tokens, and recent signals.

    Guarantees, which `umbral_chat.testing.SharedStoreContract` checks: each call is atomic and seen by every instance
    when it returns; records are durable, signals are not promised to be; a lapsed record reads as absent at once,
    whenever it is swept; time is the store's own, so that instances with wrong clocks agree. Namespaces, keys, topics
    and names are text of at most 256 characters, values at most 64 KiB, signals 256 KiB. A store that cannot be
    reached raises HistoryUnavailable.
    """

    async def get(self, namespace: str, key: str) -> Record | None:
        """The record, or None."""
        ...

    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        """The namespace's records by key, ascending, of keys that begin with `prefix`."""
        ...

    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        """Write whatever is there; lapses after `ttl` seconds when given."""
        ...

    async def compare_and_set(
        self,
        namespace: str,
        key: str,
        value: bytes,
        *,
        expect: int,
        ttl: float | None = None,
        fence: Lease | None = None,
    ) -> Record | None:
        """Write only if the record's version is `expect` (0: absent) and, with `fence`, only while no newer token of
        that lease was given out. None: nothing was written."""
        ...

    async def delete(self, namespace: str, key: str) -> bool:
        """Remove; whether it was there."""
        ...

    async def acquire(self, name: str, holder: str, ttl: float) -> Lease | None:
        """Take a lease that nobody holds, or that `holder` holds already (which renews it); None: held by another."""
        ...

    async def renew(self, lease: Lease, ttl: float) -> bool:
        """Prolong it; False: it lapsed or another took it, and its holder must stop."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give it back; nothing happens when it is no longer held."""
        ...

    async def post(self, topic: str, payload: bytes) -> int:
        """Put a signal on the short list; its position."""
        ...

    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        """The signals of `topics` (None: of all) with a position above `after`, in order; `after=-1` reads none and
        answers the position to go on from."""
        ...


__all__ = ["TOGGLE_RECORD", "Lease", "RecentSignals", "Record", "SharedStore", "StoredSignal"]
