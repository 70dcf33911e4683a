"""Opening the embedded storage: history and shared store on one file, one writer and a few readers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.locking import writing
from umbral_chat._core.sqlite.engine.readers import Readers
from umbral_chat._core.sqlite.engine.threads import once
from umbral_chat._core.sqlite.log.conversations import renew
from umbral_chat._core.sqlite.log.hashed_ids import Names
from umbral_chat._core.sqlite.log.history import SqliteHistory
from umbral_chat._core.sqlite.log.writer import OnCommit, Writer
from umbral_chat._core.sqlite.shared.store import SqliteStore
from umbral_chat.clock import Clock
from umbral_chat.providers.history import Storage


def open_storage(
    path: str | Path, *, clock: Clock, vfs: str | None = None, on_commit: OnCommit | None = None
) -> Storage:
    """The storage in the SQLite file `path`, which is made when it is not there. Nothing happens before its lifespan is
    entered, which raises StoreError (NewerSchema) when the file cannot be used.

    `vfs` names one of apsw's file systems. `on_commit(entries, seconds)` is called on the loop for each commit that
    appended: how many entries it made durable, and how long it took.
    """
    path = Path(path)
    writer, readers = Writer(path, clock, vfs, on_commit), Readers(path, vfs)
    history = SqliteHistory(path, vfs, clock, writer, readers.lane)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        history.names = names = Names(await once(lambda: _start(path, vfs), "umbral-chat-opening"))
        try:
            readers.open()
            writer.open(names)
            yield
        finally:
            await readers.close()
            await writer.close()

    return Storage("sqlite", history, SqliteStore(clock, writer.lane, readers.lane), lifespan())


def _start(path: Path, vfs: str | None) -> bytes:
    """Make the file usable; the key of its hashes."""
    database.prepare(path, vfs)
    connection = database.connect(path, vfs)
    try:
        restored = "SELECT count(*) FROM meta WHERE name = 'restored'"
        if connection.execute(restored).get:
            with writing(connection):
                # Another process may have been first.
                if connection.execute(restored).get:
                    renew(connection)
        secret: bytes = connection.execute("SELECT value FROM meta WHERE name = 'secret'").get
    finally:
        connection.close()
    return secret


__all__ = ["open_storage"]
