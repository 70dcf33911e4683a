"""Ids of answers that are being written, in the shared store: claimed seldom, and never at the cost of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from umbral_chat._core.conversations.reserved_ids import RESERVATION_TTL, ReservedIds
from umbral_chat._core.sqlite import open_storage
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.store import SharedStore
from umbral_chat.testing.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SharedStore]:
    storage = open_storage(str(tmp_path / "chat.sqlite3"), clock=clock)
    async with storage.lifespan:
        yield storage.store


async def test_an_id_is_kept_while_its_draft_may_live(store: SharedStore, clock: ManualClock) -> None:
    reserved = ReservedIds(store, clock)
    await reserved.claim("room", "m" * 128, "key:n8n")
    assert await reserved.is_taken("room", "m" * 128)
    assert not await reserved.is_taken("room", "m" * 127)
    assert not await reserved.is_taken("other", "m" * 128)
    for _ in range(4):
        await clock.elapse(RESERVATION_TTL / 2)
        await reserved.claim("room", "m" * 128, "key:n8n")
        assert await reserved.is_taken("room", "m" * 128)
    await clock.elapse(RESERVATION_TTL + 1)
    assert not await reserved.is_taken("room", "m" * 128)


async def test_pieces_do_not_each_write(
    store: SharedStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    real = store.put

    async def put(namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> object:
        written.append(key)
        return await real(namespace, key, value, ttl=ttl)

    monkeypatch.setattr(store, "put", put)
    reserved = ReservedIds(store, clock)
    for _ in range(100):
        await reserved.claim("room", "m", "key:n8n")
    assert len(written) == 1
    assert "room" not in written[0]


async def test_a_store_that_does_not_answer_costs_no_answer(
    store: SharedStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object, **__: object) -> object:
        raise HistoryUnavailable("The store is away.")

    reserved = ReservedIds(store, clock)
    with monkeypatch.context() as away:
        away.setattr(store, "put", down)
        away.setattr(store, "get", down)
        await reserved.claim("room", "m", "key:n8n")
        assert not await reserved.is_taken("room", "m")
    # The next piece claims it.
    await reserved.claim("room", "m", "key:n8n")
    assert await reserved.is_taken("room", "m")
