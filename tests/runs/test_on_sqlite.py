"""Runs on the embedded store, whose two instances share a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.providers.history import Storage
from umbral_chat.testing.embedded import HandClock, opened
from umbral_chat.testing.instances import SwitchableTransport

from .instances import Instance
from .suite import Pair, RunsSuite


class TestOnSqlite(RunsSuite):
    """All of it."""

    @asynccontextmanager
    async def instances(self) -> AsyncIterator[Pair]:
        clock = HandClock()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "chat.sqlite3"
            async with opened(path, clock=clock) as here, opened(path, clock=clock) as there:
                yield Instance(here, clock), Instance(there, clock), clock


async def test_an_end_that_the_log_cannot_take_is_taken_when_it_is_repeated(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "chat.sqlite3", clock=clock) as storage:
        history = SwitchableTransport(storage.history)
        cut_off = Storage(storage.name, cast("Any", history), storage.store, storage.lifespan)
        here, there = Instance(cut_off, clock), Instance(storage, clock)
        await here.start()
        history.unplugged = True
        with pytest.raises(HistoryUnavailable):
            await here.end("failed", reason="quota")
        assert here.shown() == []
        assert await there.ends() == []
        await here.watch.look()
        history.unplugged = False
        ended = await here.end("failed")
        assert (ended.seq, ended.reason) == (1, "quota")
        assert await there.ends() == [("r1", "failed", "quota")]


async def test_a_store_that_does_not_answer_costs_no_look_after_it(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "chat.sqlite3", clock=clock) as storage:
        store = SwitchableTransport(storage.store)
        cut_off = Storage(storage.name, storage.history, cast("Any", store), storage.lifespan)
        here = Instance(cut_off, clock)
        await here.start()
        store.unplugged = True
        with pytest.raises(HistoryUnavailable):
            await here.watch.look()
        assert here.shown() == [("r1", "started")], "what is known stays"
        store.unplugged = False
        await here.watch.look()
        assert here.shown() == [("r1", "started")]
