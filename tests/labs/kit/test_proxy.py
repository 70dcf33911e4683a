"""A proxy's links: cut, frozen, or only those that asked for a path."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from .http1 import Connection, NoAnswer
from .proxy import Proxy, proxy


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while await reader.readline():
            while (await reader.readline()) != b"\r\n":
                pass
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.transport.abort()


@pytest.fixture
async def links() -> AsyncIterator[tuple[Proxy, Connection, Connection]]:
    """A proxy before a server, and two connections through it, which asked for /a and /b first."""
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with proxy(f"http://127.0.0.1:{port}") as (made, _):
            one, other = (Connection("127.0.0.1", made.listens_on) for _ in range(2))
            for connection, path in ((one, "/a"), (other, "/b")):
                assert (await connection.ask("GET", path)).status == 200
            yield made, one, other
            one.close()
            other.close()


async def lost(connection: Connection, path: str) -> None:
    with pytest.raises(NoAnswer):
        await connection.ask("GET", path, timeout=0.3)


async def test_a_path_that_is_shut_is_cut_and_refused_and_others_go_on(
    links: tuple[Proxy, Connection, Connection],
) -> None:
    made, one, other = links
    made.shut("/a")
    await lost(one, "/a")
    assert (await other.ask("GET", "/b")).status == 200
    await lost(one, "/a/more")
    assert made.broken >= 2
    made.unshut()
    assert (await one.ask("GET", "/a")).status == 200


async def test_a_path_that_is_frozen_waits_and_others_go_on(links: tuple[Proxy, Connection, Connection]) -> None:
    made, one, other = links
    made.freeze("/a")
    waiting = asyncio.create_task(one.ask("GET", "/a"))
    assert (await other.ask("GET", "/b")).status == 200
    assert not waiting.done()
    assert made.held == 1
    made.thaw()
    assert (await waiting).status == 200


async def test_what_is_cut_is_refused_until_it_listens_again(links: tuple[Proxy, Connection, Connection]) -> None:
    made, one, other = links
    await made.cut()
    assert made.broken == 4, "both sides of both"
    await lost(one, "/a")
    await lost(other, "/b")
    await made.listen()
    assert (await one.ask("GET", "/a")).status == 200
