"""Authors of before, in Supabase's database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from umbral_chat.providers.history import History

from tests.former_authors import FormerAuthors
from tests.local_supabase.stack.api import Stack

from .conftest import opened


class TestFormerAuthors(FormerAuthors):
    @pytest.fixture
    async def history(self, supabase: Stack) -> AsyncIterator[History]:
        async with opened(supabase) as storage:
            yield storage.history
