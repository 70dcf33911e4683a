"""Shared reads: whoever wants the same page at the same time waits for one query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.conversations import Head
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.providers.history import History

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Page:
    """A page as lines. `gone`: the conversation is deleted."""

    head: Head | None
    lines: Sequence[EncodedEntry]
    gone: bool = False


class Reads:
    """Reads of the log. Those for a page are shared by all who ask for it while it runs.

    A shared read may have begun before somebody joins it, so its page may be of an earlier moment than the question:
    contiguous and true, but not the newest. Whoever must know how things stand now asks with `fresh`.
    """

    def __init__(self, history: History, telemetry: Telemetry) -> None:
        self._history = history
        self._running: dict[tuple[str, int, int], asyncio.Task[Page]] = {}
        self._count = telemetry.counter("umbral_chat.history.reads")

    async def fresh(self, conversation: str, after: int, limit: int, *, reason: str) -> Page:
        """A page after `after`, of a moment after this call. Raises HistoryUnavailable."""
        self._count.labels(reason).value += 1
        return await self._read(conversation, after, limit)

    async def shared(self, conversation: str, after: int, limit: int) -> Page:
        """A page after `after`, by the read that runs already where there is one. Raises HistoryUnavailable."""
        key = (conversation, after, limit)
        task = self._running.get(key)
        if task is None:
            self._count.labels("page").value += 1
            task = asyncio.create_task(self._read(conversation, after, limit), name=f"read {conversation}")
            self._running[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        # Shielded: one reader who leaves must not take the page from the others.
        return await asyncio.shield(task)

    async def _read(self, conversation: str, after: int, limit: int) -> Page:
        try:
            page = await self._history.read(conversation, after, limit)
        except ConversationDeleted:
            return Page(None, (), gone=True)
        return Page(page.head, [EncodedEntry.of(entry) for entry in page.entries])

    def _done(self, key: tuple[str, int, int], task: asyncio.Task[Page]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # retrieved here, so that a page nobody waits for any more is no loose end

    async def close(self) -> None:
        """End what runs; nobody is left who would use it."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


__all__ = ["Page", "Reads"]
