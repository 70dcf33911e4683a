"""Shared store: small records that instances share, beside the logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from umbral_chat.errors import InvalidRequest

NAME_LIMIT = 256
"""Most characters of a namespace, key, topic, lease or holder."""

VALUE_LIMIT, SIGNAL_LIMIT = 64 * 1024, 256 * 1024
"""Most bytes of a record's value, and of a signal's payload: a draft of the longest message in any script fits."""

TOGGLE_RECORD = ("core", "realtime")
"""Namespace and key of the record that holds the realtime toggle, which transports read with their ticks."""


class Record(msgspec.Struct, frozen=True):
    """A stored value and its version: 1 or more, higher with each write, and never reused for a key, even after it was
    deleted."""

    value: bytes
    version: int


class Lease(msgspec.Struct, frozen=True):
    """A right that one holder has at a time, until it expires.

    `token` is a fencing token: it rises with every change of holder, so a write guarded by an older one is refused.
    """

    name: str
    holder: str
    token: int


class StoredSignal(msgspec.Struct, frozen=True):
    """One recent signal. `position` increases over the whole list."""

    position: int
    topic: str
    payload: bytes


class RecentSignals(msgspec.Struct, frozen=True):
    """The signals that were posted since a position. `complete` False: some were dropped in between, as the list is
    short."""

    position: int
    signals: list[StoredSignal]
    complete: bool = True


class SharedStore(Protocol):
    """Namespaced records with time to live, compare-and-set, leases with fencing tokens, and recent signals.

    Guarantees, which `umbral_chat.testing.SharedStoreContract` checks: each call is atomic and seen by every instance
    when it returns; records are durable, signals are not promised to be; an expired record reads as absent at once,
    whenever it is removed; time is the store's own, so that instances with wrong clocks agree. Namespaces, keys, topics
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
        """Write the record unconditionally; it expires after `ttl` seconds, if given."""
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
        that lease exists. None: nothing was written."""
        ...

    async def delete(self, namespace: str, key: str) -> bool:
        """Remove the record; whether it existed."""
        ...

    async def acquire(self, name: str, holder: str, ttl: float) -> Lease | None:
        """Take a lease that is free, or that `holder` has already (which renews it); None: another has it."""
        ...

    async def renew(self, lease: Lease, ttl: float) -> bool:
        """Prolong the lease to `ttl` seconds from now; False: it expired or another holder took it, so its holder must
        stop."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lease back; does nothing if it is not held any more."""
        ...

    async def post(self, topic: str, payload: bytes) -> int:
        """Append a signal to the short list; its position."""
        ...

    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        """The signals of `topics` (None: of all) with a position above `after`, in order; `after=-1` reads none and
        returns the position to continue from."""
        ...


def check_names(*names: str) -> None:
    """Hold names to the bounds of `SharedStore`: text without NUL of at most `NAME_LIMIT` characters. For stores.

    Raises InvalidRequest.
    """
    for name in names:
        if len(name) > NAME_LIMIT or not _is_text(name):
            raise InvalidRequest(
                f"A name in the shared store is text of at most {NAME_LIMIT} characters.", limit=NAME_LIMIT
            )


def check_size(what: str, value: bytes, limit: int = VALUE_LIMIT) -> None:
    """Hold a value, or with `limit` a payload, to its bound in bytes. For stores. Raises InvalidRequest."""
    if len(value) > limit:
        raise InvalidRequest(f"A {what} in the shared store has at most {limit} bytes.", field=what, limit=limit)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name


__all__ = [
    "NAME_LIMIT",
    "SIGNAL_LIMIT",
    "TOGGLE_RECORD",
    "VALUE_LIMIT",
    "Lease",
    "RecentSignals",
    "Record",
    "SharedStore",
    "StoredSignal",
    "check_names",
    "check_size",
]
