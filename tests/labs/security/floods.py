"""Attacks by bytes and connections: what never ends, what is never read, and what only holds on."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Callable

from tests.labs.kit.http1 import NoAnswer

from .attack import Scale, attack, expect
from .target import DESCRIPTORS, KEY, Target, raw

TIMEOUT = 20.0
"""Seconds in which a connection that was refused must be closed."""

UNREAD = 10.0
"""Seconds after the last answer in which a connection that reads none must be closed: the lab's write and header
timeouts, and the time to linger, are less."""

ANSWERED = re.compile(rb'http_server_duration\w*_count{http_method="POST",http_status_code="200"} (\d+)')
"""How many of the attack's `writes` were answered: bystanders' requests are no POSTs, or are answered 201."""

HEAD = b"GET /v1/conversations/x/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = (
    b"POST /v1/conversations/x/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
    b"Authorization: Bearer " + KEY.encode() + b"\r\nContent-Type: application/json\r\n\r\n"
)


async def refused(target: Target, scale: Scale, first: bytes, piece: bytes, *statuses: int) -> list[str]:
    """Say `first`, then `piece` again and again; it should be refused with one of these statuses, and be closed."""
    found: list[str] = []
    reader, writer = await raw(target.port)
    sent = 0
    answer = b""

    async def read() -> None:
        # All the while: what arrived is gone for asyncio's reader when the connection breaks.
        nonlocal answer
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                answer += data

    reading = asyncio.create_task(read())
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(first)
            while sent < scale.megabytes * 1_000_000:
                writer.write(piece)
                sent += len(piece)
                await asyncio.wait_for(writer.drain(), 20)
        await asyncio.wait_for(reading, TIMEOUT)
    except TimeoutError:
        found.append("the connection was not closed")
    finally:
        reading.cancel()
        writer.transport.abort()
    status = answer.split(b" ")[1].decode() if answer.startswith(b"HTTP/1.1 ") else "nothing"
    expect(found, status in map(str, statuses), f"{status} was answered, not {statuses} ({sent:,} bytes were sent)")
    expect(found, sent < scale.megabytes * 1_000_000, f"all {sent:,} bytes were taken")
    return found


@attack("headers without end")
async def headers(target: Target, scale: Scale) -> list[str]:
    return await refused(target, scale, HEAD, b"X-Filler: " + b"x" * 5_000 + b"\r\n", 431)


@attack("one header without end")
async def header(target: Target, scale: Scale) -> list[str]:
    return await refused(target, scale, HEAD + b"X-Filler: ", b"x" * 65_536, 431)


@attack("a path without end")
async def path(target: Target, scale: Scale) -> list[str]:
    return await refused(target, scale, b"GET /", b"x" * 65_536, 414)


@attack("trailers without end")
async def trailers(target: Target, scale: Scale) -> list[str]:
    return await refused(target, scale, CHUNKED + b"0\r\n", b"X-Filler: " + b"x" * 65_536 + b"\r\n", 400)


@attack("a body without end")
async def body(target: Target, scale: Scale) -> list[str]:
    return await refused(target, scale, CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n", 413)


@attack("slow headers")
async def slow_headers(target: Target, scale: Scale) -> list[str]:
    return await hold(target, scale, HEAD, b"X: y\r\n")


@attack("slow bodies")
async def slow_bodies(target: Target, scale: Scale) -> list[str]:
    head = b"POST /v1/conversations/x/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
    return await hold(target, scale, head + b"Authorization: Bearer " + KEY.encode() + b"\r\n\r\n", b"x")


@attack("bodies that go on after their refusal")
async def refused_bodies(target: Target, scale: Scale) -> list[str]:
    head = b"POST /v1/conversations/x/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    return await hold(target, scale, head, b"x")


@attack("idle connections")
async def idle(target: Target, scale: Scale) -> list[str]:
    return await hold(target, scale, b"", b"")


async def hold(target: Target, scale: Scale, first: bytes, piece: bytes) -> list[str]:
    """Take all connections, and say a little now and then; a connection that is cut is opened again."""
    found: list[str] = []
    cut = 0
    end = time.monotonic() + scale.seconds

    async def holder() -> None:
        nonlocal cut
        while time.monotonic() < end:
            with contextlib.suppress(OSError, TimeoutError):
                reader, writer = await raw(target.port)
                try:
                    writer.write(first)
                    while time.monotonic() < end:
                        with contextlib.suppress(TimeoutError):
                            if not await asyncio.wait_for(reader.read(4096), 0.5):
                                break
                        writer.write(piece)
                finally:
                    writer.transport.abort()
            cut += 1
            await asyncio.sleep(0.2)

    async def operators() -> None:
        answered = asked = 0
        while time.monotonic() < end:
            asked += 1
            with contextlib.suppress(Exception):
                answered += (await target.ask("GET", "/health/live", timeout=5))[0] == 200
            await asyncio.sleep(0.1)
        expect(found, answered >= asked * 0.75, f"health answered {answered} of {asked} times")

    number = int(min(scale.connections, DESCRIPTORS * 0.8))
    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(holder())
        group.create_task(operators())
    expect(found, cut >= number, f"of {number} connections only {cut} were cut off in {scale.seconds:g} s")
    return found


@contextlib.asynccontextmanager
async def deaf(target: Target) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that takes next to nothing of what it is answered."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", target.port))
    reader, writer = await asyncio.open_connection(sock=link, limit=1)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@attack("pipelined requests, answers unread")
async def pipelining(target: Target, scale: Scale) -> list[str]:
    filling = "x" * 30_000
    for number in range(20):
        await target.ask("POST", "/v1/conversations/large/messages", {"content": filling, "client_id": f"l{number}"})
    authorized = b"Authorization: Bearer " + KEY.encode() + b"\r\n"
    post = b"POST /v1/conversations/large/typing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
    reads = b"GET /v1/conversations/large/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n" + authorized + b"\r\n"
    writes = post + authorized + b"\r\n{}"
    kinds = (reads * 300, writes * 60, (reads + writes) * 60)
    async with since_answered(target) as since:
        found = await asyncio.gather(*(unread(target, scale, data, since) for data in kinds))
    return [what for one in found for what in one]


@contextlib.asynccontextmanager
async def since_answered(target: Target) -> AsyncIterator[Callable[[], float]]:
    """Seconds since the service last answered one of the attack's `writes`, by its metrics: thousands of short answers
    fit in the socket's buffer, and on a slow machine serving them is what takes the time."""
    count, last = 0, time.monotonic()

    async def watch() -> None:
        nonlocal count, last
        while True:
            with contextlib.suppress(NoAnswer):
                status, metrics = await target.ask("GET", "/metrics")
                found = ANSWERED.search(metrics) if status == 200 else None
                if found and (now := int(found[1])) != count:
                    count, last = now, time.monotonic()
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        yield lambda: time.monotonic() - last
        watching.cancel()
    if not count:
        raise NoAnswer("no write was answered, as far as /metrics tells")


async def unread(target: Target, scale: Scale, data: bytes, since: Callable[[], float]) -> list[str]:
    found: list[str] = []
    closed = 0

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(scale.megabytes):
                writer.write(data)
                await writer.drain()
            while not reader.exception() and not writer.transport.is_closing():
                writer.write(data[:1])
                await asyncio.sleep(0.1)

    async def one() -> None:
        nonlocal closed
        async with deaf(target) as connection:
            sending = asyncio.create_task(send(*connection))
            while not sending.done() and since() < UNREAD:
                await asyncio.wait((sending,), timeout=0.2)
            closed += sending.done()
            sending.cancel()
            await asyncio.wait((sending,))

    await asyncio.gather(*(one() for _ in range(8)))
    expect(found, closed == 8, f"of 8 connections that read nothing {8 - closed} were still held after their time")
    return found


__all__ = ["hold", "refused", "unread"]
