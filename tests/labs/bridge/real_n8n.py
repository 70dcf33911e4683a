"""A real n8n, with the lab's proxy before it: set up as the end-to-end tests do it, stopped, killed, started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import FrameType

from n8n.e2e.harness.agent import model_credential
from n8n.e2e.harness.install import ensure_installed
from n8n.e2e.harness.server import environment, n8n_server, start_command
from tests.labs.kit.driver import die_with_parent
from tests.labs.kit.service import NotReady
from tests.ports import free_port

from .journal import Call, Execution, Journal
from .model import repeating_model
from .proxy import FaultyProxy
from .saved import saved_executions
from .script import Script
from .workflows import lab_copies

STARTING = 120.0
"""Seconds within which n8n listens: it takes 10 on two idle cores."""

GRACE = 5
"""Seconds that executions have to end when n8n is asked to. n8n's own default is 30; the slow ones take longer."""

ENDING = 60.0
"""Seconds in which an n8n that was asked to end has ended, or is killed."""

SETTINGS = {
    # The slow executions wait side by side in the one runner of all Code nodes, which takes 10 otherwise. It announces
    # each free place every few seconds: a thousand keep n8n busy.
    "N8N_RUNNERS_MAX_CONCURRENCY": "100",
    "N8N_RUNNERS_TASK_TIMEOUT": "600",
    "N8N_RUNNERS_TASK_REQUEST_TIMEOUT": "600",
    "N8N_GRACEFUL_SHUTDOWN_TIMEOUT": str(GRACE),
    "EXECUTIONS_DATA_PRUNE": "false",
    "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "all",
    "EXECUTIONS_DATA_SAVE_ON_ERROR": "all",
}


class RealN8nProcess:
    """It, its proxy, and the model of its workflows. `port` is the proxy's."""

    def __init__(self, folder: Path) -> None:
        """Installs n8n if it is not, and sets it up: owner, key, workflows. Raises HarnessError."""
        self._folder, self._logs = folder, folder.parent / "n8n-logs"
        self.port, upstream, self._model = free_port(), free_port(), free_port()
        installed = ensure_installed()
        credentials = [model_credential(f"http://127.0.0.1:{self._model}/v1")]
        server = n8n_server(installed, folder, self._logs, credentials, lab_copies(), upstream, settings=SETTINGS)
        with _ended_by_sigterm(), server as n8n:
            self.api_key = n8n.editor.new_api_key()
        self._environ = environment(installed, folder, upstream, free_port()) | SETTINGS
        self._command = start_command(installed)
        self._upstream = upstream
        self._journal = Journal(folder / "journal.sqlite3")
        self._proxy = FaultyProxy(self.port, upstream, self._journal)
        self._beside = AsyncExitStack()
        self._process: asyncio.subprocess.Process | None = None

    async def follow(self, script: Script) -> None:
        """Fail as it says, from now on."""
        self._proxy.script = script
        if self._process is None:
            await self._beside.enter_async_context(repeating_model(self._model))
            await self.start()

    async def start(self) -> None:
        """Start it, and let its callers in once it takes connections. Raises NotReady."""
        with (self._logs / "n8n.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environ,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        end = time.monotonic() + STARTING
        while time.monotonic() < end and self._process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await self._proxy.open()
            return
        raise NotReady(f"n8n does not listen: see {self._logs}/n8n.log")

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it: asked, or killed, with the runner of its Code nodes."""
        self._proxy.close()
        if self._process is None:
            return
        if how == signal.SIGTERM:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                self._process.terminate()
                await asyncio.wait_for(self._process.wait(), ENDING)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def end(self) -> None:
        """End all of it."""
        await self.stop()
        await self._proxy.end()
        await self._beside.aclose()

    def questions(self) -> int:
        """That passed the proxy."""
        return self._proxy.questions

    def calls(self) -> list[Call]:
        """Those that the proxy noted."""
        return self._journal.calls()

    def executions(self) -> list[Execution]:
        """By n8n's database."""
        return saved_executions(self._folder / ".n8n" / "database.sqlite")


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """`timeout` ends the set-up in good order: what it started would stay."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


__all__ = ["RealN8nProcess"]
