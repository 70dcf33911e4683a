"""PostgreSQL's streaming replication protocol, as far as a subscriber of a publication needs it: a temporary slot, and
the logical decoding messages of what is committed while it exists.

psycopg has no API for it, but gives access to libpq, which has (PostgreSQL's manual, "Streaming Replication Protocol").
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import pq

_CONFIRMATION = struct.Struct(">cQQQQB")
_WAL_DATA = struct.Struct(">cQQQ")
_KEEPALIVE = struct.Struct(">cQQB")


class ReplicationStream:
    """Made by `replication_stream`."""

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._received = 0
        # libpq does not name the socket of a lost connection, which must be forgotten all the same before it is closed.
        self._socket = pgconn.socket

    async def start(self, slot: str, publication: str) -> None:
        """Ask for the changes. Raises psycopg.Error."""
        options = f"proto_version '1', publication_names '{publication}'"
        self._pgconn.send_query(f"START_REPLICATION SLOT {slot} LOGICAL 0/0 ({options})".encode())
        self._loop.add_reader(self._socket, self._arrived.set)
        while self._pgconn.is_busy():
            await self._read()
        result = self._pgconn.get_result()
        if result is None or result.status != pq.ExecStatus.COPY_BOTH:
            raise psycopg.OperationalError("the server did not start to stream")

    def close(self) -> None:
        """Stop reading. The connection is closed by whoever opened it."""
        self._loop.remove_reader(self._socket)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The messages of the output plugin, until the connection ends. Raises psycopg.Error then."""
        while True:
            size, data = self._pgconn.get_copy_data(1)
            if size > 0:
                message = self._unwrap(bytes(data))
                if message is not None:
                    yield message
            elif size == 0:
                await self._read()
            else:
                raise psycopg.OperationalError("the server ended the stream")

    async def _read(self) -> None:
        await self._arrived.wait()
        self._arrived.clear()
        self._pgconn.consume_input()

    def _unwrap(self, data: bytes) -> bytes | None:
        if data[:1] == b"w":
            _, _, end, _ = _WAL_DATA.unpack_from(data)
            self._received = max(self._received, end)
            return data[_WAL_DATA.size :]
        _, end, _, reply = _KEEPALIVE.unpack_from(data)
        self._received = max(self._received, end)
        if reply:
            self._confirm()
        return None

    def _confirm(self) -> None:
        """Written, flushed and applied up to there: what was delivered is done with."""
        at = self._received
        self._pgconn.put_copy_data(_CONFIRMATION.pack(b"r", at, at, at, 0, 0))
        self._pgconn.flush()


@asynccontextmanager
async def replication_stream(url: str, slot: str, publication: str) -> AsyncIterator[ReplicationStream]:
    """The changes of a publication that are committed from now on. The slot ends with the connection. Raises
    psycopg.Error."""
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, replication="database")
    try:
        await connection.execute(f"CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput".encode())
        stream = ReplicationStream(connection.pgconn)
        try:
            await stream.start(slot, publication)
            yield stream
        finally:
            stream.close()
    finally:
        await connection.close()


__all__ = ["ReplicationStream", "replication_stream"]
