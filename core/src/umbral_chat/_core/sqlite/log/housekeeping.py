"""What the writer does between groups: it removes deleted logs, empties the WAL, compacts, and removes what expired."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

import apsw

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.locking import write_transaction
from umbral_chat._core.sqlite.engine.timestamps import duration_micros
from umbral_chat._core.sqlite.engine.work_queue import Reply
from umbral_chat._core.sqlite.log.erasure import compact_slice, remove_slice, worth_compacting
from umbral_chat.transport_kit.backoff import Backoff

_log = logging.getLogger(__name__)

SWEEP_INTERVAL = 60.0
"""Seconds between sweeps. What expired reads as absent at once; a sweep only frees its space."""

SIGNAL_TTL = duration_micros(60)
"""Age of the oldest signal kept: far longer than any reader's tick."""

_LEASE_RETENTION = duration_micros(86_400)
"""How long the row of an expired lease is kept: its token fences off the former holder."""

_RETRY_DELAY = 1.0
"""Seconds of pause after a step that failed (the disk is full, another process holds the lock)."""

_CHECKPOINT_RETRY, _CHECKPOINT_RETRY_MAX = 0.005, 1.0
"""Seconds between tries to empty the WAL: a reader of ours is done within milliseconds; one that hangs in another
process may take any time."""

_CHECKPOINT_BUSY_MS = 10
"""How long one try holds up the writer while readers are in the way."""

_REPLY_TIMEOUT = 5.0
"""Seconds after which a deferred reply is given although another process's long read still keeps the WAL from being
emptied: the removal is durable, and what was removed cannot be read through the service."""


class HousekeepingTasks:
    """Each step is one short transaction, so that senders wait for at most one."""

    def __init__(self) -> None:
        self.checkpoint = WalCheckpoint()
        self._deletions: deque[tuple[int, Reply | None]] = deque()
        self._compact = False
        self._next_sweep = self._not_before = 0.0

    def resume(self, connection: apsw.Connection, now: float) -> None:
        """Schedule what an earlier process left undone, the emptying of the WAL included."""
        doomed: list[Any] = connection.execute("SELECT conversation FROM doomed").fetchall()
        self._deletions.extend((log, None) for (log,) in doomed)
        self._compact = worth_compacting(connection)
        self.checkpoint.request(now, [])
        self._next_sweep = now

    def schedule_deletion(self, log: int, reply: Reply) -> None:
        """Remove a log's rows; `reply` is given when they and their traces are gone."""
        self._deletions.append((log, reply))

    def due(self, now: float) -> float:
        """Seconds until there is something to do."""
        wait = 0.0 if self._deletions or self._compact else self._next_sweep - now
        checkpoint = self.checkpoint.due(now)
        if checkpoint is not None:
            wait = min(wait, checkpoint)
        return max(wait, self._not_before - now, 0.0)

    def step(self, connection: apsw.Connection, now: float, wall: int) -> list[Reply]:
        """Do one thing; the replies that need not be deferred any longer. `now` is monotonic and in seconds, `wall` is
        the time in microseconds."""
        try:
            return self._step(connection, now, wall)
        except apsw.Error as error:
            _log.warning("Housekeeping in the database failed and will be tried again: %s", error)
            self._not_before = now + _RETRY_DELAY
            return []

    def finish(self, connection: apsw.Connection, now: float) -> list[Reply]:
        """At the end: try once more to empty the WAL; every reply that is still deferred. The next start goes on with
        the logs that are half removed."""
        replies = [reply for _, reply in self._deletions if reply is not None]
        self._deletions.clear()
        self.checkpoint.request(now, [])
        return replies + self.checkpoint.attempt(connection, now) + self.checkpoint.release()

    def _step(self, connection: apsw.Connection, now: float, wall: int) -> list[Reply]:
        if self.checkpoint.due(now) == 0.0:
            return self.checkpoint.attempt(connection, now)
        if self._deletions:
            log, reply = self._deletions[0]
            with write_transaction(connection):
                done = remove_slice(connection, log)
            if done:
                self._deletions.popleft()
                self.checkpoint.request(now, [] if reply is None else [reply])
                self._compact = worth_compacting(connection)
        elif self._compact:
            with write_transaction(connection):
                compact_slice(connection)
            self._compact = worth_compacting(connection)
        elif now >= self._next_sweep:
            self._next_sweep = now + SWEEP_INTERVAL
            with write_transaction(connection):
                sweep(connection, wall)
        return []


class WalCheckpoint:
    """Emptying the WAL, and the replies deferred until then: what was removed from the database is not gone while the
    WAL still holds its pages. Times are monotonic."""

    def __init__(self) -> None:
        self._requested = False
        self._deferred: list[Reply] = []
        self._since = self._next = 0.0
        # One process retries, on a lock of this machine: nothing to spread.
        self._backoff = Backoff(initial=_CHECKPOINT_RETRY, maximum=_CHECKPOINT_RETRY_MAX, multiplier=2.0, jitter="none")

    def request(self, now: float, deferred: list[Reply]) -> None:
        """Something was removed at `now`: empty the WAL, and give these replies afterwards."""
        if not self._deferred:
            self._since = now
        self._deferred += deferred
        self._requested = True
        self._next = now
        self._backoff.reset()

    def due(self, now: float) -> float | None:
        """Seconds until the next try; None: nothing is requested."""
        return max(0.0, self._next - now) if self._requested else None

    def attempt(self, connection: apsw.Connection, now: float) -> list[Reply]:
        """Try once; the replies that need not be deferred any longer."""
        connection.set_busy_timeout(_CHECKPOINT_BUSY_MS)
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error as error:
            self._next = now + self._backoff.next()
            if not self._deferred or now - self._since < _REPLY_TIMEOUT:
                return []
            _log.warning("What was removed is still in the write-ahead log (%s); emptying it goes on.", error)
        else:
            self._requested = False
        finally:
            connection.set_busy_timeout(database.BUSY_MS)
        return self.release()

    def release(self) -> list[Reply]:
        """All deferred replies, which are deferred no longer."""
        replies, self._deferred = self._deferred, []
        return replies


def sweep(connection: apsw.Connection, now: int) -> None:
    """Remove the tombstones, records, leases and signals that expired; `now` in microseconds."""
    connection.execute("DELETE FROM tombstone WHERE until <= ?", (now,))
    connection.execute(
        "INSERT INTO floor SELECT namespace, max(version) FROM record WHERE expires <= ? GROUP BY namespace "
        "ON CONFLICT (namespace) DO UPDATE SET version = max(version, excluded.version)",
        (now,),
    )
    connection.execute("DELETE FROM record WHERE expires <= ?", (now,))
    connection.execute(
        "INSERT INTO meta SELECT 'lease', max(token) FROM lease WHERE expires <= ?1 HAVING count(*) "
        "ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        (now - _LEASE_RETENTION,),
    )
    connection.execute("DELETE FROM lease WHERE expires <= ?", (now - _LEASE_RETENTION,))
    connection.execute("DELETE FROM signal WHERE at <= ?", (now - SIGNAL_TTL,))


__all__ = ["SIGNAL_TTL", "SWEEP_INTERVAL", "HousekeepingTasks", "sweep"]
