"""`make lab NAME=proxy`: readers on SSE and WebSocket behind nginx, which is reloaded while they read.

Exit code 0 when every reader got every entry once and in order, none later than it may, and no silent stream was cut; 1
when not; 2 where nginx is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tests.labs.kit.driver import run_driver
from tests.labs.kit.http1 import Connection, NoAnswer
from tests.labs.kit.service import Service
from tests.labs.kit.stream_readers import SocketReader, SseReader, StreamReader

from .nginx import MISSING, Nginx, program

KEY = "proxy-lab-key-0123456789abcdef"
CONVERSATION = "proxied"
READ_TIMEOUT = 30
"""Seconds of silence after which nginx cuts: above the intervals of heartbeats (15 s) and of WebSockets' pings (25 s),
below the silence that is tried."""

SILENCE = 36.0
LATE = 1.0
"""Seconds: an answer that nginx gathers arrives when a buffer of 4 KiB is full, many messages later."""


@dataclass(eq=False)
class Reading:
    """What one reader got: sequence numbers, and seconds from the send to the arrival."""

    edge: str
    number: int
    seqs: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """For the verdict."""
        return f"{self.edge} {self.number}"

    def take(self, entry: dict[str, Any]) -> None:
        """Note an entry whose content is the monotonic time at which it was sent."""
        self.seqs.append(entry["seq"])
        self.latencies.append(time.monotonic() - float(entry["content"]))


def main(arguments: list[str]) -> int:
    """Run it, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make lab NAME=proxy ARGS=…", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=600, help="in all (600)")
    parser.add_argument("--rate", type=float, default=50.0, help="a second (50)")
    parser.add_argument("--readers", type=int, default=10, help="on each edge (10)")
    parser.add_argument("--reloads", type=int, default=2, help="of nginx while they are sent (2)")
    parser.add_argument("--server", default="umbral-chat serve", help="the command that is served")
    options = parser.parse_args(arguments)
    nginx = program()
    if nginx is None:
        print(MISSING, file=sys.stderr)
        return 2
    faults: list[str] = []
    run_driver(_run(nginx, options, faults))
    for fault in faults:
        print(f"✗ {fault}")
    print(f"verdict: {'every promise held' if not faults else f'{len(faults)} broken'}")
    return 1 if faults else 0


async def _run(nginx: str, options: argparse.Namespace, faults: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="proxy-lab-") as name:
        folder = Path(name)
        service = Service(options.server, folder, CORE__KEYS=json.dumps([{"name": "lab", "key": KEY}]))
        proxy = Nginx(nginx, folder / "nginx", service.port, read_timeout=READ_TIMEOUT)
        try:
            await service.start()
            await proxy.start()
            await _read_and_judge(proxy, options, faults)
        finally:
            await proxy.stop()
            await service.stop()


async def _read_and_judge(proxy: Nginx, options: argparse.Namespace, faults: list[str]) -> None:
    url = f"http://127.0.0.1:{proxy.port}"
    # Browsers send no pings: what keeps a silent socket open has to come from the service.
    kinds: dict[str, Callable[..., StreamReader]] = {
        "SSE": SseReader,
        "WebSocket": partial(SocketReader, ping_interval=None),
    }
    readings = [Reading(edge, number) for edge in kinds for number in range(options.readers)]
    readers = [kinds[reading.edge](url, KEY, CONVERSATION, reading.take) for reading in readings]
    tasks = [
        asyncio.create_task(reader.run(), name=reading.name) for reader, reading in zip(readers, readings, strict=True)
    ]
    try:
        await _send(proxy, options, faults)
        await _until(lambda: all(len(reading.seqs) >= options.messages for reading in readings), within=30)
        # A worker that was reloaded keeps its connections for a while, and cuts them when it ends.
        await _until(lambda: all(reader.connections > options.reloads for reader in readers), within=10)
        before = [reader.connections for reader in readers]
        print(
            f"{options.messages} messages were sent over {sum(before)} connections of {len(readers)} readers; now "
            f"{SILENCE:g} s of silence, which nginx would cut after {READ_TIMEOUT} s"
        )
        await asyncio.sleep(SILENCE)
        if (after := [reader.connections for reader in readers]) != before:
            faults.append(f"silent streams were cut: {sum(after) - sum(before)} connected again")
        faults += [f"{task.get_name()} ended: {task.exception()}" for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for edge in kinds:
        _judge(edge, [reading for reading in readings if reading.edge == edge], options.messages, faults)


def _judge(edge: str, readings: list[Reading], sent: int, faults: list[str]) -> None:
    faults += [
        f"{reading.name} got {len(reading.seqs)} of {sent}, not each once and in order"
        for reading in readings
        if reading.seqs != list(range(1, sent + 1))
    ]
    latencies = sorted(latency for reading in readings for latency in reading.latencies)
    if latencies:
        p99 = latencies[len(latencies) * 99 // 100]
        print(f"{edge}: p50 {1000 * median(latencies):.1f} ms, p99 {1000 * p99:.1f} ms")
        if median(latencies) > LATE:
            faults.append(f"{edge}: what nginx passes on is held back, p50 {median(latencies):.2f} s")


async def _send(proxy: Nginx, options: argparse.Namespace, faults: list[str]) -> None:
    """Send at the rate, and reload nginx in between."""
    connection = Connection("127.0.0.1", proxy.port, key=KEY)
    reloads = {options.messages * (turn + 1) // (options.reloads + 1) for turn in range(options.reloads)}
    began = time.monotonic()
    for number in range(options.messages):
        await asyncio.sleep(max(0.0, began + number / options.rate - time.monotonic()))
        if number in reloads:
            await proxy.reload()
        body = {"content": repr(time.monotonic()), "client_id": f"m{number}"}
        if not await _sent(connection, body):
            faults.append(f"message {number} was not acknowledged")
    connection.close()


async def _sent(connection: Connection, body: dict[str, str]) -> bool:
    """Send one message until it is acknowledged; False: it never was."""
    for _ in range(50):
        try:
            answer = await connection.ask("POST", f"/v1/conversations/{CONVERSATION}/messages", body)
        except NoAnswer:  # nginx ended the connection as it was reloaded
            continue
        if answer.status in {200, 201}:
            return True
        await asyncio.sleep(0.1)
    return False


async def _until(condition: Callable[[], bool], *, within: float) -> None:
    """Wait until it is true, or the time is over."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline and not condition():  # noqa: ASYNC110 - readers set it, of which each is its own
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
