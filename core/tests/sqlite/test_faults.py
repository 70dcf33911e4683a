"""A full disk, a failing disk, a held lock, a culprit in the group: who gets the error, and that work goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from umbral_chat._core.sqlite.engine import database, work_queue
from umbral_chat._core.sqlite.log.history import SqliteHistory
from umbral_chat.errors import HistoryUnavailable, InvalidRequest
from umbral_chat.model.entries import Sender
from umbral_chat.testing.disks import Disk
from umbral_chat.testing.embedded import opened
from umbral_chat.testing.storage import expect_error, message_id_of, read_all, redact, send


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk("failing")
    yield disk
    disk.unregister()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("what", "error"),
    [("write", apsw.FullError("disk full")), ("write", apsw.IOError("I/O error")), ("sync", apsw.IOError("no sync"))],
)
async def test_a_disk_that_fails_stores_nothing_and_the_writer_goes_on_after_it(
    tmp_path: Path, disk: Disk, what: str, error: Exception
) -> None:
    async with opened(tmp_path / "store.sqlite3", vfs="failing") as storage:
        first = await send(storage.history, "before")
        disk.fault = lambda did, file: error if (did, file) == (what, "wal") else None
        outcomes = await asyncio.gather(
            *(send(storage.history, f"m{number}") for number in range(20)), return_exceptions=True
        )
        assert all(isinstance(outcome, HistoryUnavailable) for outcome in outcomes), outcomes
        assert await read_all(storage.history) == [first.entry], "readers go on"
        disk.fault = lambda _did, _file: None
        sent = await send(storage.history, "after")
        assert sent.entry.seq == 2
        assert await read_all(storage.history) == [first.entry, sent.entry]


async def test_a_store_that_another_holds_locked_is_unavailable_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 200)
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        await send(storage.history)
        other = apsw.Connection(str(path))
        # The writer's own housekeeping may hold the lock for a moment.
        other.set_busy_timeout(5_000)
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(10):
            await expect_error(send(storage.history), HistoryUnavailable, "history_unavailable")
            assert len(await read_all(storage.history)) == 1
        other.execute("ROLLBACK")
        other.close()
        assert (await send(storage.history)).entry.seq == 2


async def test_one_culprit_in_a_group_fails_alone(tmp_path: Path) -> None:
    async with opened(tmp_path / "store.sqlite3") as storage:
        history = storage.history
        assert isinstance(history, SqliteHistory)

        def wrong(transaction: Any) -> None:
            transaction.connection.execute("INSERT INTO conversation SELECT * FROM nowhere")

        async def culprit() -> None:
            await history._write(wrong)

        outcomes = await asyncio.gather(
            *(send(history, f"a{number}") for number in range(10)),
            culprit(),
            *(send(history, f"b{number}") for number in range(10)),
            return_exceptions=True,
        )
        assert isinstance(outcomes[10], apsw.SQLError)
        assert sum(isinstance(outcome, BaseException) for outcome in outcomes) == 1
        assert len(await read_all(history)) == 20


@pytest.mark.parametrize(
    "more",
    [
        {"content": "\ud800"},
        {"metadata": {"a": "\udfff"}},
        {"sender": Sender(role="user", name="\ud800")},
        {"key": "\ud800"},
        {"subject": "\ud800"},
        {"message_id": "\ud800"},
        {"reply_to": "\ud800"},
    ],
)
async def test_a_write_that_is_no_text_is_refused_alone_and_creates_nothing(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    async with opened(tmp_path / "store.sqlite3") as storage:
        for conversation in ("new", "room"):
            outcomes = await asyncio.gather(
                send(storage.history, "good"),
                send(storage.history, **{"content": "x", "conversation": conversation, **more}),
                send(storage.history, "good too"),
                return_exceptions=True,
            )
            assert isinstance(outcomes[1], InvalidRequest)
            assert sum(isinstance(outcome, BaseException) for outcome in outcomes) == 1
        assert await storage.history.conversation("new") is None
        assert len(await read_all(storage.history)) == 4


async def test_a_full_queue_refuses_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path / "store.sqlite3") as storage:
        monkeypatch.setattr(storage.history._write.__self__, "_limit", 10)  # type: ignore[attr-defined]
        outcomes = await asyncio.gather(*(send(storage.history) for _ in range(30)), return_exceptions=True)
        assert sum(isinstance(outcome, HistoryUnavailable) for outcome in outcomes) == 20
        assert len(await read_all(storage.history)) == 10
        await send(storage.history)


async def test_a_store_that_hangs_is_unavailable_within_bounds(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()

    def hang(_what: str, file: str) -> None:
        if file == "wal" and armed:
            stuck.wait(20)

    armed = False
    disk.fault = hang
    async with opened(tmp_path / "store.sqlite3", vfs="failing") as storage:
        await send(storage.history)
        armed = True
        with monkeypatch.context() as patch:
            patch.setattr(work_queue, "TIMEOUT", 0.2)
            async with asyncio.timeout(10):
                await expect_error(send(storage.history, "lost answer", key="k"), HistoryUnavailable)
        armed = False
        stuck.set()
        # What was under way was stored: the same key shows it.
        assert not (await send(storage.history, "lost answer", key="k")).created


async def test_a_long_reader_elsewhere_delays_only_the_emptying_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("umbral_chat._core.sqlite.log.housekeeping._REPLY_TIMEOUT", 0.3)
    path = tmp_path / "store.sqlite3"
    wal = path.with_name(path.name + "-wal")
    async with opened(path) as storage:
        message = message_id_of(await send(storage.history, "a secret of many words"))
        reader = apsw.Connection(str(path))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchall()
        async with asyncio.timeout(20):
            redacting = asyncio.ensure_future(redact(storage.history, message))
            while not redacting.done():
                await send(storage.history, conversation="other")
            await redacting
        assert "write-ahead log" in caplog.text
        assert b"a secret of many words" in wal.read_bytes() + path.read_bytes()
        reader.execute("COMMIT")
        reader.close()
        async with asyncio.timeout(20):
            while b"a secret of many words" in wal.read_bytes() + path.read_bytes():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def list_of(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_closing_finishes_what_was_submitted_and_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        sending = asyncio.gather(*(send(storage.history, f"m{number}") for number in range(700)))
        reading = asyncio.gather(*(storage.history.heads(["room"]) for _ in range(50)))
        await asyncio.sleep(0)
    assert len({sent.entry.seq for sent in await sending}) == 700
    await reading
    assert set(threading.enumerate()) <= before
    assert list_of(tmp_path) == [path.name], "the log is merged into the file"
    await expect_error(send(storage.history), HistoryUnavailable)
    await expect_error(storage.history.read("room", 0, 1), HistoryUnavailable)


async def test_a_cancelled_append_frees_its_place_in_the_queue(tmp_path: Path) -> None:
    async with opened(tmp_path / "store.sqlite3") as storage:
        tasks = [asyncio.ensure_future(send(storage.history)) for _ in range(200)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await send(storage.history, conversation="after")
        assert storage.history._write.__self__._open == set()  # type: ignore[attr-defined]
