"""A copy of the database as it is at one moment, marked so that earlier cursors are not valid in it."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.locking import OUTAGES, describe_outage
from umbral_chat.errors import HistoryUnavailable, StoreError

_PAGES_PER_STEP = 1_000
"""Pages copied by one call, which holds no lock that a writer needs; between calls other threads run."""


def back_up(path: Path, vfs: str | None, target: Path) -> None:
    """Copy `path` to `target`, which appears whole or not at all.

    Raises StoreError when the target exists or cannot be written, HistoryUnavailable when the copying fails.
    """
    if target.exists():
        raise StoreError(f"{target} exists already. Name another file for the backup, or move this one away.")
    part = target.with_name(target.name + ".part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"The backup {part} cannot be made: {error.strerror}.") from error
    try:
        _copy(path, vfs, part)
        part.rename(target)
    except OUTAGES as error:
        raise HistoryUnavailable(
            f"The backup {target} failed, and nothing of it is left: {describe_outage(error)}."
        ) from error
    except OSError as error:
        raise StoreError(f"The backup {target} failed, and nothing of it is left: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _copy(path: Path, vfs: str | None, part: Path) -> None:
    source = database.connect(path, vfs, query_only=True)
    copy = apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        # One read transaction for all steps: without it each write in between would restart the copy.
        source.execute("BEGIN; SELECT count(*) FROM sqlite_schema")
        with copy.backup("main", source, "main") as backup:
            while not backup.step(_PAGES_PER_STEP):
                pass
        # One file, no WAL beside it, until it is opened as a store.
        copy.pragma("journal_mode", "delete")
        copy.execute("INSERT OR REPLACE INTO meta VALUES ('restored', 1)")
    finally:
        copy.close()
        source.close()


__all__ = ["back_up"]
