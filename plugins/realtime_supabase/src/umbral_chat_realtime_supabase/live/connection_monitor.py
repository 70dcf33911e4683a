"""Keeping a link: it is looked after while it is quiet, and replaced before its time is over."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable

from umbral_chat_realtime_supabase.live.tasks import ended
from umbral_chat_realtime_supabase.live.connector import LinkUp
from umbral_chat_realtime_supabase.live.disconnection import Lost
from umbral_chat_realtime_supabase.live.session import Session

LIFE = 23 * 3600.0
"""Seconds that a socket is kept at most: Supabase limits connections with opaque keys to 24 hours."""

OF_A_LIFE = 0.8
"""Share of the shortest life seen after which a socket is replaced: its key's token has an end that is not told."""

SHORTEST = 30.0
"""Seconds: whatever ends sooner is not mended by replacing it."""

RENEW_AGAIN = 60.0
"""Seconds until the next try when no other link could be made."""

LOOK = 0.5
"""Seconds between two looks at how things are."""

_log = logging.getLogger(__name__)


class Keeping:
    """Holds the session in use. A replacement is live before the old one is left, so nothing is missed and nobody
    notices."""

    def __init__(self, linkup: LinkUp, clock: Clock, *, probe_interval: float) -> None:
        self._linkup, self._clock, self._probe_interval = linkup, clock, probe_interval
        self._life = LIFE
        self._renewing: asyncio.Task[Session | Lost] | None = None
        self._probing: asyncio.Task[Lost | None] | None = None
        self.session: Session | None = None

    async def until_lost(self, *, busy: Callable[[], bool]) -> Lost:
        """Return why the link is over. `busy`: whether anybody waits for what it brings; else it is not probed."""
        if self.session is None:
            raise AssertionError("there is a session to be kept")
        renew_at = self._next_renewal(self.session)
        try:
            while True:
                session = self.session
                lost = await session.until_lost(LOOK) or self._probed(session, busy)
                if lost is not None:
                    self._learn(session, lost)
                    return lost
                if self._renewing is None and self._clock.monotonic() >= renew_at:
                    self._renewing = asyncio.create_task(self._linkup.link(), name="supabase: next link")
                elif self._renewing is not None and self._renewing.done():
                    renew_at = await self._replaced(self._renewing.result())
        finally:
            await self._leave()

    def _probed(self, session: Session, busy: Callable[[], bool]) -> Lost | None:
        """What a probe that is over has found; the next one is begun when it is due."""
        probing = self._probing
        if probing is not None and probing.done():
            self._probing = None
            return probing.result()
        quiet = self._clock.monotonic() - self._linkup.heard_at
        if probing is None and quiet >= self._probe_interval and busy():
            # Beside the looking: a database that is slow to answer must not hide that the socket is gone.
            self._probing = asyncio.create_task(self._probe(session), name="supabase: probe")
        return None

    async def _probe(self, session: Session) -> Lost | None:
        begun = self._clock.monotonic()
        try:
            lost = await self._linkup.probe(session)
            # One probe may be lost, as anything may. What came after it shows that the link works.
            return None if lost is not None and self._linkup.heard_at > begun else lost
        except HistoryUnavailable:
            # The database cannot be asked, so nothing is appended that could be missed.
            self._linkup.heard_at = self._clock.monotonic()
            return None

    async def _replaced(self, found: Session | Lost) -> float:
        """Take over what was made, if it was; when to do so next."""
        self._renewing = None
        if isinstance(found, Lost) or self.session is None:
            _log.warning("no new link to Supabase Realtime could be made yet: %s", found)
            return self._clock.monotonic() + RENEW_AGAIN
        old, self.session = self.session, found
        await old.close()
        return self._next_renewal(found)

    async def _leave(self) -> None:
        probing, self._probing = self._probing, None
        renewing, self._renewing = self._renewing, None
        tasks = [task for task in (probing, renewing) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            await ended(*tasks)
        finally:
            if renewing is not None and not renewing.cancelled() and renewing.exception() is None:
                found = renewing.result()
                if isinstance(found, Session):
                    await found.close()

    def _next_renewal(self, session: Session) -> float:
        # Spread, since instances that were started together would otherwise come at once.
        return session.began + self._life * random.uniform(0.9, 1.0)  # noqa: S311 - guards nothing

    def _learn(self, session: Session, lost: Lost) -> None:
        lived = self._clock.monotonic() - session.began
        if lost.kind == "expired" and lived >= SHORTEST:
            self._life = min(self._life, OF_A_LIFE * lived)


__all__ = ["LIFE", "LOOK", "Keeping"]
