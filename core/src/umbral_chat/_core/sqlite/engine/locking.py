"""Write transactions, and which errors say that the store is out of order rather than the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

OUTAGES = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.FullError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.NoMemError,
    apsw.InterruptError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.ProtocolError,
)
"""What SQLite raises for the state of the file or the machine, not for what was asked."""


def reason(error: Exception) -> str:
    """What an outage says. A step of a backup fails with the right kind of error and the text "not an error"."""
    match error:
        case apsw.FullError():
            return "the disk is full"
        case apsw.IOError():
            return "the disk fails or has no room (I/O error)"
        case _:
            return str(error)


@contextmanager
def writing(connection: apsw.Connection) -> Iterator[None]:
    """A write transaction. It takes the lock at once: one that begins by reading could not take it later, when
    another process has written in between."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some errors (a full disk) have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


__all__ = ["OUTAGES", "reason", "writing"]
