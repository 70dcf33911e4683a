"""Sweeping: giving back the space of what lapsed."""

from __future__ import annotations

import apsw

from umbral_chat._core.sqlite.engine.timestamps import span

_LEASE = span(86_400)
"""A lapsed lease's row is kept for a day: its token fences off whoever held it."""

SIGNAL = span(60)
"""Age of the oldest signal kept: far beyond any reader's tick."""


def sweep(connection: apsw.Connection, now: int) -> None:
    """Remove tombstones, records, leases and signals whose time is over; `now` in microseconds."""
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
        (now - _LEASE,),
    )
    connection.execute("DELETE FROM lease WHERE expires <= ?", (now - _LEASE,))
    connection.execute("DELETE FROM signal WHERE at <= ?", (now - SIGNAL,))


__all__ = ["SIGNAL", "sweep"]
