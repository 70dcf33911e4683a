"""An announcer: tells one transport, which must tell the others itself, what was written here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from umbral_chat._core.delivery.bus import Happened
from umbral_chat._core.delivery.failover.announcements import Announcements
from umbral_chat._core.runtime.tasks import being_cancelled
from umbral_chat.providers.transport import Announces, StateName

log = logging.getLogger(__name__)

ANNOUNCE_TIMEOUT = 5.0
"""Seconds that a transport may take for one announcement, which is lost then."""


class Announcer:
    """Goes on whatever the transport does: what is lost costs time, and what happens meanwhile waits, bounded."""

    def __init__(self, name: str, transport: Announces, state: Callable[[], StateName]) -> None:
        self._name, self._transport, self._state = name, transport, state
        self._waiting = Announcements()
        self._due = asyncio.Event()
        self._failed = False

    def put(self, happened: Happened) -> None:
        """Something happened here. Never waits, never raises."""
        self._waiting.put(happened)
        self._due.set()

    def wake(self) -> None:
        """The transport's state changed."""
        self._due.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            # While it is down nothing is taken: once it is back, the others learn how far each log got.
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
        # Told once, until one goes out again: a transport that is broken is broken for each entry.
        level = logging.DEBUG if self._failed else logging.WARNING
        log.log(level, "transport %s announced nothing of an entry, which others find later: %s", self._name, reason)
        self._failed = True


__all__ = ["ANNOUNCE_TIMEOUT", "Announcer"]
