"""Which files are opened, how they are made, brought forward or refused, and copied."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import apsw
import pytest
from umbral_chat._core.sqlite import SqliteHistory
from umbral_chat._core.sqlite.engine import schema
from umbral_chat.errors import ConversationDeleted, NewerSchema, StoreError
from umbral_chat.model.conversations import Head
from umbral_chat.providers.history import RenewsEpochs
from umbral_chat.testing.embedded import opened
from umbral_chat.testing.storage import expect_error, message_id_of, read_all, redact, send


async def refused(path: Path, error: type[StoreError] = StoreError) -> str:
    with pytest.raises(error) as raised:
        async with opened(path):
            pytest.fail("it was opened")
    return str(raised.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def modes_in(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_a_new_database_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    before = os.umask(0)
    try:
        async with opened(path) as storage:
            await send(storage.history)
            modes = modes_in(tmp_path)
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}, modes


async def test_what_was_stored_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        sent = [await send(storage.history, f"m{number}", key=f"k{number}") for number in range(3)]
        record = await storage.store.put("ns", "k", b"v")
    async with opened(path) as storage:
        assert await read_all(storage.history) == [appended.entry for appended in sent]
        assert (await send(storage.history, "m1", key="k1")).entry == sent[1].entry
        assert (await send(storage.history)).epoch == sent[0].epoch
        assert await storage.store.get("ns", "k") == record


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    message = await refused(tmp_path / "nowhere" / "store.sqlite3")
    assert str(tmp_path / "nowhere") in message
    assert "core.database" in message


async def test_an_impossible_path_is_refused_readably(tmp_path: Path) -> None:
    assert "core.database" in await refused(tmp_path / ("x" * 300))
    file = tmp_path / "file"
    file.touch()
    assert "does not exist" in await refused(file / "store.sqlite3")


async def test_a_directory_is_no_database(tmp_path: Path) -> None:
    assert "is a directory" in await refused(tmp_path)


@pytest.mark.parametrize("content", [b"hello, this is a letter", b"x" * 5_000, b"SQLite format 2\0" + b"\0" * 84])
async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    assert "not a database of Umbral Chat" in await refused(path)
    assert contents(tmp_path) == {"letter.txt": content}


async def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    for name, statements in (
        ("tables", ["CREATE TABLE theirs (a)"]),
        ("version", ["PRAGMA user_version = 3"]),
        ("marked", ["PRAGMA application_id = 7", "CREATE TABLE theirs (a)"]),
    ):
        path = tmp_path / name
        connection = apsw.Connection(str(path))
        for statement in statements:
            connection.execute(statement)
        connection.close()
        before = contents(tmp_path)
        assert "not a database of Umbral Chat" in await refused(path)
        assert contents(tmp_path) == before


async def test_a_damaged_database_is_refused_readably(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        await send(storage.history)
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5_000)
    assert str(path) in await refused(path)


@pytest.mark.parametrize("where", ["in the file", "in its log"])
async def test_a_file_of_a_newer_version_is_refused_and_left_untouched(tmp_path: Path, where: str) -> None:
    path = tmp_path / "store.sqlite3"
    async with opened(path) as storage:
        await send(storage.history)
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    if where == "in its log":
        # As a newer process that was killed leaves it.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.close()
    before = {name: content for name, content in contents(tmp_path).items() if not name.endswith("-shm")}
    message = await refused(path, NewerSchema)
    assert str(schema.VERSION + 1) in message
    assert {name: content for name, content in contents(tmp_path).items() if not name.endswith("-shm")} == before


def test_migrations_bring_a_file_forward_each_whole_or_not_at_all(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "m.sqlite3"))
    seen: list[str] = []

    def step(name: str, *, wrong: bool = False) -> schema.Migration:
        def run(connection: apsw.Connection) -> None:
            connection.execute(f"CREATE TABLE {name} (a)")
            seen.append(name)
            if wrong:
                raise RuntimeError(name)

        return run

    schema.migrate(connection, [step("one")])
    schema.migrate(connection, [step("one"), step("two")])
    assert (seen, connection.pragma("user_version")) == (["one", "two"], 2)
    with pytest.raises(RuntimeError):
        schema.migrate(connection, [step("one"), step("two"), step("three"), step("four", wrong=True)])
    assert connection.pragma("user_version") == 3
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema").fetchall()]
    assert tables == ["one", "two", "three"]
    schema.migrate(connection, [step("one"), step("two"), step("three"), step("four")])
    assert connection.pragma("user_version") == 4
    connection.close()


async def test_two_that_open_a_new_file_at_once_both_work(tmp_path: Path) -> None:
    for number in range(30):
        path = tmp_path / f"{number}.sqlite3"

        async def use(path: Path = path) -> str:
            async with opened(path) as storage:
                return (await send(storage.history)).epoch

        assert len({*await asyncio.gather(*(use() for _ in range(4)))}) == 1


async def test_a_backup_is_whole_private_and_has_new_epochs_when_it_is_first_opened(tmp_path: Path) -> None:
    path, copy = tmp_path / "store.sqlite3", tmp_path / "copy.sqlite3"
    async with opened(path) as storage:
        history = storage.history
        assert isinstance(history, SqliteHistory)
        sent = [await send(history, f"m{number}") for number in range(50)]
        await send(history, "elsewhere", "other", key="k")
        await history.backup(copy)
        await send(history, "after the backup")
        heads = await history.heads(["room", "other"])
        assert all(isinstance(head, Head) and head.epoch for head in heads.values())
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(contents(tmp_path)) == ["copy.sqlite3", "store.sqlite3"]
    epochs: list[set[str]] = []
    for _ in range(2):
        async with opened(copy) as storage:
            assert await read_all(storage.history) == [appended.entry for appended in sent]
            assert not (await send(storage.history, "elsewhere", "other", key="k")).created
            await expect_error(send(storage.history, epoch=sent[0].epoch), ConversationDeleted)
            found = await storage.history.heads(["room", "other"])
            epochs.append({head.epoch for head in found.values() if isinstance(head, Head)})
    assert len(epochs[0]) == 2
    assert epochs[0] == epochs[1], "new epochs are drawn once"
    async with opened(path) as storage:
        assert (await storage.history.heads(["room"]))["room"] == heads["room"], "the original keeps its own"


async def test_a_backup_is_of_one_moment_while_senders_go_on(tmp_path: Path) -> None:
    path, copy = tmp_path / "store.sqlite3", tmp_path / "copy.sqlite3"
    async with opened(path) as storage:
        history = storage.history
        assert isinstance(history, SqliteHistory)
        await asyncio.gather(*(send(history, "x" * 2_000, f"room{number % 20}") for number in range(3_000)))
        copying = asyncio.ensure_future(history.backup(copy))
        sent = 0
        while not copying.done():
            # One message into each of two rooms: a copy of two moments would hold the second without the first.
            await send(history, f"{sent}", "first")
            await send(history, f"{sent}", "second")
            sent += 1
        await copying
    async with opened(copy) as storage:
        first, second = [len(await read_all(storage.history, name)) for name in ("first", "second")]
        assert 0 <= first - second <= 1
        assert sum([len(await read_all(storage.history, f"room{number}")) for number in range(20)]) == 3_000


async def test_a_backup_overwrites_nothing_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    async with opened(tmp_path / "store.sqlite3") as storage:
        history = storage.history
        assert isinstance(history, SqliteHistory)
        copy.write_bytes(b"a file that must stay")
        await expect_error(history.backup(copy), StoreError)
        assert copy.read_bytes() == b"a file that must stay"
        await expect_error(history.backup(tmp_path / "nowhere" / "copy.sqlite3"), StoreError)
        assert isinstance(history, RenewsEpochs)


async def test_a_backup_holds_nothing_that_was_redacted_before(tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    async with opened(tmp_path / "store.sqlite3") as storage:
        history = storage.history
        assert isinstance(history, SqliteHistory)
        message = message_id_of(await send(history, "a secret of many words"))
        await redact(history, message)
        await history.backup(copy)
    assert b"a secret of many words" not in copy.read_bytes()
