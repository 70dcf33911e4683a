"""The load driver: keep-alive HTTP/1.1 connections over uvloop, each sending its next request on the last answer.

Run as `python -m bench.driver HOST PORT CONNECTIONS SECONDS` with one JSON object on standard input:
`{"requests": ["raw request", …]}`; every connection repeats them from a place of its own. `{n}` in a request becomes a
number that is used once, at the same length. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from itertools import count
from typing import cast

import uvloop

WARM_UP = 0.5
"""Seconds whose answers are not counted."""

NUMBER = b"{n}"
DIGITS = 12


class Connection(asyncio.Protocol):
    """One closed loop: a request, its answer, the next request."""

    def __init__(self, load: Load, offset: int) -> None:
        self._load = load
        self._at = offset
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        status = self._buffer[9:12]
        length = 0
        if status != b"304":
            at = self._buffer[:end].lower().find(b"content-length:")
            length = int(self._buffer[at + 15 : self._buffer.find(b"\r", at + 15, end + 2)])
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = b""
        self._load.answered(status, time.perf_counter() - self._sent_at)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class names it
        if not self._load.over:
            self._load.lost += 1

    def _send(self) -> None:
        if self._load.over or self._transport is None:
            return
        requests = self._load.requests
        self._at = (self._at + 1) % len(requests)
        request = requests[self._at]
        if NUMBER in request:
            request = request.replace(NUMBER, b"%0*d" % (DIGITS, next(self._load.numbers)))
        self._sent_at = time.perf_counter()
        self._transport.write(request)


class Load:
    """What all connections share: the requests, and what came of them."""

    def __init__(self, requests: list[bytes]) -> None:
        self.requests = requests
        self.numbers = count(time.time_ns() % 10**11)
        self.over = False
        self.counting = False
        self.statuses: dict[bytes, int] = {}
        self.latencies: list[float] = []
        self.lost = 0
        self.answers = 0

    def answered(self, status: bytes, seconds: float) -> None:
        """Count one answer."""
        self.answers += 1
        if self.counting:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.latencies.append(seconds)


async def stay_awake(load: Load) -> None:
    """Keep this processor from sleeping between answers.

    A send that finds the other side asleep pays for waking it, tens of µs on a virtual machine. The driver is asleep
    only while it waits for a server that is slower than itself, so the slower of two servers would be charged for that
    and the quicker not.
    """
    while not load.over:  # noqa: ASYNC110 - not to sleep is what it is for
        await asyncio.sleep(0)


async def drive(host: str, port: int, connections: int, seconds: float, requests: list[bytes]) -> dict[str, object]:
    """Load the server for `seconds` after the warm-up."""
    loop = asyncio.get_running_loop()
    load = Load(requests)
    pairs = [
        await loop.create_connection(lambda at=at: Connection(load, at * 7), host, port)  # type: ignore[misc]  # mypy takes no default in a factory
        for at in range(connections)
    ]
    awake = loop.create_task(stay_awake(load))
    await asyncio.sleep(WARM_UP)
    load.counting, began = True, time.perf_counter()
    await asyncio.sleep(seconds)
    load.counting, elapsed = False, time.perf_counter() - began
    load.over = True
    await awake
    for transport, _ in pairs:
        transport.close()
    quantiles = statistics.quantiles(load.latencies, n=100) if len(load.latencies) > 1 else [0.0] * 99
    return {
        "per_second": len(load.latencies) / elapsed,
        "p50_ms": quantiles[49] * 1000,
        "p99_ms": quantiles[98] * 1000,
        "statuses": {status.decode(): number for status, number in load.statuses.items()},
        "lost": load.lost,
        "answers": load.answers,
    }


def main() -> None:
    host, port, connections, seconds = sys.argv[1:]
    requests = [text.encode() for text in json.load(sys.stdin)["requests"]]
    print(json.dumps(uvloop.run(drive(host, int(port), int(connections), float(seconds), requests))))


if __name__ == "__main__":
    main()
