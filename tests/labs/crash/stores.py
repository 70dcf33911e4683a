"""What a run kills: the process that has the database file, or the PostgreSQL of a local Supabase."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import httpx

from tests.labs.kit.service import NotReady, Service
from tests.local_supabase.process import stack_process
from tests.local_supabase.stack.api import Stack

RETURN = 60.0  # seconds that the local Supabase may take to be back


class Store(Protocol):
    """A service and what it stores in."""

    service: Service
    victim: str
    """What a kill ends, for a person."""

    async def crash(self) -> None:
        """`kill -9`, whatever is in flight."""

    async def recover(self) -> None:
        """Start again what was killed. Raises NotReady."""


class File:
    """One process with one SQLite file: killing it is killing the service."""

    victim = "the service"

    def __init__(self, command: str, folder: Path) -> None:
        self.service = Service(command, folder)

    async def crash(self) -> None:
        await self.service.kill()

    async def recover(self) -> None:
        await self.service.start()


class Database:
    """A service on Supabase: its database is killed, and the service itself must live on."""

    victim = "PostgreSQL"

    def __init__(self, command: str, folder: Path, stack: Stack) -> None:
        self.service = Service(command, folder, SUPABASE__URL=stack.url, SUPABASE__KEY=stack.secret_key)
        self._control = f"{stack.url}/_control/postgres"
        # Made now: making one takes longer than a send, and a kill would come when what was in flight is answered.
        self._http = httpx.AsyncClient(timeout=RETURN, limits=httpx.Limits(max_keepalive_connections=0))

    async def crash(self) -> None:
        await self._command("kill")

    async def recover(self) -> None:
        await self._command("start")

    async def _command(self, name: str) -> None:
        answer = await self._http.post(f"{self._control}/{name}")
        if answer.is_error:
            raise NotReady(f"the local Supabase does not {name} its database: {answer.text[:500]}")


@contextlib.contextmanager
def opened(kind: str, command: str, folder: Path) -> Iterator[Store]:
    """The store of this kind (`file`, `supabase`). Raises RuntimeError when the local Supabase does not start."""
    if kind == "file":
        yield File(command, folder)
        return
    with stack_process(folder, fast=False) as stack:
        yield Database(command, folder, stack)


__all__ = ["Store", "opened"]
