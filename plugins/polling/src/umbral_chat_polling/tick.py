"""One look at the store: heads, signals and toggle, read side by side within a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.providers.history import Storage
from umbral_chat.providers.store import RecentSignals, Record

CHUNK = 5_000
"""Conversations asked for in one call: a history may hold everything else up while it answers, and some limit how
much one statement may carry."""

TOGGLE = ("core", "realtime")
"""Namespace and key of the record that holds the realtime toggle."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found. `recent` is None when the signals were not asked for."""

    heads: Mapping[str, Head | Deleted]
    recent: RecentSignals | None
    toggle: Record | None


async def look(storage: Storage, conversations: Sequence[str], position: int | None, *, within: float) -> Seen:
    """Read the heads of `conversations`, the signals past `position` (None: none) and the toggle.

    Raises TimeoutError after `within` seconds, and what a read raises; whichever fails, the others are ended with it.
    """
    reads: list[asyncio.Task[Any]] = []
    try:
        async with asyncio.timeout(within):
            heads = asyncio.create_task(_heads(storage, conversations))
            recent = asyncio.create_task(_recent(storage, position))
            toggle = asyncio.create_task(storage.store.get(*TOGGLE))
            reads = [heads, recent, toggle]
            await asyncio.gather(*reads)
            return Seen(heads.result(), recent.result(), toggle.result())
    finally:
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


async def _heads(storage: Storage, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
    heads: dict[str, Head | Deleted] = {}
    for start in range(0, len(conversations), CHUNK):
        heads.update(await storage.history.heads(conversations[start : start + CHUNK]))
    return heads


async def _recent(storage: Storage, position: int | None) -> RecentSignals | None:
    return None if position is None else await storage.store.recent(None, position)


__all__ = ["CHUNK", "TOGGLE", "Seen", "look"]
