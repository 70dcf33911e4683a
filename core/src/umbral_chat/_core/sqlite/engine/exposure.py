"""Whether other users may write the database's file, or replace it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_SIDE_FILES = ("-wal", "-shm", "-journal")
"""Suffixes of the files that SQLite keeps beside a database and reads as a part of it."""


def find_exposure(path: Path) -> str | None:
    """What lets other users write the database, with its mend, in one sentence; None: nothing does. Of a file that does
    not exist yet, its directory is checked."""
    if os.name != "posix":
        return None
    file = path.resolve()
    folder = file.parent.stat()
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        return f"any user may write in its directory and replace the file: chmod o-w {file.parent}"
    own = {os.geteuid(), file.stat().st_uid} if file.exists() else {os.geteuid()}
    for one in (file, *(file.with_name(file.name + end) for end in _SIDE_FILES)):
        try:
            found = one.stat()
        except FileNotFoundError:
            continue
        if found.st_mode & stat.S_IWOTH:
            return f"any user may write {one.name}: chmod o-w {one}"
        if found.st_uid not in own and found.st_uid != 0:
            return f"{one.name} belongs to another user, who may write it: move it away, or chown it"
    return None


__all__ = ["find_exposure"]
