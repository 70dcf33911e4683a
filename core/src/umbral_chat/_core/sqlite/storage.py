"""Opening the embedded storage: history and shared store on one file, one writer and a few readers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.locking import write_transaction
from umbral_chat._core.sqlite.engine.readers import ReaderPool
from umbral_chat._core.sqlite.engine.threads import run_in_thread
from umbral_chat._core.sqlite.log.conversations import renew_epochs
from umbral_chat._core.sqlite.log.hashed_ids import HashedIds
from umbral_chat._core.sqlite.log.history import SqliteHistory
from umbral_chat._core.sqlite.log.writer import OnCommit, WriterThread
from umbral_chat._core.sqlite.shared.store import SqliteStore
from umbral_chat.clock import Clock
from umbral_chat.providers.history import Storage


def open_storage(
    path: str | Path, *, clock: Clock, vfs: str | None = None, on_commit: OnCommit | None = None
) -> Storage:
    """The storage in the SQLite file `path`, which is created when it does not exist. The file is opened when the
    lifespan is entered, which raises StoreError (NewerSchema) when it cannot be used.

    `vfs` names one of apsw's file systems. `on_commit(entries, seconds)` is called on the loop for each commit that
    appended: the number of entries that it made durable, and the seconds that it took.
    """
    path = Path(path)
    writer, readers = WriterThread(path, clock, vfs, on_commit), ReaderPool(path, vfs)
    history = SqliteHistory(path, vfs, clock, writer, readers.queue)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        history.ids = ids = HashedIds(await run_in_thread(lambda: _prepare(path, vfs), "umbral-chat-opening"))
        try:
            readers.open()
            writer.open(ids)
            yield
        finally:
            await readers.close()
            await writer.close()

    return Storage("sqlite", history, SqliteStore(clock, writer.queue, readers.queue), lifespan())


def _prepare(path: Path, vfs: str | None) -> bytes:
    """Create or upgrade the file, and draw new epochs in a restored copy; the secret key of its hashed ids."""
    database.prepare(path, vfs)
    connection = database.connect(path, vfs)
    try:
        restored = "SELECT count(*) FROM meta WHERE name = 'restored'"
        if connection.execute(restored).get:
            with write_transaction(connection):
                # Another process may have done it in the meantime.
                if connection.execute(restored).get:
                    renew_epochs(connection)
        secret: bytes = connection.execute("SELECT value FROM meta WHERE name = 'secret'").get
    finally:
        connection.close()
    return secret


__all__ = ["open_storage"]
