"""`consumers` on a real database."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from umbral_chat._core.consumers.dead_letters import DeadLetters
from umbral_chat._core.consumers.registry import ConsumerRegistry, StoredStatus
from umbral_chat._core.consumers.tries import Tries
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import SystemClock
from umbral_chat.providers.consumers import DeadLetter, Failure

if TYPE_CHECKING:
    from core.tests.cli.conftest import Run

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def write(path: Path) -> None:
    storage = open_storage(path, clock=SystemClock())
    async with storage.lifespan:
        registry, dead = ConsumerRegistry(storage.store), DeadLetters(storage.store, "hours")
        for name in ("hours", "idle"):
            await registry.register(name)
        for conversation, seq in (("a", 3), ("a", 5), ("b", 1)):
            assert await dead.add(conversation, "aaaaaaaaaa", Tries(seq, 16, NOON, NOON, "HTTP 500"))
        status = StoredStatus(NOON, NOON, 2, 48, Failure(NOON, "HTTP 500"), blocked=True)
        await registry.store_status("hours", status)


def letters(path: Path) -> tuple[list[DeadLetter], int]:
    """The dead letters, and the version of the bell."""

    async def read() -> tuple[list[DeadLetter], int]:
        storage = open_storage(path, clock=SystemClock())
        async with storage.lifespan:
            rings = await ConsumerRegistry(storage.store).rings()
            return await DeadLetters(storage.store, "hours").list(), rings["hours"][1]

    return asyncio.run(read())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "chat.sqlite3"
    asyncio.run(write(path))
    return path


def test_consumers_are_listed_with_what_is_known_of_them(run: Run, database: Path) -> None:
    said = run("consumers", "--database", str(database))
    assert said.exit_code == 0, said.output
    assert "hours" in said.stdout
    assert "3 (full)" in said.stdout
    assert "HTTP 500" in said.stdout
    rows = [json.loads(line) for line in run("consumers", "--database", str(database), "--json").stdout.splitlines()]
    assert [row["name"] for row in rows] == ["hours", "idle"]
    assert rows[0]["lag"] > 0
    assert (rows[0]["dead"], rows[0]["failures"], rows[0]["queued"]) == (3, 48, 2)
    assert rows[1] == {"name": "idle", "dead": 0}


def test_dead_letters_are_listed(run: Run, database: Path) -> None:
    said = run("consumers", "failed", "hours", "--database", str(database))
    assert said.exit_code == 0, said.output
    assert said.stdout.count("HTTP 500") == 3
    arguments = ("--conversation", "a", "--seq", "5", "--json", "--database", str(database))
    [row] = [json.loads(line) for line in run("consumers", "failed", "hours", *arguments).stdout.splitlines()]
    assert (row["conversation"], row["seq"], row["tries"], row["retry"]) == ("a", 5, 16, False)
    assert "No dead letters" in run("consumers", "failed", "idle", "--database", str(database)).stderr


def test_a_retry_marks_them_and_rings(run: Run, database: Path) -> None:
    _, before = letters(database)
    said = run("consumers", "retry", "hours", "--conversation", "a", "--database", str(database))
    assert said.exit_code == 0, said.output
    assert "2 dead letters of hours will be tried again" in said.stdout
    found, after = letters(database)
    assert [(letter.conversation, letter.retry) for letter in found] == [("a", True), ("a", True), ("b", False)]
    assert after > before
    again = run("consumers", "retry", "hours", "--all", "--json", "--database", str(database))
    assert json.loads(again.stdout) == {"name": "hours", "retried": 3}


def test_a_drop_asks_and_removes_them(run: Run, database: Path) -> None:
    declined = run("consumers", "drop", "hours", "--all", "--database", str(database), input="n\n")
    assert declined.exit_code == 130
    assert len(letters(database)[0]) == 3
    done = run("consumers", "drop", "hours", "--conversation", "a", "--seq", "3", "--yes", "--database", str(database))
    assert done.exit_code == 0, done.output
    assert "1 dead letter of hours dropped" in done.stdout
    assert [letter.seq for letter in letters(database)[0]] == [5, 1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("failed",),
        ("list", "hours"),
        ("retry", "hours"),
        ("drop", "hours", "--all", "--conversation", "a"),
        ("failed", "hours", "--seq", "3"),
    ],
)
def test_what_does_not_fit_together_is_wrong_usage(run: Run, database: Path, arguments: tuple[str, ...]) -> None:
    assert run("consumers", *arguments, "--database", str(database)).exit_code == 2


def test_a_consumer_that_is_not_there_is_named(run: Run, database: Path) -> None:
    said = run("consumers", "failed", "hour", "--database", str(database))
    assert said.exit_code == 1
    assert "no consumer 'hour'" in said.stderr
