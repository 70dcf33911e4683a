"""The contract of a shared presence, between two instances on one Supabase project."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from umbral_chat.clock import Clock
from umbral_chat.providers.store import SharedStore
from umbral_chat.testing.presence.fallback import FallbackContract

from plugins.presence.tests.rigs import OnAStore
from plugins.realtime_supabase.tests.conftest import opened
from tests.local_supabase.fixtures import empty
from tests.local_supabase.stack.api import Stack


@pytest.mark.slow
class TestOnSupabase(OnAStore, FallbackContract):
    """What holds between instances by the store alone. The rest has little to do with the store, and is tried on
    others, which answer faster."""

    stack: Stack

    @pytest.fixture(autouse=True)
    def _stack(self, supabase_stack: Stack) -> None:
        self.stack = supabase_stack

    @asynccontextmanager
    async def stores(self, clock: Clock) -> AsyncIterator[tuple[SharedStore, SharedStore]]:
        empty(self.stack)
        async with opened(self.stack) as here, opened(self.stack) as there:
            yield here.store, there.store
