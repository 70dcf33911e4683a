"""Tombstones, records, leases and signals expire, and are swept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest
from umbral_chat._core.sqlite.log import housekeeping
from umbral_chat._core.sqlite.shared import store as shared_store
from umbral_chat.model.conversations import Deleted
from umbral_chat.testing.embedded import HandClock, opened
from umbral_chat.testing.storage import read_all, send

DAY = 86_400.0


def rows(path: Path, table: str) -> Any:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        return connection.execute(f"SELECT count(*) FROM {table}").get  # noqa: S608
    finally:
        connection.close()


async def swept(path: Path, table: str, left: int) -> None:
    async with asyncio.timeout(20):
        while rows(path, table) != left:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_tombstone_is_kept_for_thirty_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "SWEEP_INTERVAL", 0.05)
    clock, path = HandClock(), tmp_path / "store.sqlite3"
    async with opened(path, clock=clock) as storage:
        sent = await send(storage.history)
        await storage.history.delete("room")
        await clock.elapse(29.9 * DAY)
        assert await storage.history.heads(["room"]) == {"room": Deleted()}
        await clock.elapse(0.2 * DAY)
        assert await storage.history.heads(["room"]) == {}
        await swept(path, "tombstone", 0)
        assert (await storage.history.read("room", 0, 10)).head is None
        again = await send(storage.history)
        assert again.entry.seq == 1
        assert again.epoch != sent.epoch


async def test_versions_and_tokens_go_on_after_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "SWEEP_INTERVAL", 0.05)
    clock, path = HandClock(), tmp_path / "store.sqlite3"
    async with opened(path, clock=clock) as storage:
        store = storage.store
        record = [await store.put("ns", "k", b"", ttl=10) for _ in range(5)][-1]
        lease = await store.acquire("job", "a", 10)
        assert lease is not None
        await store.post("t", b"")
        await clock.elapse(2 * DAY)
        for table in ("record", "lease", "signal"):
            await swept(path, table, 0)
        made = await store.compare_and_set("ns", "k", b"", expect=0)
        assert made is not None
        assert made.version > record.version
        assert await store.compare_and_set("ns", "k", b"", expect=made.version, fence=lease) is None
        taken = await store.acquire("job", "b", 10)
        assert taken is not None
        assert taken.token > lease.token
        assert (await store.recent(None, 0)).complete is False
        assert (await store.put("another", "k", b"")).version == 1


async def test_time_that_jumps_back_does_not_take_entries_back(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "store.sqlite3", clock=clock) as storage:
        first = await send(storage.history)
        await clock.elapse(-3_600)
        second = await send(storage.history)
        await send(storage.history, conversation="other")
        assert second.entry.at == first.entry.at
        assert [entry.at for entry in await read_all(storage.history)] == [first.entry.at] * 2
        assert (await storage.history.conversations(limit=1)).conversations[0].id == "room"


async def test_the_list_of_signals_stays_short(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        await asyncio.gather(*(storage.store.post("t", b"x") for _ in range(3_000)))
        assert rows(path, "signal") <= shared_store.MAX_SIGNALS + 32
        await asyncio.gather(*(storage.store.post("t", b"x" * 60_000) for _ in range(200)))
        assert rows(path, "signal") <= shared_store.MAX_SIGNAL_BYTES // 60_000 + 33
