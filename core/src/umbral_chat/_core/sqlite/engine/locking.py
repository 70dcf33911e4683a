"""Transactions, and the errors that are the fault of the store, not of the request."""

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
"""What SQLite raises because of the state of the file or the machine, whatever the request."""


def describe_outage(error: Exception) -> str:
    """Why the store fails, in a few words. A step of a backup raises the right class with the text "not an error"."""
    match error:
        case apsw.FullError():
            return "the disk is full"
        case apsw.IOError():
            return "the disk fails or has no room (I/O error)"
        case _:
            return str(error)


@contextmanager
def read_transaction(connection: apsw.Connection) -> Iterator[None]:
    """Several statements that read one snapshot."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def write_transaction(connection: apsw.Connection) -> Iterator[None]:
    """A write transaction, rolled back when its body raises. It takes the lock at once: a transaction that begins by
    reading can no longer take it once another process has written in between."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some errors (a full disk) have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


__all__ = ["OUTAGES", "describe_outage", "read_transaction", "write_transaction"]
