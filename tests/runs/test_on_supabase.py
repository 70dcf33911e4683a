"""Runs on Supabase's Postgres behind Supabase's REST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from umbral_chat.clock import SystemClock
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat.testing.embedded import HandClock
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.storage import open_storage

from tests.local_supabase.fixtures import empty
from tests.local_supabase.stack.api import Stack

from .instances import Instance
from .suite import Pair, RunsSuite


class TestOnSupabase(RunsSuite):
    """All of it."""

    stack: Stack

    @pytest.fixture(autouse=True)
    def _stack(self, supabase_stack: Stack) -> None:
        self.stack = supabase_stack

    @asynccontextmanager
    async def instances(self) -> AsyncIterator[Pair]:
        empty(self.stack)
        clock, key = HandClock(), Secret(self.stack.secret_key)
        here, there = (
            open_storage(Supabase(url=self.stack.url, key=key, timeout=120.0), key, SystemClock(), Telemetry(None))
            for _ in range(2)
        )
        async with here.lifespan, there.lifespan:
            yield Instance(here, clock), Instance(there, clock), clock
