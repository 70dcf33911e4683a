"""Emptying the WAL: what was removed from the database is not gone while the log of its pages still holds it."""

from __future__ import annotations

import logging

import apsw

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.work_queue import Outcome

_log = logging.getLogger(__name__)

_FIRST, _LONGEST = 0.005, 1.0
"""Seconds between tries: a reader of ours is done within milliseconds; a stuck one elsewhere may take any time."""

_WAIT_MS = 10
"""How long one try holds the writer while readers are in the way."""

_GIVE_UP = 5.0
"""Seconds after which callers are answered all the same: the removal is durable and nobody can read what was removed
through the service, but another process's long read still keeps the WAL from being emptied."""


class Scrub:
    """Owes the emptying of the WAL, and the answers that wait for it."""

    def __init__(self) -> None:
        self.owed = False
        self._waiting: list[Outcome] = []
        self._since = self._next = 0.0
        self._pause = _FIRST

    def owe(self, now: float, waiting: list[Outcome]) -> None:
        """Something was removed at `now` (monotonic)."""
        if not self._waiting:
            self._since = now
        self._waiting += waiting
        self.owed = True
        self._next, self._pause = now, _FIRST

    def due(self, now: float) -> float | None:
        """Seconds until the next try; None: nothing is owed."""
        return max(0.0, self._next - now) if self.owed else None

    def attempt(self, connection: apsw.Connection, now: float) -> list[Outcome]:
        """Try once; the answers that need not wait any longer."""
        connection.set_busy_timeout(_WAIT_MS)
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error as error:
            self._next = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST)
            if not self._waiting or now - self._since < _GIVE_UP:
                return []
            _log.warning("What was removed is still in the write-ahead log (%s); emptying it goes on.", error)
        else:
            self.owed = False
        finally:
            connection.set_busy_timeout(database.BUSY_MS)
        return self.release()

    def release(self) -> list[Outcome]:
        """All answers that wait."""
        done, self._waiting = self._waiting, []
        return done


__all__ = ["Scrub"]
