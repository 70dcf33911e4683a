"""The contract of a history and of a shared store, on Supabase's Postgres behind Supabase's REST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from umbral_chat.testing import (
    HistoryContract,
    KnowsAuthorsContract,
    KnowsReadersContract,
    OperatorInboxContract,
    RenewsEpochsContract,
    SharedStoreContract,
    StorageRig,
)

from tests.local_supabase.fixtures import empty
from tests.local_supabase.stack.api import Stack

from .conftest import opened


class OnSupabase:
    """Two instances on one emptied project."""

    stack: Stack

    @pytest.fixture(autouse=True)
    def _stack(self, supabase_stack: Stack) -> None:
        self.stack = supabase_stack

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[StorageRig]:
        empty(self.stack)
        async with opened(self.stack) as storage, opened(self.stack) as other:
            yield StorageRig(storage, other)


class TestOperatorInbox(OnSupabase, OperatorInboxContract):
    pass


class TestKnowsReaders(OnSupabase, KnowsReadersContract):
    pass


class TestHistory(OnSupabase, HistoryContract):
    """Every guarantee of `History`."""


class TestKnowsAuthors(OnSupabase, KnowsAuthorsContract):
    """Every guarantee of `KnowsAuthors`."""


class TestRenewsEpochs(OnSupabase, RenewsEpochsContract):
    """Every guarantee of `RenewsEpochs`."""


class TestStore(OnSupabase, SharedStoreContract):
    """Every guarantee of `SharedStore`."""

    many = 1_100
    """The database keeps 1,000 signals."""
