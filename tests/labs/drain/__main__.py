"""`make lab NAME=drain`: streams through a rolling restart while messages are sent.

A second instance starts on the same store, and the first one is asked to stop.

Exit code 0 when every stream came back within the window, from its cursor, with every entry once and in order, and when
the reconnects were spread over the window; 1 when not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.labs.kit.driver import run_driver
from tests.labs.kit.http1 import Connection, NoAnswer
from tests.labs.kit.service import Service

from .clients import Crowd, Subscriber

KEY = "drain-lab-key-0123456789abcdef"
CONVERSATIONS = 20
RATE = 20.0
"""Messages a second, over all conversations."""

GRACE = 5.0
"""Seconds beyond the window in which the last stream may be back: a connection attempt that met the closed port waits,
and thousands of handshakes take the driver and the service time."""

BUSIEST = 0.6
"""Most of all reconnects in one of the window's quarters: all in one would be a storm."""


def main(arguments: list[str]) -> int:
    """Run it, print the figures, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make lab NAME=drain ARGS=…", description=__doc__.partition("\n")[0])
    parser.add_argument("--connections", type=int, default=2000, help="on each edge (2000)")
    parser.add_argument("--server", default="umbral-chat serve", help="the command that is served")
    options = parser.parse_args(arguments)
    files = 2 * options.connections * 2 + 500
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        print(f"{files} open files are needed, and {hard} are allowed (ulimit -n).", file=sys.stderr)
        return 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    faults: list[str] = []
    run_driver(_run(options, faults))
    for fault in faults:
        print(f"✗ {fault}")
    print(f"verdict: {'every promise held' if not faults else f'{len(faults)} broken'}")
    return 1 if faults else 0


async def _run(options: argparse.Namespace, faults: list[str]) -> None:
    most = str(2 * options.connections * 2 + 100)
    with tempfile.TemporaryDirectory(prefix="drain-lab-") as name:
        settings = {
            "CORE__KEYS": json.dumps([{"name": "lab", "key": KEY}]),
            "CORE__DATABASE": str(Path(name) / "service.sqlite3"),
            "CORE__LIMITS__CONNECTIONS": most,
            "CORE__LIMITS__READERS": most,
        }
        old, new = (Service(options.server, _folder(Path(name), which), **settings) for which in ("old", "new"))
        await old.start()
        crowd = Crowd(old.port, KEY)
        crew = [
            Subscriber(crowd, f"drain-{number % CONVERSATIONS}", "sse" if number % 2 else "websocket")
            for number in range(2 * options.connections)
        ]
        sending = asyncio.create_task(_send(crowd, sent := Counter[str](), stop := asyncio.Event()))
        try:
            began = time.monotonic()
            for start in range(0, len(crew), 100):
                await asyncio.gather(*(one.connect() for one in crew[start : start + 100]))
            if not await _open(crowd, len(crew), within=60):
                faults.append(f"{crowd.open} of {len(crew)} streams opened: {crowd.refusals}")
                return
            print(f"{len(crew)} streams opened in {time.monotonic() - began:.1f} s")
            await _restart(old, new, crowd, len(crew), faults)
            await asyncio.sleep(1)
            stop.set()
            await sending
            await _caught_up(crew, sent)
        finally:
            crowd.over = True
            sending.cancel()
            await old.stop()
            await new.stop()
        wrong = [one for one in crew if one.seqs != list(range(1, sent[one.conversation] + 1))]
        faults += [f"{len(wrong)} streams lost, repeated or reordered entries"] if wrong else []
        faults += crowd.surprises[:5]
        print(f"{sum(sent.values())} messages were sent")


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


async def _restart(old: Service, new: Service, crowd: Crowd, number: int, faults: list[str]) -> None:
    await new.start()
    crowd.opened_at.clear()
    crowd.port = new.port
    stopped = time.monotonic()
    await old.stop(timeout=60)
    took_to_stop = time.monotonic() - stopped
    back = await _open(crowd, number, within=crowd.longest_retry + 60)
    took = time.monotonic() - stopped
    asked = crowd.longest_retry
    print(
        f"asked to come back within {asked:.1f} s; all were back after {took:.1f} s; the old instance ended after "
        f"{took_to_stop:.1f} s; last events: {dict(crowd.last_events)}"
    )
    if not back or took > asked + GRACE:
        faults.append(f"{crowd.open} of {number} streams were back after {took:.1f} s of {asked:.1f} + {GRACE:g} s")
    if crowd.last_events["none"] > number // 100:
        faults.append(f"{crowd.last_events['none']} streams were cut without a last event")
    quarters = Counter(min(3, int(4 * (at - stopped) / max(0.1, asked))) for at in crowd.opened_at)
    shares = [quarters[index] / max(1, len(crowd.opened_at)) for index in range(4)]
    shown = ", ".join(f"{share:.0%}" for share in shares)
    print(f"{len(crowd.opened_at)} opened in the quarters of the window: {shown}")
    if max(shares) > BUSIEST:
        faults.append("the reconnects were a storm, and not spread over the window")


async def _send(crowd: Crowd, sent: Counter[str], stop: asyncio.Event) -> None:
    """Send to the conversations in turn until `stop` is set, each message until it is acknowledged."""
    port, number = crowd.port, 0
    connection = Connection("127.0.0.1", port, key=KEY)
    while not stop.is_set():
        if port != crowd.port:
            connection.close()
            port = crowd.port
            connection = Connection("127.0.0.1", port, key=KEY)
        conversation = f"drain-{number % CONVERSATIONS}"
        body = {"content": f"message {number}", "client_id": f"c{number}"}
        while True:
            try:
                answer = await connection.ask("POST", f"/v1/conversations/{conversation}/messages", body)
            except NoAnswer:
                await asyncio.sleep(0.1)
                continue
            if answer.status in {200, 201}:
                break
            await asyncio.sleep(0.1)
        sent[conversation] += 1
        number += 1
        await asyncio.sleep(1 / RATE)
    connection.close()


async def _open(crowd: Crowd, number: int, *, within: float) -> bool:
    """Whether all are open within the time."""
    deadline = time.monotonic() + within
    while crowd.open < number:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def _caught_up(crew: list[Subscriber], sent: Counter[str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(len(one.seqs) < sent[one.conversation] for one in crew):  # noqa: ASYNC110 - thousands fill them
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
