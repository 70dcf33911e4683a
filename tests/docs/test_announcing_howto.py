"""The plugin of `how-to/write-a-transport-that-announces.md`: it keeps the contract on a PostgreSQL, and an entry
reaches another instance by its announcement."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.local_supabase.stack.postgres import Postgres
from tests.ports import free_port
from tests.typing.strict import strict

from .pages import ROOT, blocks
from .session import service, write
from .test_transport_howto import ask, installed

PAGE = ROOT / "docs" / "how-to" / "write-a-transport-that-announces.md"
pytestmark = pytest.mark.slow

POLL_INTERVAL = 120
"""Seconds between two reads of the store in the services of this test: far longer than it waits for an entry."""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package as a reader who typed it in has it."""
    for block in blocks(PAGE):
        if block.file is not None:
            write(block, tmp_path)
    return tmp_path


@pytest.fixture
def database() -> Iterator[str]:
    """The connection string of a PostgreSQL of the test's own."""
    with tempfile.TemporaryDirectory(prefix="umbral-chat-notify-") as folder, asyncio.Runner() as runner:
        Path(folder).chmod(0o755)  # the server runs as another user when we are root
        postgres = Postgres(Path(folder), free_port(), durable=False)
        runner.run(postgres.start(60.0))
        try:
            yield postgres.url()
        finally:
            runner.run(postgres.stop())


def test_it_keeps_the_contract(package: Path, database: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environ = {**os.environ, "ACME_ADMIN_DSN": database}
    done = subprocess.run(command, cwd=package, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


def test_it_is_typed_as_the_interface_wants_it(package: Path) -> None:
    (package / "use.py").write_text(
        "from acme_pgnotify.transport import PgNotify\n"
        "from umbral_chat import Announces, Transport\n\n\n"
        "def use(made: PgNotify) -> tuple[Transport, Announces]:\n"
        "    return made, made\n",
        encoding="utf-8",
    )
    done = strict("use.py", "src/acme_pgnotify", folder=package, sources=[package / "src", ROOT / "core" / "src"])
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_entry_reaches_another_instance_without_a_reconcile(package: Path, database: str) -> None:
    environ = installed(package) | {
        "UMBRAL_CHAT_CORE__DATABASE": str(package / "chat.sqlite3"),
        "UMBRAL_CHAT_PGNOTIFY__DSN": database,
        "UMBRAL_CHAT_REALTIME__RECONCILE_INTERVAL": str(POLL_INTERVAL),
        **{f"UMBRAL_CHAT_POLLING__{name}INTERVAL": str(POLL_INTERVAL) for name in ("", "MIN_", "MAX_")},
    }
    folders = [package / "here", package / "there"]
    for folder in folders:
        folder.mkdir()
    with service(folders[0], free_port(), environ) as here, service(folders[1], free_port(), environ) as there:
        end = time.monotonic() + 60
        while any(ask(f"{url}/v1/status")["mode"] != "live" for url in (here, there)):
            assert time.monotonic() < end, ask(f"{there}/v1/status")
            time.sleep(0.05)
        cursor = "0"
        for number in range(3):
            with ThreadPoolExecutor() as pool:
                begun = time.monotonic()
                waiting = pool.submit(ask, f"{there}/v1/conversations/room/events?wait=50&after={cursor}")
                time.sleep(0.3)  # so that it waits; if it does not yet, it finds the entry anyway
                ask(f"{here}/v1/conversations/room/messages", f'{{"content": "number {number}"}}'.encode())
                found = waiting.result(timeout=POLL_INTERVAL)
            assert [entry["content"] for entry in found["entries"]] == [f"number {number}"]
            assert time.monotonic() - begun < 40, "it arrived with the end of the long poll, or by a read of the store"
            cursor = found["cursor"]
