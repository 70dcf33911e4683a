"""Authors of before, on SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import SystemClock
from umbral_chat.providers.history import History

from tests.former_authors import FormerAuthors


class TestFormerAuthors(FormerAuthors):
    @pytest.fixture
    async def history(self, tmp_path: Path) -> AsyncIterator[History]:
        storage = open_storage(str(tmp_path / "chat.sqlite3"), clock=SystemClock())
        async with storage.lifespan:
            yield storage.history
