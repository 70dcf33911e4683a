"""Snapshots: the newest messages as they are now, one read for all who want the same."""

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

KEPT_BYTES = 32 * 2**20
"""Most that is kept of all snapshots together. The one that was made first goes first."""

_encoder = msgspec.json.Encoder()


class Snapshot(NamedTuple):
    """The messages as encoded JSON, and where the log stood when they were read."""

    head: Head | None
    messages: bytes


class _Kept(NamedTuple):
    heads: tuple[Cursor, Cursor]
    """Where the log stood at least when it was asked for, and where when it was read: whatever changes a message moves
    the head, so at either of the two it is what a read would tell."""
    snapshot: Snapshot
    end: asyncio.TimerHandle


class Snapshots:
    """Reads snapshots. Whoever stands at the same head is answered by the read that runs, which began after the head
    was known and so shows no less, or by the one before, for `keep` seconds."""

    def __init__(self, history: History, telemetry: Telemetry, *, keep: float) -> None:
        self._history = history
        self._reads = telemetry.counter("umbral_chat.history.reads").labels("snapshot")
        self._keep = keep
        self._running: dict[tuple[str, Cursor, int], asyncio.Task[Snapshot]] = {}
        self._kept: OrderedDict[tuple[str, int], _Kept] = OrderedDict()
        self._bytes = 0

    async def read(self, conversation: str, head: Cursor, limit: int) -> Snapshot:
        """The newest `limit` messages of a log that got to `head` at least. Raises what `History.messages` raises."""
        kept = self._kept.get((conversation, limit))
        if kept is not None and head in kept.heads:
            return kept.snapshot
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
        # Text that was blanked or deleted meanwhile must not stay in memory for long, so it is dropped also when
        # nobody asks any more.
        end = asyncio.get_running_loop().call_later(self._keep, self._drop, key)
        self._kept[key] = _Kept(heads, snapshot, end)
        self._bytes += len(snapshot.messages)
        while self._bytes > KEPT_BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, int]) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            kept.end.cancel()
            self._bytes -= len(kept.snapshot.messages)

    def _done(self, key: tuple[str, Cursor, int], task: asyncio.Task[Snapshot]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # looked at, for when everybody who wanted it has left


__all__ = ["KEPT_BYTES", "Snapshot", "Snapshots"]
