"""The records of runs: changed over what was last written here, which others' changes and a record's end tell apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from umbral_chat._core.conversations.run_records import EMPTY_KEPT, RUNS, RunRecords
from umbral_chat._core.conversations.runs import RunRecord, StoredRun
from umbral_chat._core.sqlite import open_storage
from umbral_chat.errors import Conflict, NotFound
from umbral_chat.model.entries import Sender
from umbral_chat.providers.store import Record, SharedStore
from umbral_chat.testing.clock import ManualClock

AT = datetime(2026, 1, 1, tzinfo=UTC)


class CountedReads:
    """A store that counts how often the runs were read."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store
        self.reads = 0

    async def get(self, namespace: str, key: str) -> Record | None:
        self.reads += namespace == RUNS
        return await self._store.get(namespace, key)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def _start(record: RunRecord, run_id: str, *, limit: int = 8) -> RunRecord:
    run = StoredRun(run_id=run_id, fingerprint=run_id, sender=Sender("assistant"), started_at=AT, alive_at=AT)
    return record.start("room", run, limit=limit)


class Both:
    """Two instances on one store."""

    def __init__(self, store: SharedStore, clock: ManualClock) -> None:
        self.clock = clock
        self.store = CountedReads(store)
        self.here, self.there = (RunRecords(cast("SharedStore", self.store), clock) for _ in range(2))

    async def stored(self) -> list[str]:
        return [run.run_id for run in (await self.here.load("room")).record.runs]


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Both]:
    clock = ManualClock()
    storage = open_storage(tmp_path / "chat.sqlite3", clock=clock)
    async with storage.lifespan:
        yield Both(storage.store, clock)


async def test_what_was_written_here_is_changed_without_a_read(it: Both) -> None:
    await it.here.change("room", lambda record: _start(record, "a"))
    assert it.store.reads == 1
    await it.here.change("room", lambda record: record.progress("a", "thinking", AT))
    await it.here.change("room", lambda record: _start(record, "b"))
    assert it.store.reads == 1
    assert await it.stored() == ["a", "b"]


async def test_a_change_of_another_instance_is_not_overwritten(it: Both) -> None:
    await it.here.change("room", lambda record: _start(record, "a"))
    await it.there.change("room", lambda record: _start(record, "b"))
    await it.here.change("room", lambda record: _start(record, "c"))
    assert await it.stored() == ["a", "b", "c"]


async def test_what_is_only_remembered_refuses_nothing(it: Both) -> None:
    await it.here.change("room", lambda record: _start(record, "a", limit=1))
    await it.there.change("room", lambda record: record.without("a"))
    await it.there.change("room", lambda record: _start(record, "b", limit=1))
    await it.here.change("room", lambda record: record.progress("b", "thinking", AT))
    await it.there.change("room", lambda record: record.without("b"))
    await it.here.change("room", lambda record: _start(record, "c", limit=1))
    assert await it.stored() == ["c"]


async def test_what_is_only_remembered_is_no_reason_to_change_nothing(it: Both) -> None:
    await it.here.change("room", lambda record: _start(record, "a"))
    await it.there.change("room", lambda record: record.without("a"))
    await it.here.change("room", lambda record: _start(record, "a"))
    assert await it.stored() == ["a"]


async def test_a_refusal_by_what_is_stored_is_raised(it: Both) -> None:
    await it.here.change("room", lambda record: _start(record, "a"))
    with pytest.raises(NotFound):
        await it.here.change("room", lambda record: record.progress("z", "thinking", AT))
    with pytest.raises(Conflict):
        await it.here.change("room", lambda record: record.finish("a", "failed", "x", AT).progress("a", "tool", AT))
    assert await it.stored() == ["a"]


async def test_a_record_that_expired_is_begun_anew(it: Both) -> None:
    await it.here.change("room", lambda record: _start(record, "a"))
    await it.here.change("room", lambda record: record.without("a"))
    await it.clock.elapse(EMPTY_KEPT + 1)
    await it.here.change("room", lambda record: _start(record, "b"))
    assert await it.stored() == ["b"]
