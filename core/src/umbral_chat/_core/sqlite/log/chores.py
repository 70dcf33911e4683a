"""What the writer does between groups: removing deleted logs, emptying the WAL, compacting, sweeping what lapsed."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

import apsw

from umbral_chat._core.sqlite.engine.locking import writing
from umbral_chat._core.sqlite.engine.work_queue import Outcome
from umbral_chat._core.sqlite.log.erasure import compact_slice, remove_slice, worth_compacting
from umbral_chat._core.sqlite.log.scrub import Scrub
from umbral_chat._core.sqlite.log.sweep import sweep

_log = logging.getLogger(__name__)

SWEEP = 60.0
"""Seconds between sweeps. What lapsed reads as absent at once; sweeping only gives its space back."""

_AGAIN = 1.0
"""Pause after a chore that failed (the disk is full, another process holds the lock)."""


class Chores:
    """Each step is one short transaction, so that senders wait for at most one."""

    def __init__(self) -> None:
        self.scrub = Scrub()
        self._doomed: deque[tuple[int, Outcome | None]] = deque()
        self._compact = False
        self._sweep = self._not_before = 0.0

    def resume(self, connection: apsw.Connection, now: float) -> None:
        """Take up what an earlier process left undone, the emptying of the WAL included."""
        doomed: list[Any] = connection.execute("SELECT conversation FROM doomed").fetchall()
        self._doomed.extend((log, None) for (log,) in doomed)
        self._compact = worth_compacting(connection)
        self.scrub.owe(now, [])
        self._sweep = now

    def doom(self, log: int, outcome: Outcome) -> None:
        """Remove a log's rows; `outcome` is answered when they and their traces are gone."""
        self._doomed.append((log, outcome))

    def due(self, now: float) -> float:
        """Seconds until there is something to do."""
        wait = 0.0 if self._doomed or self._compact else self._sweep - now
        scrub = self.scrub.due(now)
        if scrub is not None:
            wait = min(wait, scrub)
        return max(wait, self._not_before - now, 0.0)

    def step(self, connection: apsw.Connection, now: float, wall: int) -> list[Outcome]:
        """Do one thing; the answers that it sets free. `wall` is the time in microseconds."""
        try:
            return self._step(connection, now, wall)
        except apsw.Error as error:
            _log.warning("Housekeeping in the database failed and will be tried again: %s", error)
            self._not_before = now + _AGAIN
            return []

    def finish(self, connection: apsw.Connection, now: float) -> list[Outcome]:
        """At the end: one more try to empty the WAL, and every answer that is still owed. Logs that are half removed
        are taken up at the next start."""
        outcomes = [outcome for _, outcome in self._doomed if outcome is not None]
        self._doomed.clear()
        self.scrub.owe(now, [])
        return outcomes + self.scrub.attempt(connection, now) + self.scrub.release()

    def _step(self, connection: apsw.Connection, now: float, wall: int) -> list[Outcome]:
        if self.scrub.due(now) == 0.0:
            return self.scrub.attempt(connection, now)
        if self._doomed:
            log, outcome = self._doomed[0]
            with writing(connection):
                done = remove_slice(connection, log)
            if done:
                self._doomed.popleft()
                self.scrub.owe(now, [] if outcome is None else [outcome])
                self._compact = worth_compacting(connection)
        elif self._compact:
            with writing(connection):
                compact_slice(connection)
            self._compact = worth_compacting(connection)
        elif now >= self._sweep:
            self._sweep = now + SWEEP
            with writing(connection):
                sweep(connection, wall)
        return []


__all__ = ["SWEEP", "Chores"]
