"""Snapshots: the newest messages as they are now, one read for all who want the same."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import msgspec
from umbral_chat.model.conversations import Head
from umbral_chat.model.cursor import Cursor
from umbral_chat.providers.history import History

_encoder = msgspec.json.Encoder()


class Snapshot(NamedTuple):
    """The messages as encoded JSON, and where the log stood when they were read."""

    head: Head | None
    messages: bytes


class Snapshots:
    """Reads snapshots. Whoever stands at the same head and asks while a read runs is answered by that read: it began
    after the head was known, so it shows no less."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._running: dict[tuple[str, Cursor, int], asyncio.Task[Snapshot]] = {}

    async def read(self, conversation: str, head: Cursor, limit: int) -> Snapshot:
        """The newest `limit` messages of a log that got to `head` at least. Raises what `History.messages` raises."""
        key = (conversation, head, limit)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._read(conversation, limit), name="snapshot")
            task.add_done_callback(lambda done: self._done(key, done))
        # Shielded: one client who leaves must not take the snapshot from the others.
        return await asyncio.shield(task)

    async def _read(self, conversation: str, limit: int) -> Snapshot:
        page = await self._history.messages(conversation, limit=limit)
        return Snapshot(page.head, _encoder.encode(page.messages))

    def _done(self, key: tuple[str, Cursor, int], task: asyncio.Task[Snapshot]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # looked at, for when everybody who wanted it has left


__all__ = ["Snapshot", "Snapshots"]
