"""`backup` and `new-epoch` on a real database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import SystemClock
from umbral_chat.model.entries import Sender
from umbral_chat.model.writes import WriteMessage

if TYPE_CHECKING:
    from core.tests.cli.conftest import FakeService, Run


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Two logs of one message each."""
    path = tmp_path / "chat.sqlite3"
    asyncio.run(_write(path, "a", "b"))
    return path


async def _write(path: Path, *conversations: str) -> None:
    storage = open_storage(path, clock=SystemClock())
    async with storage.lifespan:
        for name in conversations:
            said = WriteMessage(conversation=name, subject="local", sender=Sender("user"), content=f"of {name}")
            await storage.history.append(said)


def logs(path: Path) -> dict[str, tuple[str, int]]:
    """Epoch and head by conversation."""

    async def read() -> dict[str, tuple[str, int]]:
        storage = open_storage(path, clock=SystemClock())
        async with storage.lifespan:
            heads = await storage.history.heads(["a", "b"])
        return {name: (head.epoch, head.seq) for name, head in heads.items()}  # type: ignore[union-attr]

    return asyncio.run(read())


def test_new_epochs_are_drawn_after_a_yes(run: Run, database: Path) -> None:
    before = logs(database)
    declined = run("new-epoch", "--database", str(database), input="n\n")
    assert declined.exit_code == 130
    assert logs(database) == before
    done = run("new-epoch", "--database", str(database), input="y\n")
    assert done.exit_code == 0, done.output
    assert "2 logs have new epochs" in done.stdout
    after = logs(database)
    assert {seq for _, seq in after.values()} == {1}
    assert not {epoch for epoch, _ in before.values()} & {epoch for epoch, _ in after.values()}


def test_new_epoch_warns_when_a_service_answers(run: Run, service: FakeService, database: Path) -> None:
    result = run("new-epoch", "--database", str(database), "--yes", "--json", service=service)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"logs": 2}
    assert "A service answers" in result.stderr


@pytest.mark.parametrize("command", [["new-epoch", "--yes"], ["backup", "copy"]])
def test_a_database_that_is_not_there_is_not_made(run: Run, tmp_path: Path, command: list[str]) -> None:
    result = run(*command, "--database", str(tmp_path / "none.sqlite3"))
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_backup_holds_everything_and_draws_new_epochs_when_it_is_opened(
    run: Run, database: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.sqlite3"
    result = run("backup", str(copy), "--database", str(database), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"file": str(copy), "bytes": copy.stat().st_size}
    before, after = logs(database), logs(copy)
    assert {name: seq for name, (_, seq) in after.items()} == {"a": 1, "b": 1}
    assert not {epoch for epoch, _ in before.values()} & {epoch for epoch, _ in after.values()}


def test_a_backup_replaces_nothing(run: Run, database: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("old")
    result = run("backup", str(there), "--database", str(database))
    assert result.exit_code == 2
    assert there.read_text() == "old"


def test_a_backup_into_a_directory_that_is_not_there_is_wrong_usage(run: Run, database: Path, tmp_path: Path) -> None:
    result = run("backup", str(tmp_path / "no" / "copy"), "--database", str(database))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
