"""Broadcasts from the database, by logical decoding of `realtime.messages` through a temporary slot.

The slot lives as long as its connection, so what is inserted while there is none is never delivered live, as with the
real server. It is polled, not streamed, and only while there are channels: every worker of a test run has a stack, and
to poll all of them took an eighth of the run. The publication is made when it first runs, and partitions whenever the
server reconnects to the database (and by a periodic job, in whose place tests act): not at a join.
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
POLL_INTERVAL = 0.02
"""Seconds between polls."""

RETRY_INTERVAL = 0.5
"""Seconds until a lost connection is opened again."""

JOINING = 5.0
"""Seconds after a join began in which the slot is polled although there is no channel yet."""

LOOK_EVERY = 1.0
"""Seconds between two looks whether there are channels after all: a join may take longer than that."""

Handler = Callable[["StoredBroadcast"], Awaitable[None]]


class StoredBroadcast:
    """A broadcast, parsed from an inserted row."""

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
    """Runs from the first join on. While `paused` there is no slot, as when the connection is down."""

    def __init__(self, url: str, handler: Handler, *, has_channels: Callable[[], bool]) -> None:
        self._url, self._handler, self._has_channels = url, handler, has_channels
        self._joining_until = 0.0
        self._join_began, self._caught_up = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._released = asyncio.Event()
        self.paused = False
        self.ready, self._stopped = asyncio.Event(), asyncio.Event()

    def prepare(self) -> None:
        """Start it, to run once `release` is called: at a join, for which the database is queried at the same time."""
        if self._task is None:
            self._released.clear()
            self._task = asyncio.create_task(self._run(), name="realtime: replication")

    def release(self) -> None:
        """Let it run, after the queries of the join: a first join does not find the partitions that it causes."""
        self._released.set()

    async def catch_up(self) -> None:
        """Drop what was inserted while there was no channel. For a join, before there is one."""
        self._joining_until = asyncio.get_running_loop().time() + JOINING
        self._join_began.set()
        if self.ready.is_set() and not self.paused:
            with suppress(TimeoutError):
                async with asyncio.timeout(JOINING):
                    await self._caught_up.wait()

    async def ensure(self) -> None:
        """Run it, and wait until broadcasts are delivered."""
        self.prepare()
        self.release()
        if not self.paused:
            with suppress(TimeoutError):
                async with asyncio.timeout(30.0):
                    await self.ready.wait()

    async def wait_until_stopped(self) -> None:
        """Wait until there is no slot."""
        async with asyncio.timeout(30.0):
            await self._stopped.wait()

    async def stop(self) -> None:
        """Stop it, which drops its slot."""
        task, self._task = self._task, None
        self.ready.clear()
        self._stopped.set()
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        await self._released.wait()
        new_connection = True
        while True:
            if not self.paused:
                try:
                    await self._follow(new_connection=new_connection)
                    new_connection = False
                except (psycopg.Error, OSError):
                    # The database went away, and with it the server's connection.
                    new_connection = True
                self.ready.clear()
                self._stopped.set()
            await asyncio.sleep(RETRY_INTERVAL if not self.paused else POLL_INTERVAL)

    async def _follow(self, *, new_connection: bool) -> None:
        slot, decoder = f"stand_in_{secrets.token_hex(6)}", Decoder()
        options = f"'proto_version', '1', 'publication_names', '{PUBLICATION}'"
        changes = f"select data from pg_logical_slot_get_binary_changes('{slot}', null, null, {options})"  # noqa: S608
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            if new_connection:
                await connection.execute("select realtime.stand_in_partitions()")
            if not await _published(connection):
                await connection.execute(f"create publication {PUBLICATION} for table realtime.messages")
            await connection.execute(f"select pg_create_logical_replication_slot('{slot}', 'pgoutput', true)")
            self.ready.set()
            self._stopped.clear()
            self._caught_up.set()
            while not self.paused:
                if not self._is_needed():
                    await self._rest(connection, slot)
                    continue
                for (data,) in await (await connection.execute(changes.encode(), binary=True)).fetchall():
                    row = decoder.decode(data)
                    if row is not None and (stored := StoredBroadcast(row)).is_broadcast:
                        await self._handler(stored)
                await asyncio.sleep(POLL_INTERVAL)

    def _is_needed(self) -> bool:
        return self._has_channels() or asyncio.get_running_loop().time() < self._joining_until

    async def _rest(self, connection: psycopg.AsyncConnection[Any], slot: str) -> None:
        """Poll nothing until a join begins, and pass over what was inserted meanwhile."""
        self._caught_up.clear()
        try:
            while not self.paused and not self._is_needed():
                self._join_began.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._join_began.wait()
            await connection.execute(f"select pg_replication_slot_advance('{slot}', pg_current_wal_lsn())")
        finally:
            self._caught_up.set()


async def _published(connection: psycopg.AsyncConnection[Any]) -> bool:
    found = await connection.execute("select from pg_publication where pubname = %s", (PUBLICATION,))
    return await found.fetchone() is not None


__all__ = ["POLL_INTERVAL", "PUBLICATION", "Replication", "StoredBroadcast"]
