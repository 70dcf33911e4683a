"""Shared reads: whoever wants the same page at the same time waits for one query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from umbral_chat.errors import ConversationDeleted
from umbral_chat.feed.line import Line
from umbral_chat.model.conversations import Head
from umbral_chat.providers.history import History
from umbral_chat.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Page:
    """A page as lines. `gone`: the conversation is deleted."""

    head: Head | None
    lines: Sequence[Line]
    gone: bool = False


class Reads:
    """Reads of the log, each shared by those who ask for it while it runs.

    A reader may only join a read that began after it asked for what it wants to know; that a page is wanted from a
    `seq` on is known before, so joining never shows less than what a read of one's own would have to show: everything
    that was acknowledged before the shared read began. Readers who need later truth ask with a `fresh` key.
    """

    def __init__(self, history: History, telemetry: Telemetry) -> None:
        self._history = history
        self._running: dict[tuple[str, int, int], asyncio.Task[Page]] = {}
        self._count = telemetry.counter("umbral_chat.history.reads")

    async def page(self, conversation: str, after: int, limit: int, *, reason: str) -> Page:
        """One page after `after`. Raises HistoryUnavailable."""
        key = (conversation, after, limit)
        task = self._running.get(key)
        if task is None:
            self._count.labels(reason).value += 1
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
        return Page(page.head, [Line.of(entry) for entry in page.entries])

    def _done(self, key: tuple[str, int, int], task: asyncio.Task[Page]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # retrieved here, so that a page nobody waits for any more is no loose end

    async def close(self) -> None:
        """Wait for what runs; nobody is left who would use it."""
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)


__all__ = ["Page", "Reads"]
