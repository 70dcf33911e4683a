"""The short list of recent signals."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import msgspec

from umbral_chat.providers.store import RecentSignals, StoredSignal

KEPT = 1_000
"""Signals kept: several seconds of a busy instance's; a reader that comes later is told that some are gone."""

BYTES = 4_000_000
"""Payload kept, so that many long drafts do not make the list long all the same."""

_TRIM = """
DELETE FROM signal WHERE position <= max(?1 - ?2, coalesce((
  SELECT max(position) FROM (
    SELECT position, sum(length(payload)) OVER (ORDER BY position DESC) AS total FROM signal)
  WHERE total > ?3), 0))
"""

_EVERY = 32
"""Positions between trims: a trim looks at the whole list."""

_STATE = """
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'signal'), 0),
  (SELECT min(position) FROM signal),
  (SELECT json_group_array(json_array(position, topic, hex(payload))) FROM (
    SELECT position, topic, payload FROM signal
    WHERE position > ?1 AND (?2 IS NULL OR topic IN (SELECT value FROM json_each(?2))) ORDER BY position))
"""
_rows = msgspec.json.Decoder(list[tuple[int, str, str]])


def post(connection: apsw.Connection, now: int, topic: str, payload: bytes) -> int:
    """Add one; its position."""
    connection.execute("INSERT INTO signal (topic, payload, at) VALUES (?, ?, ?)", (topic, payload, now))
    position = connection.last_insert_rowid()
    if position % _EVERY == 0:
        connection.execute(_TRIM, (position, KEPT, BYTES))
    return position


def recent(connection: apsw.Connection, topics: Sequence[str] | None, after: int) -> RecentSignals:
    """What was posted since."""
    chosen = None if topics is None else msgspec.json.encode(list(topics)).decode()
    last, first, rows = connection.execute(_STATE, (2**62 if after < 0 else after, chosen)).get
    # Positions have no holes, so what is missing is what was dropped at the list's beginning.
    dropped = last if first is None else first - 1
    found = [StoredSignal(position, topic, bytes.fromhex(payload)) for position, topic, payload in _rows.decode(rows)]
    return RecentSignals(last, found, complete=after < 0 or dropped <= after <= last)


__all__ = ["BYTES", "KEPT", "post", "recent"]
