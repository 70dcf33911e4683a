"""One tick's reads of the store: heads, signals and toggle, side by side within a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.providers.history import HEADS_BATCH, Storage
from umbral_chat.providers.store import TOGGLE_RECORD, RecentSignals, Record


@dataclass(frozen=True, slots=True)
class TickResult:
    """What the store answered. `recent` is None when the signals were not asked for."""

    heads: Mapping[str, Head | Deleted]
    recent: RecentSignals | None
    toggle: Record | None


async def read_store(
    storage: Storage, conversations: Sequence[str], position: int | None, *, within: float
) -> TickResult:
    """Read the heads of `conversations`, the signals past `position` (None: none) and the toggle.

    Raises TimeoutError after `within` seconds, and what a read raises; when one fails, the others are cancelled.
    """
    reads: list[asyncio.Task[Any]] = []
    try:
        async with asyncio.timeout(within):
            heads = asyncio.create_task(_heads(storage, conversations))
            recent = asyncio.create_task(_recent(storage, position))
            toggle = asyncio.create_task(storage.store.get(*TOGGLE_RECORD))
            reads = [heads, recent, toggle]
            await asyncio.gather(*reads)
            return TickResult(heads.result(), recent.result(), toggle.result())
    finally:
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


async def _heads(storage: Storage, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
    heads: dict[str, Head | Deleted] = {}
    for start in range(0, len(conversations), HEADS_BATCH):
        heads.update(await storage.history.heads(conversations[start : start + HEADS_BATCH]))
    return heads


async def _recent(storage: Storage, position: int | None) -> RecentSignals | None:
    return None if position is None else await storage.store.recent(None, position)


__all__ = ["TickResult", "read_store"]
