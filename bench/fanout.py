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


class Reader(asyncio.Protocol):
    """A long poll after the other from the cursor of the one before."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._cursor = "0"
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.messages = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

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
        now = time.time_ns()
        sent = _SENT.findall(body)
        self.messages += len(sent)
        if self._run.counting:
            self._run.delays.extend((now - int(one)) / 1e6 for one in sent)
        found = _CURSOR.search(body)
        assert found is not None, body
        self._cursor = found[1].decode()
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class names it
        self._run.lost += not self._run.over

    def _ask(self) -> None:
        if self._transport is not None and not self._run.over:
            self._transport.write(request("GET", f"{PATH}/events?after={self._cursor}&wait=30", "", AUTH).encode())


class Sender(asyncio.Protocol):
    """Sends one message after the other; its answers are read and not looked at."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def send(self) -> None:
        body = json.dumps({"content": f"{time.time_ns()} {'x' * 180}"})
        self.transport.write(request("POST", f"{PATH}/messages", body, AUTH).encode())


async def drive(port: int, readers: int, rate: float, seconds: float) -> dict[str, float]:
    """Write `rate` messages a second to `readers` readers, for `seconds` after the first one that is not counted."""
    loop, run = asyncio.get_running_loop(), Run()
    _, sender = await loop.create_connection(Sender, "127.0.0.1", port)
    sender.send()
    await asyncio.sleep(0.2)
    pairs = [await loop.create_connection(lambda: Reader(run), "127.0.0.1", port) for _ in range(readers)]
    began = time.perf_counter()
    sent, counted_from = 1, began
    for number in range(round(rate * (SETTLE + seconds))):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if not run.counting and number >= rate * SETTLE:
            run.counting, counted_from = True, time.perf_counter()
        sender.send()
        sent += 1
    run.counting, elapsed = False, time.perf_counter() - counted_from
    await asyncio.sleep(2.0)
    run.over = True
    behind = sum(sent - reader.messages for _, reader in pairs)
    for transport in [sender.transport, *(transport for transport, _ in pairs)]:
        transport.close()
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
