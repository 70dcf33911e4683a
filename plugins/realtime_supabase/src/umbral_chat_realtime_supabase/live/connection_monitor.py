"""Watches the connection in use: it is probed while nothing is received, and replaced before it expires."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable

from umbral_chat_realtime_supabase.live.connector import Connector
from umbral_chat_realtime_supabase.live.disconnection import Disconnection
from umbral_chat_realtime_supabase.live.session import Session
from umbral_chat_realtime_supabase.live.tasks import wait_until_done

MAX_LIFETIME = 23 * 3600.0
"""Longest use of a socket, in seconds: Supabase limits connections with opaque keys to 24 hours."""

LIFETIME_SHARE = 0.8
"""Share of the shortest lifetime seen after which a socket is replaced: when its key's token expires is not known."""

MIN_LIFETIME = 30.0
"""Seconds: replacing sockets does not help where they expire sooner than this."""

REPLACE_RETRY = 60.0
"""Seconds until the next attempt to replace a socket, where one failed."""

POLL_INTERVAL = 0.5
"""Seconds between two checks of the session and of the tasks beside it."""

_log = logging.getLogger(__name__)


class ConnectionMonitor:
    """Has the session in use, and replaces it in time. A replacement is live before the old session is closed, so no
    broadcast is missed."""

    def __init__(self, connector: Connector, clock: Clock, *, probe_interval: float) -> None:
        self._connector, self._clock, self._probe_interval = connector, clock, probe_interval
        self._lifetime = MAX_LIFETIME
        self._replacing: asyncio.Task[Session | Disconnection] | None = None
        self._probing: asyncio.Task[Disconnection | None] | None = None
        self.session: Session | None = None

    async def until_disconnected(self, *, busy: Callable[[], bool]) -> Disconnection:
        """Wait until the connection is over; why it is. It is probed only while `busy` returns True: while anything is
        watched."""
        if self.session is None:
            raise AssertionError("there is no session to monitor")
        replace_at = self._replacement_due(self.session)
        try:
            while True:
                session = self.session
                disconnection = await session.until_disconnected(POLL_INTERVAL) or self._probe_result(session, busy)
                if disconnection is not None:
                    self._learn_lifetime(session, disconnection)
                    return disconnection
                if self._replacing is None and self._clock.monotonic() >= replace_at:
                    self._replacing = asyncio.create_task(self._connector.connect(), name="supabase: replacement")
                elif self._replacing is not None and self._replacing.done():
                    replace_at = await self._replace(self._replacing.result())
        finally:
            await self._cancel_tasks()

    def _probe_result(self, session: Session, busy: Callable[[], bool]) -> Disconnection | None:
        """The result of a probe that is done; starts the next one when it is due."""
        probing = self._probing
        if probing is not None and probing.done():
            self._probing = None
            return probing.result()
        quiet = self._clock.monotonic() - self._connector.last_broadcast_at
        if probing is None and quiet >= self._probe_interval and busy():
            # In a task of its own: a database that answers slowly must not hide that the socket is gone.
            self._probing = asyncio.create_task(self._probe(session), name="supabase: probe")
        return None

    async def _probe(self, session: Session) -> Disconnection | None:
        begun = self._clock.monotonic()
        try:
            disconnection = await self._connector.probe(session)
            # A single probe may be lost. A broadcast after it shows that the link works.
            return None if self._connector.last_broadcast_at > begun else disconnection
        except HistoryUnavailable:
            # The database does not answer, so nothing is appended that could be missed.
            self._connector.last_broadcast_at = self._clock.monotonic()
            return None

    async def _replace(self, replacement: Session | Disconnection) -> float:
        """Use the new session, where there is one; when the next replacement is due."""
        self._replacing = None
        if isinstance(replacement, Disconnection) or self.session is None:
            _log.warning("the connection to Supabase Realtime could not be replaced yet: %s", replacement)
            return self._clock.monotonic() + REPLACE_RETRY
        old, self.session = self.session, replacement
        await old.close()
        return self._replacement_due(replacement)

    async def _cancel_tasks(self) -> None:
        probing, self._probing = self._probing, None
        replacing, self._replacing = self._replacing, None
        tasks = [task for task in (probing, replacing) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            await wait_until_done(*tasks)
        finally:
            if replacing is not None and not replacing.cancelled() and replacing.exception() is None:
                replacement = replacing.result()
                if isinstance(replacement, Session):
                    await replacement.close()

    def _replacement_due(self, session: Session) -> float:
        # Spread, since instances that were started together would otherwise reconnect at once.
        return session.began + self._lifetime * random.uniform(0.9, 1.0)  # noqa: S311 - guards nothing

    def _learn_lifetime(self, session: Session, disconnection: Disconnection) -> None:
        lifetime = self._clock.monotonic() - session.began
        if disconnection.kind == "expired" and lifetime >= MIN_LIFETIME:
            self._lifetime = min(self._lifetime, LIFETIME_SHARE * lifetime)


__all__ = ["MAX_LIFETIME", "POLL_INTERVAL", "ConnectionMonitor"]
