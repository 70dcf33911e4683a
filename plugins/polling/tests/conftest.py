"""A store in memory that counts what it is asked and fails when told, and settings quick enough for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from typing import Any, cast

import pytest
from umbral_chat.clock import SystemClock
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.providers.history import History, Storage
from umbral_chat.providers.store import RecentSignals, Record, SharedStore, StoredSignal
from umbral_chat_polling import Polling, PollingTransport


class MemoryStore:
    """As much of a history and its shared store as the transport touches."""

    def __init__(self) -> None:
        self.logs: dict[str, Head | Deleted] = {}
        self.toggle: Record | None = None
        self.signals: list[StoredSignal] = []
        self.asked: list[list[str]] = []
        self.asked_signals: list[int] = []
        self.asked_toggle = 0
        self.failure: Exception | None = None
        self.hangs = False

    async def heads(self, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
        if conversations:
            self.asked.append(list(conversations))
        await self._answer()
        return {name: self.logs[name] for name in conversations if name in self.logs}

    async def get(self, namespace: str, key: str) -> Record | None:
        assert (namespace, key) == ("core", "realtime")
        self.asked_toggle += 1
        await self._answer()
        return self.toggle

    async def post(self, topic: str, payload: bytes) -> int:
        await self._answer()
        self.signals.append(StoredSignal(len(self.signals) + 1, topic, payload))
        return len(self.signals)

    async def recent(self, topics: Sequence[str] | None, after: int) -> RecentSignals:
        assert topics is None
        self.asked_signals.append(after)
        await self._answer()
        return RecentSignals(len(self.signals), [] if after < 0 else self.signals[after:])

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure

    def grow(self, conversation: str) -> Head:
        before = self.logs.get(conversation)
        head = self.logs[conversation] = Head("aaaaaaaaaa", before.seq + 1 if isinstance(before, Head) else 1)
        return head

    def break_(self) -> None:
        self.failure = HistoryUnavailable("the disk is gone")

    @property
    def storage(self) -> Storage:
        return Storage(
            name="memory",
            history=cast("History", cast("Any", self)),
            store=cast("SharedStore", cast("Any", self)),
            lifespan=nullcontext(),
        )


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def quick() -> Polling:
    """Ticks so fast that a test can wait for several."""
    return Polling(interval=0.02, min_interval=0.01, max_interval=0.04)


@pytest.fixture
async def transport(store: MemoryStore, quick: Polling) -> AsyncIterator[PollingTransport]:
    """Not started; stopped after the test."""
    transport = PollingTransport(store.storage, quick, SystemClock(), queue=8)
    yield transport
    await transport.stop()
