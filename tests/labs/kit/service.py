"""A service process of our own on a free port and a temp database: started, killed, started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
import time
from pathlib import Path

from tests.ports import free_port

from .driver import die_with_parent
from .http1 import Connection, NoAnswer

# What the service logs while it starts is read only when something went wrong.
LOG_NAME = "service.log"


class NotReady(Exception):
    """The service did not answer as ready in time, or ended by itself."""


class Service:
    """`command` is run with the settings in its environment only, in a process group of its own.

    `settings` are more variables, without the prefix `UMBRAL_CHAT_`."""

    def __init__(self, command: str, folder: Path, **settings: str) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.database = folder / "service.sqlite3"
        self.log = folder / LOG_NAME
        self._arguments = shlex.split(command)
        self._process: asyncio.subprocess.Process | None = None
        # The interpreter's own folder first: `umbral-chat` is found although the environment is not activated.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        core = {"HOST": self.host, "PORT": str(self.port), "DATABASE": str(self.database)}
        settings = {f"CORE__{name}": value for name, value in core.items()} | settings
        # Settings of the caller's own shell would test another service than the one that is shipped.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("UMBRAL_CHAT_")}
        self._environ = inherited | {f"UMBRAL_CHAT_{name}": value for name, value in settings.items()}
        self._environ["PATH"] = path

    @property
    def environ(self) -> dict[str, str]:
        """What it runs with: for a command that works on the same store."""
        return dict(self._environ)

    @property
    def pid(self) -> int:
        """Of the running process: the service itself, if the command is no wrapper."""
        if self._process is None:
            raise NotReady("the service does not run")
        return self._process.pid

    async def start(self, timeout: float = 30.0) -> None:
        """Start it and wait until it is ready; raises NotReady."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                env=self._environ,
                cwd=self.database.parent,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        end = time.monotonic() + timeout
        probe = Connection(self.host, self.port)
        try:
            while time.monotonic() < end:
                if self._process.returncode is not None:
                    raise NotReady(f"the service ended by itself with {self._process.returncode}: {self.last_words()}")
                with contextlib.suppress(NoAnswer):
                    if (await probe.ask("GET", "/health/ready", timeout=5.0)).status == 200:
                        return
                await asyncio.sleep(0.01)
        finally:
            probe.close()
        raise NotReady(f"the service was not ready within {timeout:.0f} s: {self.last_words()}")

    async def kill(self) -> None:
        """SIGKILL the whole group, so that a wrapper in the command does not shield the service, and reap it."""
        await self._end(signal.SIGKILL)

    async def stop(self, timeout: float = 20.0) -> None:
        """Ask it to end (SIGTERM), and kill it if it does not."""
        try:
            async with asyncio.timeout(timeout):
                await self._end(signal.SIGTERM)
        except TimeoutError:
            await self.kill()

    def last_words(self) -> str:
        """The end of its log, for a message."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return " | ".join(text.splitlines()[-8:]) or "(it logged nothing)"

    async def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, how)
        await self._process.wait()
        self._process = None


__all__ = ["NotReady", "Service"]
