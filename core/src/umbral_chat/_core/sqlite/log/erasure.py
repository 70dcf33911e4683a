"""Removing texts so that the database file holds no trace of them.

The rule (see `schema.py` for why): texts are blanked where they lie, never deleted next to living ones. Deleted rows of
`entry` are numbers. Blanked rows of `body` are reclaimed from the table's beginning, like the tail of a circular log:
once half of it is blank, what still lives at the beginning is appended anew and blanked, and the blank beginning is cut
off. A margin of blank rows is kept behind the cut, so that a rebalancing at the cut moves blank cells only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

SLICE = 500
"""Rows that one transaction removes of a big conversation: a few milliseconds, so that senders hardly notice."""

MARGIN = 2_000
"""Blank rows kept behind a cut. A page of 4,096 bytes holds at most 315 blank rows, and a rebalancing reaches two pages
beyond the one that a row is deleted from."""


def blank(connection: apsw.Connection, bodies: Sequence[int]) -> None:
    """Empty these texts in place: a row that shrinks stays on its page, and what it loses is overwritten."""
    connection.execute(
        "UPDATE body SET conversation = NULL, seq = NULL, json = NULL, fingerprint = NULL, name = NULL "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(list(bodies)).decode(),),
    )
    connection.execute("UPDATE meta SET value = value + ? WHERE name = 'blank'", (len(bodies),))


def clear_signals(connection: apsw.Connection) -> None:
    """Signals may carry drafts of what is being removed. Emptying the whole table frees its pages, which are
    overwritten; its readers see from the positions that some were dropped."""
    connection.execute("DELETE FROM signal")


def remove_slice(connection: apsw.Connection, log: int) -> bool:
    """Remove some of a deleted log's rows; whether it was the last of them."""
    rows: list[Any] = connection.execute(
        "SELECT seq, body FROM entry WHERE conversation = ? ORDER BY seq LIMIT ?", (log, SLICE)
    ).fetchall()
    if rows:
        blank(connection, [body for _, body in rows])
        connection.execute("DELETE FROM entry WHERE conversation = ? AND seq <= ?", (log, rows[-1][0]))
    if len(rows) == SLICE:
        return False
    connection.execute("DELETE FROM marker WHERE conversation = ?", (log,))
    connection.execute("DELETE FROM doomed WHERE conversation = ?", (log,))
    return True


def worth_compacting(connection: apsw.Connection) -> bool:
    """Whether more than half of `body` is blank, and enough of it to matter. Its ids have no holes, since it is only
    cut at its beginning."""
    total, blanks = connection.execute(
        "SELECT coalesce((SELECT max(id) FROM body) - (SELECT min(id) FROM body), 0), "
        "(SELECT value FROM meta WHERE name = 'blank')"
    ).get
    return bool(blanks * 2 > total and blanks > 5 * MARGIN)


def compact_slice(connection: apsw.Connection) -> None:
    """Move what lives in the first rows to the end, and cut off what is blank before the margin."""
    first, last = connection.execute("SELECT (SELECT min(id) FROM body), (SELECT max(id) FROM body)").get
    end = first + MARGIN + SLICE
    living: list[Any] = connection.execute(
        "SELECT id, conversation, seq FROM body WHERE id < ? AND json IS NOT NULL ORDER BY id LIMIT ?", (end, SLICE)
    ).fetchall()
    for offset, (body, log, seq) in enumerate(living, 1):
        connection.execute(
            "INSERT INTO body SELECT ?, conversation, seq, json, fingerprint, name FROM body WHERE id = ?",
            (last + offset, body),
        )
        if seq:
            connection.execute(
                "UPDATE entry SET body = ? WHERE conversation = ? AND seq = ?", (last + offset, log, seq)
            )
        else:
            connection.execute("UPDATE conversation SET profile = ? WHERE id = ?", (last + offset, log))
    if living:
        blank(connection, [body for body, _, _ in living])
    if len(living) < SLICE:
        connection.execute("DELETE FROM body WHERE id < ?", (first + SLICE,))
        connection.execute("UPDATE meta SET value = value - ? WHERE name = 'blank'", (connection.changes(),))


__all__ = ["blank", "clear_signals", "compact_slice", "remove_slice", "worth_compacting"]
