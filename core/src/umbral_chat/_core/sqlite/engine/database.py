"""The database file: what may be opened, and how a connection to it is set up."""

from __future__ import annotations

import os
import time
from pathlib import Path

import apsw

from umbral_chat._core.sqlite.engine.exposure import find_exposure
from umbral_chat._core.sqlite.engine.schema import APPLICATION_ID, VERSION, migrate
from umbral_chat.errors import NewerSchema, StoreError

BUSY_MS = 5_000
"""How long a connection waits for another process's lock before it reports the store as unavailable."""

_MAGIC = b"SQLite format 3\0"
_CHECKPOINT_PAGES = 4_000
"""Pages in the WAL (16 MiB) after which a commit moves them into the database: rarely enough that the extra sync does
not show, often enough that recovery after a crash takes no time to speak of."""


def prepare(path: Path, vfs: str | None = None) -> None:
    """Make sure that `path` is a database of ours in the newest version; a new one is created for its owner only.

    Raises StoreError, and NewerSchema for a file of a newer version, which is left as it is.
    """
    try:
        _check_path(path)
        if (reason := find_exposure(path)) is not None:
            raise StoreError(f"{path} (core.database) is not safe: {reason}")
        _check_header(path)
        _upgrade(path, vfs)
    except OSError as error:
        raise StoreError(f"{path} cannot be used ({error.strerror}). Change the setting core.database.") from error
    except apsw.NotADBError as error:
        raise _foreign(path) from error
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError, apsw.AuthError) as error:
        raise StoreError(
            f"{path} cannot be written ({error}). Give this user the right to write the file and its directory."
        ) from error
    except apsw.BusyError as error:
        raise StoreError(
            f"{path} is locked by another program ({error}). Stop that program, then start again."
        ) from error
    except apsw.Error as error:
        raise StoreError(f"{path} cannot be opened: {error}.") from error


def connect(path: Path, vfs: str | None = None, *, query_only: bool = False) -> apsw.Connection:
    """A connection that syncs each commit before it returns and overwrites what is deleted."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs, statementcachesize=256)
    connection.set_busy_timeout(BUSY_MS)
    # Sorts and statement journals would put text into temporary files.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {0 if query_only else _CHECKPOINT_PAGES}")
    connection.execute("PRAGMA cache_size = -16000")
    if query_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def _check_path(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a directory. Name a file in the setting core.database.")
    if not path.parent.is_dir():
        raise StoreError(f"The directory {path.parent} does not exist. Make it, or change the setting core.database.")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not os.access(path, os.R_OK | os.W_OK):
            raise StoreError(f"{path} cannot be read and written. Give this user the right to both.") from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be made ({error.strerror}). Give this user the right to write in {path.parent}."
        ) from error


def _check_header(path: Path) -> None:
    """Refuse a file that is not ours by its first bytes, before SQLite opens it. Raises StoreError, NewerSchema."""
    with path.open("rb") as file:
        header = file.read(100)
    if header and not header.startswith(_MAGIC):
        raise _foreign(path)
    if len(header) == 100:
        _check_version(path, int.from_bytes(header[60:64]), int.from_bytes(header[68:72]))


def _check_version(path: Path, version: int, application: int) -> None:
    if application == APPLICATION_ID and version > VERSION:
        raise NewerSchema(
            f"{path} was written by a newer version of Umbral Chat (its schema is {version}, here {VERSION}). "
            "Upgrade umbral-chat-core; the file was left untouched."
        )
    if application not in {0, APPLICATION_ID}:
        raise _foreign(path)


def _upgrade(path: Path, vfs: str | None) -> None:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        # Leaving a file untouched includes not checkpointing its WAL into it on close.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.set_busy_timeout(BUSY_MS)
        # In one snapshot: another process may be creating the file right now.
        connection.execute("BEGIN")
        version, application = connection.pragma("user_version"), connection.pragma("application_id")
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
        connection.execute("COMMIT")
        _check_version(path, version, application)
        if application == 0 and (version or tables):
            raise _foreign(path)
        if not version:
            connection.execute("PRAGMA auto_vacuum = NONE")
        _enable_wal(connection)
        connection.execute("PRAGMA secure_delete = ON")
        migrate(connection)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    finally:
        connection.close()


def _enable_wal(connection: apsw.Connection) -> None:
    # When two processes open a new file at once: changing the mode does not wait for the other's lock by itself.
    end = time.monotonic() + BUSY_MS / 1000
    mode = None
    while mode is None:
        try:
            mode = connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise StoreError(f"The file system does not support SQLite's write-ahead log (it stays in mode {mode!r}).")


def _foreign(path: Path) -> StoreError:
    return StoreError(f"{path} is not a database of Umbral Chat. Move it away, or change the setting core.database.")


__all__ = ["BUSY_MS", "connect", "prepare"]
