"""The embedded storage for tests: in its own file, with a clock that the test sets."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from umbral_chat._core.sqlite import open_storage
from umbral_chat._core.sqlite.log.writer import OnCommit
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.providers.history import Storage
from umbral_chat.testing.storage import StorageRig


class HandClock(SystemClock):
    """A clock whose wall time the test moves."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.wall

    async def elapse(self, seconds: float) -> None:
        """Move the wall time by so many seconds."""
        self.wall += timedelta(seconds=seconds)


@asynccontextmanager
async def opened(
    path: Path, *, clock: Clock | None = None, vfs: str | None = None, on_commit: OnCommit | None = None
) -> AsyncIterator[Storage]:
    """The storage in the file `path`, in its lifespan."""
    storage = open_storage(path, clock=clock or SystemClock(), vfs=vfs, on_commit=on_commit)
    async with storage.lifespan:
        yield storage


class EmbeddedRig:
    """Opens a new file twice; the two storages share only the file. Comes before a contract among the bases of a test
    class."""

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[StorageRig]:
        """See `StorageContract.rig`."""
        clock = HandClock()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store.sqlite3"
            async with opened(path, clock=clock) as storage, opened(path, clock=clock) as other:
                yield StorageRig(storage, other, clock.elapse)


__all__ = ["EmbeddedRig", "HandClock", "opened"]
