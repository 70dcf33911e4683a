"""Broadcasts from the database, by logical decoding of `realtime.messages` through a temporary slot.

The slot lives as long as its connection, so what is inserted while there is none is never delivered live, as with the
real server. The publication is made when it first runs, and partitions whenever the server reconnects to the database
(and by a periodic job, in whose place tests act): not at a join.
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
from .replication_stream import replication_stream

PUBLICATION = "supabase_realtime_messages_publication"

RETRY_INTERVAL = 0.5
"""Seconds until a lost connection is opened again."""

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

    def __init__(self, url: str, handler: Handler) -> None:
        self._url, self._handler = url, handler
        self._task: asyncio.Task[None] | None = None
        self._released = asyncio.Event()
        self._new_connection = True
        self.paused = False
        self.ready = asyncio.Event()

    def prepare(self) -> None:
        """Start it, to run once `release` is called: at a join, for which the database is queried at the same time."""
        if self._task is None and not self.paused:
            self._released.clear()
            self._task = asyncio.create_task(self._run(), name="realtime: replication")

    def release(self) -> None:
        """Let it run, after the queries of the join: a first join does not find the partitions that it causes."""
        self._released.set()

    async def resume(self) -> None:
        """Run it, paused or not, and wait until broadcasts are delivered."""
        self.paused = False
        self.prepare()
        self.release()
        with suppress(TimeoutError):
            async with asyncio.timeout(30.0):
                await self.ready.wait()

    async def pause(self) -> None:
        """Drop its slot, until `resume`."""
        self.paused = True
        await self._end()

    async def stop(self) -> None:
        """Stop it, which drops its slot, until the next join."""
        self._new_connection = True
        await self._end()

    async def _end(self) -> None:
        task, self._task = self._task, None
        self.ready.clear()
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        await self._released.wait()
        while True:
            try:
                await self._follow()
            except (psycopg.Error, OSError):
                # The database went away, and with it the server's connection.
                self._new_connection = True
            self.ready.clear()
            await asyncio.sleep(RETRY_INTERVAL)

    async def _follow(self) -> None:
        await self._publish()
        decoder = Decoder()
        async with replication_stream(self._url, f"stand_in_{secrets.token_hex(6)}", PUBLICATION) as changes:
            self._new_connection = False
            self.ready.set()
            async for data in changes:
                row = decoder.decode(data)
                if row is not None and (stored := StoredBroadcast(row)).is_broadcast:
                    await self._handler(stored)

    async def _publish(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            if self._new_connection:
                await connection.execute("select realtime.stand_in_partitions()")
            found = await connection.execute("select from pg_publication where pubname = %s", (PUBLICATION,))
            if await found.fetchone() is None:
                await connection.execute(f"create publication {PUBLICATION} for table realtime.messages")


__all__ = ["PUBLICATION", "Replication", "StoredBroadcast"]
