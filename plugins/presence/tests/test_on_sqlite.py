"""The contract, between two instances on one SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from umbral_chat.clock import Clock
from umbral_chat.providers.store import SharedStore
from umbral_chat.testing import SharedPresenceContract
from umbral_chat.testing.embedded import opened

from .rigs import OnAStore


class TestOnSqlite(OnAStore, SharedPresenceContract):
    """Every guarantee of `Presence`."""

    @asynccontextmanager
    async def stores(self, clock: Clock) -> AsyncIterator[tuple[SharedStore, SharedStore]]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "chat.sqlite3"
            async with opened(path, clock=clock) as here, opened(path, clock=clock) as there:
                yield here.store, there.store
