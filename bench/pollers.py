"""Clients that poll as the documentation asks them to: with the cursor, the `ETag` and the pause of the answer before.

Run as `python -m bench.pollers` with the fields of `Load` as one JSON object on standard input. Prints a line
when all have come and the measuring begins, and one JSON object when it has ended.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from typing import Any, cast

import msgspec
import uvloop

from bench.cases import AUTH, request

CONTENT = "x" * 160


class Load(msgspec.Struct, frozen=True):
    """Who polls for what, and who writes."""

    port: int
    """Of the instance that is polled."""
    write_port: int
    """Of the instance that is written to."""
    seconds: float
    clients: int = 100
    conversations: int = 100
    wait: float = 0.0
    """Seconds that a long poll waits; 0: plain polls."""
    writes: float = 10.0
    """A second, over all conversations."""
    newcomers: bool = False
    """Each client forgets what it has when it has all, and comes anew."""
    prepare: int = 1
    """Messages that each conversation has at the beginning."""
    settle: float = 2.0
    """Seconds that are not counted, after everybody has come."""


class Poller(asyncio.Protocol):
    """One client on a connection of its own."""

    def __init__(self, run: Run, conversation: int) -> None:
        self._run, self._conversation = run, conversation
        self._cursor, self._tag = "0", ""
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # They come spread over the time in which nothing is counted.
        asyncio.get_running_loop().call_later(random.random() * self._run.load.settle / 2, self._ask)

    def data_received(self, data: bytes) -> None:
        self._run.received(len(data))
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:])
        length = int(headers.get("content-length", "0"))
        if len(self._buffer) < end + 4 + length:
            return
        body, self._buffer = self._buffer[end + 4 :], b""
        self._answered(int(head[0][9:12]), headers, body, head)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class names it
        self._run.lost += not self._run.over

    def _ask(self) -> None:
        if self._run.over or self._transport is None:
            return
        path = f"/v1/conversations/poll-{self._conversation}/events?after={self._cursor}"
        if self._run.load.wait:
            path += f"&wait={self._run.load.wait:g}"
        known = f"if-none-match: {self._tag}\r\n" if self._tag else ""
        data = request("GET", path, "", AUTH + known).encode()
        self._run.sent(len(data))
        self._transport.write(data)

    def _answered(self, status: int, headers: dict[str, str], body: bytes, head: list[str]) -> None:
        self._run.answered(status)
        if status == 304:
            pause = int(headers["poll-after-ms"])
        elif status == 200:
            told = json.loads(body)
            self._run.arrived(told)
            self._cursor, pause = told["cursor"], told["poll_after_ms"]
            self._tag = next((line[6:] for line in head if line.lower().startswith("etag: ")), "")
            if self._run.load.newcomers and not told["has_more"]:
                self._cursor, self._tag = "0", ""
        else:
            pause = 1000
        asyncio.get_running_loop().call_later(pause / 1000, self._ask)


class Run:
    """What all share, and what came of it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.over = self._counting = False
        self.lost = 0
        self._statuses: dict[int, int] = {}
        self._bytes = [0, 0]
        self._late: list[float] = []

    def sent(self, number: int) -> None:
        """Bytes that a client sent."""
        self._bytes[0] += number if self._counting else 0

    def received(self, number: int) -> None:
        """Bytes that a client got."""
        self._bytes[1] += number if self._counting else 0

    def answered(self, status: int) -> None:
        """A poll came to its end."""
        if self._counting:
            self._statuses[status] = self._statuses.get(status, 0) + 1

    def arrived(self, told: dict[str, Any]) -> None:
        """How old the newest message is that this answer brings."""
        newest = (told["entries"] or told.get("messages") or [{}])[-1]
        if self._counting and not self.load.newcomers and "client_id" in newest:
            self._late.append(time.time() - float(newest["client_id"].partition("-")[0]))

    async def __call__(self) -> dict[str, Any]:
        load, loop = self.load, asyncio.get_running_loop()
        writer = asyncio.create_task(self._write())
        pairs = [
            await loop.create_connection(lambda n=n: Poller(self, n % load.conversations), "127.0.0.1", load.port)  # type: ignore[misc]  # mypy takes no default in a factory
            for n in range(load.clients)
        ]
        await asyncio.sleep(load.settle)
        before = await self._counts()
        print("begun", flush=True)
        self._counting, began = True, time.perf_counter()
        await asyncio.sleep(load.seconds)
        self._counting, elapsed = False, time.perf_counter() - began
        after = await self._counts()
        self.over = True
        writer.cancel()
        for transport, _ in pairs:
            transport.close()
        polls = sum(self._statuses.values())
        return {
            "seconds": elapsed,
            "reads": after["umbral_chat.history.reads"] - before["umbral_chat.history.reads"],
            "polls": polls,
            "unchanged": self._statuses.get(304, 0) / polls if polls else 0.0,
            "bytes": sum(self._bytes),
            "late": statistics.median(self._late) if self._late else None,
            "failed": sum(number for status, number in self._statuses.items() if status not in {200, 304}) + self.lost,
        }

    async def _write(self) -> None:
        load = self.load
        if not load.writes:
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", load.write_port)
        due = time.monotonic()
        while True:
            number = random.randrange(load.conversations)
            body = json.dumps({"content": CONTENT, "client_id": f"{time.time():.6f}-{number}"})
            writer.write(request("POST", f"/v1/conversations/poll-{number}/messages", body, AUTH).encode())
            await _answer(reader)
            due += 1 / load.writes
            await asyncio.sleep(due - time.monotonic())

    async def _counts(self) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.load.port)
        writer.write(request("GET", "/v1/status", "", AUTH).encode())
        counters: dict[str, Any] = json.loads(await _answer(reader))["counters"]
        writer.close()
        return counters


async def prepare(load: Load) -> None:
    """Make the conversations."""
    reader, writer = await asyncio.open_connection("127.0.0.1", load.write_port)
    for number in range(load.conversations):
        for _ in range(load.prepare):
            body = json.dumps({"content": CONTENT})
            writer.write(request("POST", f"/v1/conversations/poll-{number}/messages", body, AUTH).encode())
            await _answer(reader)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    (length,) = [line.split(": ")[1] for line in head.split("\r\n") if line.startswith("content-length")]
    return await reader.readexactly(int(length))


async def main() -> dict[str, Any]:
    """Prepare and run."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    await prepare(load)
    return await Run(load)()


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main())))
