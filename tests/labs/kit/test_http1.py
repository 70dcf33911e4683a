"""The client against scripted answers: what it takes for whole, and what it calls lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from .http1 import Connection, NoAnswer


@contextlib.asynccontextmanager
async def scripted(*answers: bytes | None) -> AsyncIterator[tuple[Connection, list[bytes]]]:
    """A connection to a server that gives one answer a request; None closes without one, empty says nothing."""
    script, seen = list(answers), list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(EOFError, OSError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or b"0"
                seen.append(head + await reader.readexactly(int(length)))
                answer = script.pop(0)
                if answer is None:
                    return
                writer.write(answer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    connection = Connection("127.0.0.1", server.sockets[0].getsockname()[1], key="secret", prefix="/base")
    async with server:
        yield connection, seen
        connection.close()
    await asyncio.sleep(0.01)  # both ends of an aborted connection end in a later turn of the loop


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def test_one_connection_asks_again_and_again_with_the_key_and_the_body() -> None:
    async with scripted(OK, OK) as (connection, seen):
        assert (await connection.ask("POST", "/x", {"content": "ü"}, headers={"Idempotency-Key": "k"})).json() == {}
        assert (await connection.ask("GET", "/y")).status == 200
    assert seen[0].startswith(b"POST /base/x HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret\r\n" in seen[0]
    assert b"Idempotency-Key: k\r\n" in seen[0]
    assert seen[0].endswith('\r\n\r\n{"content": "ü"}'.encode())


async def test_chunks_are_put_together() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n3;x\r\n 2]\r\n0\r\n\r\n"
    async with scripted(chunked, OK) as (connection, _):
        assert (await connection.ask("GET", "/")).json() == [1, 2]
        assert (await connection.ask("GET", "/")).json() == {}


@pytest.mark.parametrize(
    "cut", [None, b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", b"rubbish\r\n\r\n"]
)
async def test_an_answer_that_is_not_whole_is_lost_and_does_not_spoil_the_next(cut: bytes | None) -> None:
    async with scripted(cut, OK) as (connection, _):
        await connection.open()  # so that the request is written, however late the answer is
        with pytest.raises(NoAnswer):
            await connection.ask("GET", "/", timeout=0.2)
        assert (await connection.ask("GET", "/")).json() == {}


async def test_nobody_there_is_lost() -> None:
    async with scripted() as (connection, _):
        pass
    with pytest.raises(NoAnswer):
        await connection.ask("GET", "/")
    with pytest.raises(NoAnswer):
        await connection.open()
