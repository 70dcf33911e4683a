"""The scan: finds in the inbox what no wake-up told of, because it was written elsewhere or while nobody ran."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from umbral_chat._core.consumers.conversation_queue import Agenda
from umbral_chat._core.consumers.cursor_store import Places
from umbral_chat.model.conversations import Head
from umbral_chat.providers.history import History

PAGE = 200
"""Conversations read at once."""

OVERLAP = timedelta(minutes=2)
"""How much of what was scanned is scanned again: the clocks of instances differ, and what was written first need not
be seen first."""

STORE_EVERY = timedelta(minutes=1)
"""How much the scan must have got on for that to be stored: less of a start's scan would not be worth a write."""


class Scan:
    """Newest activity first, back to where the scan before began; the first one back to where everything was handled
    when that was last stored, and without that through all there is.
    """

    def __init__(
        self,
        history: History,
        places: Places,
        agenda: Agenda,
        *,
        handled: Callable[[str, Head], bool],
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self._history = history
        self._places = places
        self._agenda = agenda
        self._handled = handled
        self._room = room
        self._reached: datetime | None = None
        self._stored: datetime | None = None
        self._first = True

    async def run(self) -> None:
        """One scan. It waits while the agenda is full. Raises HistoryUnavailable; then nothing counts as scanned."""
        if self._first:
            self._reached = self._stored = await self._places.scanned()
            self._first = False
        reached = await self._walk(None if self._reached is None else self._reached - OVERLAP)
        if reached is None:
            return
        self._reached = reached if self._reached is None else max(reached, self._reached)
        await self._store(self._agenda.oldest or self._reached)

    async def _walk(self, floor: datetime | None) -> datetime | None:
        """Go back to `floor`. The newest activity that was seen."""
        newest = before = None
        while True:
            page = await self._history.conversations(limit=PAGE, before=before)
            for conversation in page.conversations:
                if newest is None:
                    newest = conversation.last_activity
                if floor is not None and conversation.last_activity < floor:
                    return newest
                if conversation.head and not self._handled(
                    conversation.id, Head(conversation.epoch, conversation.head)
                ):
                    await self._room()
                    self._agenda.find(conversation.id, conversation.last_activity)
            before = page.before
            if before is None:
                return newest

    async def _store(self, scanned: datetime) -> None:
        if self._stored is None or scanned >= self._stored + STORE_EVERY:
            await self._places.store_scanned(scanned)
            self._stored = scanned


__all__ = ["OVERLAP", "Scan"]
