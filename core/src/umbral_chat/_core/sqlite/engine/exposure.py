"""Who else may write the database's file, or put another in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, and reads into it."""


def exposed(path: Path) -> str | None:
    """What lets others write what is in the database, and its mend in one sentence; None: nothing. A file that is not
    there yet counts with its folder."""
    if os.name != "posix":
        return None
    file = path.resolve()
    folder = file.parent.stat()
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        return f"anybody may write in its directory, and put another file in its place: chmod o-w {file.parent}"
    own = {os.geteuid(), file.stat().st_uid} if file.exists() else {os.geteuid()}
    for one in (file, *(file.with_name(file.name + end) for end in _BESIDE)):
        try:
            found = one.stat()
        except FileNotFoundError:
            continue
        if found.st_mode & stat.S_IWOTH:
            return f"anybody may write {one.name}: chmod o-w {one}"
        if found.st_uid not in own and found.st_uid != 0:
            return f"{one.name} belongs to another user, who may write it: move it away, or chown it"
    return None


__all__ = ["exposed"]
