"""An announcer: hands what was written here to one transport that does not read the store, and so must announce it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from umbral_chat._core.delivery.bus import LogChange
from umbral_chat._core.delivery.failover.announcements import Announcements
from umbral_chat._core.runtime.tasks import being_cancelled
from umbral_chat.providers.transport import Announces, StateName

log = logging.getLogger(__name__)

ANNOUNCE_TIMEOUT = 5.0
"""Seconds that a transport may take for one announcement, which is lost then."""


class Announcer:
    """Announces whatever the transport does: a lost announcement costs time, and changes meanwhile wait, bounded."""

    def __init__(self, name: str, transport: Announces, state: Callable[[], StateName]) -> None:
        self._name, self._transport, self._state = name, transport, state
        self._waiting = Announcements()
        self._due = asyncio.Event()
        self._failed = False

    def put(self, change: LogChange) -> None:
        """Queue a change made here. Never waits, never raises."""
        self._waiting.put(change)
        self._due.set()

    def wake(self) -> None:
        """The transport's state changed."""
        self._due.set()

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            # While it is down nothing is announced: once it is back, the head of each log is.
            while self._state() in {"live", "degraded"} and len(self._waiting):
                await self._announce_next()

    async def _announce_next(self) -> None:
        try:
            hint = self._waiting.take()
            if hint is not None:
                async with asyncio.timeout(ANNOUNCE_TIMEOUT):
                    await self._transport.announce(hint)
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            self._lost("it was cancelled")
        except Exception as error:  # noqa: BLE001 - an announcement is best effort, and the next one may go out
            self._lost(str(error) or type(error).__name__)
        else:
            self._failed = False

    def _lost(self, reason: str) -> None:
        # Logged once, until one succeeds again: a broken transport fails for each entry.
        level = logging.DEBUG if self._failed else logging.WARNING
        log.log(level, "transport %s announced nothing of an entry, which others find later: %s", self._name, reason)
        self._failed = True


__all__ = ["ANNOUNCE_TIMEOUT", "Announcer"]
