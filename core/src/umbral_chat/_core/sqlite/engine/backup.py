"""A copy of the database as it is at one moment, marked so that cursors of before do not fit it."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.locking import OUTAGES, reason
from umbral_chat.errors import HistoryUnavailable, StoreError

_STEP = 1_000
"""Pages between looks at the clock of other threads: each step holds no lock that a writer needs."""


def back_up(path: Path, vfs: str | None, target: Path) -> None:
    """Copy `path` to `target`. The copy appears whole or not at all."""
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
        raise HistoryUnavailable(f"The backup {target} failed, and nothing of it is left: {reason(error)}.") from error
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
        # One read transaction for all steps: without it each write in between would begin the copy anew.
        source.execute("BEGIN; SELECT count(*) FROM sqlite_schema")
        with copy.backup("main", source, "main") as backup:
            while not backup.step(_STEP):
                pass
        # One file, no WAL beside it, until it is opened as a store.
        copy.pragma("journal_mode", "delete")
        copy.execute("INSERT OR REPLACE INTO meta VALUES ('restored', 1)")
    finally:
        copy.close()
        source.close()


__all__ = ["back_up"]
