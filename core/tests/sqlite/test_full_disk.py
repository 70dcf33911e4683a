"""A full disk: readiness reports that sends are refused, for as long as they are, and a backup fails with a reason."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import apsw
import pytest
from umbral_chat._core import service as wiring
from umbral_chat._core.sqlite import open_storage
from umbral_chat.testing.disks import Disk
from umbral_chat.testing.embedded import opened
from umbral_chat.testing.storage import send

from core.tests.http.conftest import service

pytestmark = pytest.mark.sqlite_only("the embedded store's file")


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Disk]:
    disk = Disk(f"full-{request.node.name}")
    yield disk
    disk.unregister()


async def test_readiness_reports_it_until_there_is_room_again(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "open_storage", partial(open_storage, vfs=disk.name))
    async with service(tmp_path) as client:

        async def history() -> tuple[str, dict[str, object]]:
            health = (await client.get("/health/ready")).json()
            return health["status"], next(one["result"] for one in health["checks"] if one["name"] == "history")

        assert (await history())[0] == "ready"
        disk.fault = lambda what, _file: apsw.FullError("database or disk is full") if what == "write" else None
        answer = await client.post("/v1/conversations/room/messages", json={"content": "hello"})
        assert (answer.status_code, answer.json()["code"]) == (503, "history_unavailable")
        status, result = await history()
        assert status == "degraded"
        assert "sends are refused" in str(result["detail"])
        assert "disk is full" in str(result["detail"])
        assert "room" in str(result["mend"])
        assert str(tmp_path) not in json.dumps(result)  # readiness is open to all
        disk.fault = lambda _what, _file: None
        assert (await history())[0] == "ready"
        answer = await client.post("/v1/conversations/room/messages", json={"content": "hello"})
        assert answer.status_code == 201


async def test_it_is_reported_before_the_first_send_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 0

    async with service(tmp_path) as client:
        assert (await client.get("/health/ready")).json()["status"] == "ready"
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage)
        assert "the disk is full" in (await client.get("/health/ready")).text


def test_a_backup_that_has_no_room_fails_with_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "chat.sqlite3"

    async def fill() -> None:
        async with opened(path) as storage:
            for _ in range(40):
                await send(storage.history, "x" * 8_000)

    asyncio.run(fill())
    # A limit on the size of files fails a write as a full disk does, and needs no disk of its own.
    done = subprocess.run(
        [sys.executable, "-m", "umbral_chat", "backup", str(tmp_path / "copy"), "--database", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("✗ The backup ")
    assert "no room" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["chat.sqlite3"]
