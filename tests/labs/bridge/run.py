"""The state of one run, n8n's process, and the calls of the service that are no load."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.labs.kit.driver import die_with_parent
from tests.labs.kit.http1 import Connection, NoAnswer
from tests.labs.kit.service import NotReady, Service

from .executions_api import KEY as API_KEY
from .journal import Call, Execution, Journal
from .observations import Observations
from .plan import Drawn, Plan
from .script import Script

KEY = "bridge-lab-key-0123456789abcdef"

PATIENCE = 60.0
"""Seconds in which a call of ours must succeed: an instance may be down."""


class AnyN8n(Protocol):
    """An n8n that is started, stopped, killed and started again, and fails as a script says."""

    @property
    def port(self) -> int:
        """That of its webhooks and of its API."""

    @property
    def api_key(self) -> str:
        """For its API."""

    async def follow(self, script: Script) -> None:
        """Start it if it does not run, and fail so from now on. Raises NotReady."""

    async def start(self) -> None:
        """Start it, and wait until it takes connections. Raises NotReady."""

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it: asked, or killed."""

    async def end(self) -> None:
        """End it for good."""

    def questions(self) -> int:
        """Requests of its API so far; 0 where nothing counts them."""

    def calls(self) -> list[Call]:
        """Of its webhooks, so far."""

    def executions(self) -> list[Execution]:
        """Its own record of them, when it has ended for good."""


class N8nProcess:
    """The scripted n8n."""

    api_key = API_KEY

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir()
        self.folder, self.port = folder, port
        self._process: asyncio.subprocess.Process | None = None

    async def follow(self, script: Script) -> None:
        """Read at each start. Raises NotReady."""
        await self.stop()
        script.save(self.folder / "script.json")
        await self.start()

    async def start(self) -> None:
        """Raises NotReady."""
        with (self.folder / "n8n.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.labs.bridge.n8n", str(self.folder)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        end = time.monotonic() + 30.0
        while time.monotonic() < end and self._process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
        raise NotReady(f"the scripted n8n does not listen: see {self.folder}/n8n.log")

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it: asked, or killed."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, how)
            await self._process.wait()
            self._process = None

    async def end(self) -> None:
        """As it is asked to."""
        await self.stop()

    def questions(self) -> int:
        """Not counted."""
        return 0

    def calls(self) -> list[Call]:
        """By the journal that it keeps."""
        with closing(Journal(self.folder / "journal.sqlite3")) as journal:
            return journal.calls()

    def executions(self) -> list[Execution]:
        """Likewise."""
        with closing(Journal(self.folder / "journal.sqlite3")) as journal:
            return journal.executions()


@dataclass
class Run:
    """One run in progress."""

    plan: Plan
    drawn: Drawn
    services: Sequence[Service]
    """Two instances on one store."""
    n8n: AnyN8n
    observed: Observations = field(init=False)
    killed: int = 0
    outages: int = 0
    """Times that n8n was stopped or restarted."""
    began: float = field(default_factory=time.monotonic)
    open_conversations: int = 0
    """When last looked, those with a message that has no outcome."""
    sent_after: float = 0.0
    """Seconds in which all was sent and the last fault was over."""
    settled_after: float = 0.0
    """Seconds in which every message had its outcome."""

    def __post_init__(self) -> None:
        self.observed = Observations(ask_for=self.plan.ask_for)

    def connection(self, instance: int) -> Connection:
        """A new one to an instance."""
        service = self.services[instance % len(self.services)]
        return Connection(service.host, service.port, key=KEY)

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer, by whichever instance gives it. Raises TimeoutError, or RuntimeError for an answer
        that is no success."""
        async with asyncio.timeout(PATIENCE):
            turn = 0
            while True:
                connection = self.connection(turn)
                try:
                    answer = await connection.ask(method, path, body)
                except NoAnswer:
                    answer = None
                finally:
                    connection.close()
                if answer is not None and answer.status in {200, 201}:
                    return answer.json()
                if answer is not None and answer.status != 503:
                    raise RuntimeError(f"{method} {path} was answered {answer.status}: {answer.body[:500]!r}")
                turn += 1
                await asyncio.sleep(0.2)

    async def dead_letters(self, chat: str) -> list[tuple[str, int]]:
        """Conversation and seq of each dead letter of a chat, as the command line has them. Raises RuntimeError."""
        process = await asyncio.create_subprocess_exec(
            *("umbral-chat", "consumers", "failed", f"n8n:{chat}", "--json"),
            env=self.services[0].environ,
            cwd=self.services[0].database.parent,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise RuntimeError(f"umbral-chat consumers failed: {err.decode()[-1000:]}")
        found = [json.loads(line) for line in out.decode().splitlines()]
        return [(each["conversation"], each["seq"]) for each in found]


__all__ = ["KEY", "AnyN8n", "N8nProcess", "Run"]
