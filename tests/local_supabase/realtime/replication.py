"""Broadcasts from the database, by logical decoding of `realtime.messages` through a temporary slot.

The slot lives as long as its connection, so what is inserted while there is none is never delivered live: as with the
real server. It is polled, not streamed. The publication is made when it first runs, and partitions whenever the server
connects to the database anew (and by a janitor, whom tests play): not at a join.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg

from .pgoutput import Decoder, Row

PUBLICATION = "supabase_realtime_messages_publication"
EVERY = 0.02
"""Seconds between polls."""

AGAIN = 0.5
"""Seconds until a lost connection is made anew."""

Told = Callable[["Stored"], Awaitable[None]]


class Stored:
    """A broadcast as a row holds it."""

    def __init__(self, row: Row) -> None:
        def text(name: str) -> str:
            return (row.get(name) or b"").decode()

        self.topic, self.event, self.id = text("topic"), text("event"), text("id")
        self.private = row.get("private") == b"t"
        self.is_broadcast = row.get("extension") == b"broadcast"
        self.json = row.get("payload")
        self.payload: Any = None if self.json is None else json.loads(self.json)
        binary = row.get("binary_payload")
        self.binary = None if binary is None else bytes.fromhex(binary.decode().removeprefix("\\x"))


class Replication:
    """Runs from the first join on. `paused` keeps the slot away, as when the connection is down."""

    def __init__(self, url: str, told: Told) -> None:
        self._url, self._told = url, told
        self._task: asyncio.Task[None] | None = None
        self._go = asyncio.Event()
        self.paused = False
        self.ready, self._unready = asyncio.Event(), asyncio.Event()

    def begin(self) -> None:
        """Have it run once `go` was said: a client joins, and the database is asked about that at the same time."""
        if self._task is None:
            self._go.clear()
            self._task = asyncio.create_task(self._run(), name="realtime: replication")

    def go(self) -> None:
        """What was asked beside its beginning is answered: a first join does not find the partitions that it causes."""
        self._go.set()

    async def ensure(self) -> None:
        """Have it run, and wait until broadcasts come."""
        self.begin()
        self.go()
        if not self.paused:
            with suppress(TimeoutError):
                async with asyncio.timeout(30.0):
                    await self.ready.wait()

    async def gone(self) -> None:
        """Wait until there is no slot."""
        async with asyncio.timeout(30.0):
            await self._unready.wait()

    async def stop(self) -> None:
        """End it; its slot goes with it."""
        task, self._task = self._task, None
        self.ready.clear()
        self._unready.set()
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        await self._go.wait()
        anew = True
        while True:
            if not self.paused:
                try:
                    await self._follow(anew=anew)
                    anew = False
                except (psycopg.Error, OSError):
                    # Where the database went away, the server's connection to it did.
                    anew = True
                self.ready.clear()
                self._unready.set()
            await asyncio.sleep(AGAIN if not self.paused else EVERY)

    async def _follow(self, *, anew: bool) -> None:
        slot, decoder = f"stand_in_{secrets.token_hex(6)}", Decoder()
        options = f"'proto_version', '1', 'publication_names', '{PUBLICATION}'"
        changes = f"select data from pg_logical_slot_get_binary_changes('{slot}', null, null, {options})"  # noqa: S608
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            if anew:
                await connection.execute("select realtime.stand_in_partitions()")
            if not await _published(connection):
                await connection.execute(f"create publication {PUBLICATION} for table realtime.messages")
            await connection.execute(f"select pg_create_logical_replication_slot('{slot}', 'pgoutput', true)")
            self.ready.set()
            self._unready.clear()
            while not self.paused:
                for (data,) in await (await connection.execute(changes.encode(), binary=True)).fetchall():
                    row = decoder.decode(data)
                    if row is not None and (stored := Stored(row)).is_broadcast:
                        await self._told(stored)
                await asyncio.sleep(EVERY)


async def _published(connection: psycopg.AsyncConnection[Any]) -> bool:
    found = await connection.execute("select from pg_publication where pubname = %s", (PUBLICATION,))
    return await found.fetchone() is not None


__all__ = ["EVERY", "PUBLICATION", "Replication", "Stored"]
