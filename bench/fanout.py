"""Readers of one conversation that all long poll while it is written to: `python -m bench.fanout PORT READERS RATE
SECONDS`. Prints one JSON object.

Each message carries the time at which it was sent, so a delivery's delay is from the send's first byte to its arrival
in a reader. The driver shares the machine with the server, so its own work is in every delay.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time
from typing import cast

import uvloop

from bench.cases import AUTH, request

SETTLE = 1.0
"""Seconds of the load that are not counted."""

PATH = f"/v1/conversations/fanout-{time.time_ns()}"
"""A conversation of this run's own."""
_SENT = re.compile(rb'"content": ?"(\d+) x')
_CURSOR = re.compile(rb'"cursor": ?"([^"]+)"')


class Run:
    """What all readers share."""

    def __init__(self) -> None:
        self.counting = self.over = False
        self.delays: list[float] = []
        self.lost = 0
        self.senders: list[Sender] = []
        self.idle: list[Sender] = []


class Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.answered(b"")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._buffer[:end].lower().find(b"content-length:")
        length = int(self._buffer[at + 15 : self._buffer.find(b"\r", at + 15, end + 2)])
        if len(self._buffer) < end + 4 + length:
            return
        body, self._buffer = self._buffer[end + 4 :], b""
        self.answered(body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class names it
        self.run.lost += not self.run.over

    def answered(self, body: bytes) -> None:
        """An answer, or nothing once it is connected."""
        raise NotImplementedError


class Reader(Client):
    """A long poll after the other from the cursor of the one before."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._cursor = "0"
        self.messages = 0

    def answered(self, body: bytes) -> None:
        if body:
            now = time.time_ns()
            sent = _SENT.findall(body)
            self.messages += len(sent)
            if self.run.counting:
                self.run.delays.extend((now - int(one)) / 1e6 for one in sent)
            found = _CURSOR.search(body)
            assert found is not None, body
            self._cursor = found[1].decode()
        if self.transport is not None and not self.run.over:
            self.transport.write(request("GET", f"{PATH}/events?after={self._cursor}&wait=30", "", AUTH).encode())


class Sender(Client):
    """One of a pool, as an HTTP client keeps it: a message goes out on a connection that waits for no answer."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        run.senders.append(self)

    def answered(self, body: bytes) -> None:  # noqa: ARG002 - whatever it says
        self.run.idle.append(self)

    def send(self) -> None:
        body = json.dumps({"content": f"{time.time_ns()} {'x' * 180}"})
        assert self.transport is not None
        self.transport.write(request("POST", f"{PATH}/messages", body, AUTH).encode())


async def drive(port: int, readers: int, rate: float, seconds: float) -> dict[str, float]:
    """Write `rate` messages a second to `readers` readers, for `seconds` after the first one that is not counted."""
    loop, run = asyncio.get_running_loop(), Run()

    async def send() -> None:
        if not run.idle:
            await loop.create_connection(lambda: Sender(run), "127.0.0.1", port)
        run.idle.pop().send()

    await send()
    await asyncio.sleep(0.2)
    pairs = [await loop.create_connection(lambda: Reader(run), "127.0.0.1", port) for _ in range(readers)]
    began = time.perf_counter()
    sent, counted_from = 1, began
    for number in range(round(rate * (SETTLE + seconds))):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if not run.counting and number >= rate * SETTLE:
            run.counting, counted_from = True, time.perf_counter()
        await send()
        sent += 1
    run.counting, elapsed = False, time.perf_counter() - counted_from
    await asyncio.sleep(2.0)
    run.over = True
    behind = sum(sent - reader.messages for _, reader in pairs)
    for client in [*run.senders, *(reader for _, reader in pairs)]:
        if client.transport is not None:
            client.transport.close()
    quantiles = statistics.quantiles(run.delays, n=100) if len(run.delays) > 1 else [0.0] * 99
    return {
        "per_second": len(run.delays) / elapsed,
        "p50_ms": quantiles[49],
        "p99_ms": quantiles[98],
        "behind": behind,
        "lost": run.lost,
        "answers": float(sum(reader.messages for _, reader in pairs)),
    }


if __name__ == "__main__":
    port, readers, rate, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(drive(int(port), int(readers), float(rate), float(seconds)))))
