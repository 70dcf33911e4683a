"""Snapshots: the newest messages, folded, with one read for all who request the same."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from umbral_chat.model.conversations import Head
from umbral_chat.model.cursor import Cursor
from umbral_chat.providers.history import History

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry

CACHE_BYTES = 32 * 2**20
"""Most bytes of all snapshots in the cache. The oldest is dropped first."""

_encoder = msgspec.json.Encoder()


class Snapshot(NamedTuple):
    """The messages as encoded JSON, and where the log stood when they were read."""

    head: Head | None
    messages: bytes


class _Cached(NamedTuple):
    heads: tuple[Cursor, Cursor]
    """The head that the request knew, and the head when it was read: every change of a message moves the head, so at
    either of the two a new read would find the same."""
    snapshot: Snapshot
    end: asyncio.TimerHandle


class Snapshots:
    """Reads snapshots. A request at the same head is answered by the read that runs, which began after the head was
    known and so finds no less, or for `keep` seconds by the one before."""

    def __init__(self, history: History, telemetry: Telemetry, *, keep: float) -> None:
        self._history = history
        self._reads = telemetry.counter("umbral_chat.history.reads").labels("snapshot")
        self._keep = keep
        self._running: dict[tuple[str, Cursor, int], asyncio.Task[Snapshot]] = {}
        self._cache: OrderedDict[tuple[str, int], _Cached] = OrderedDict()
        self._bytes = 0

    async def read(self, conversation: str, head: Cursor, limit: int) -> Snapshot:
        """The newest `limit` messages of a log whose head is at least `head`. Raises what `History.messages` raises."""
        cached = self._cache.get((conversation, limit))
        if cached is not None and head in cached.heads:
            return cached.snapshot
        key = (conversation, head, limit)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._read(conversation, head, limit), name="snapshot")
            task.add_done_callback(lambda done: self._done(key, done))
        # Shielded: one client who leaves must not take the snapshot from the others.
        return await asyncio.shield(task)

    async def _read(self, conversation: str, head: Cursor, limit: int) -> Snapshot:
        self._reads.value += 1
        page = await self._history.messages(conversation, limit=limit)
        snapshot = Snapshot(page.head, _encoder.encode(page.messages))
        if page.head is not None:
            self._put((conversation, limit), (head, Cursor(page.head.epoch, page.head.seq)), snapshot)
        return snapshot

    def _put(self, key: tuple[str, int], heads: tuple[Cursor, Cursor], snapshot: Snapshot) -> None:
        self._drop(key)
        # Text that was redacted or deleted meanwhile must not stay in memory for long, so the snapshot is dropped also
        # without further requests.
        end = asyncio.get_running_loop().call_later(self._keep, self._drop, key)
        self._cache[key] = _Cached(heads, snapshot, end)
        self._bytes += len(snapshot.messages)
        while self._bytes > CACHE_BYTES:
            self._drop(next(iter(self._cache)))

    def _drop(self, key: tuple[str, int]) -> None:
        cached = self._cache.pop(key, None)
        if cached is not None:
            cached.end.cancel()
            self._bytes -= len(cached.snapshot.messages)

    def _done(self, key: tuple[str, Cursor, int], task: asyncio.Task[Snapshot]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # retrieved, also when every client that waited for it has left


__all__ = ["CACHE_BYTES", "Snapshot", "Snapshots"]
