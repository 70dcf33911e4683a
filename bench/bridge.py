"""`make bench NAME=bridge`: what the gateway adds to a workflow's own answer, and what many streamed answers at once
cost. Prints a table and writes `bench/BRIDGE.md`. The instance has a processor of its own; a workflow without work
is called directly and through the gateway, by turns."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import uvloop

from bench.arguments import only
from bench.bridge_page import Crowd, Pairs, page
from bench.chat_client import Timed, chat
from bench.servers import DRIVER_CPU, SERVER_CPU, cpu_seconds, python, running
from tests.ports import free_port

RUNS = int(os.environ.get("RUNS", "5"))
CALLS = 100
"""Of each way in a run, one after the other."""

CROWD = 200
"""Streamed answers at once."""

ARRIVAL = 2.0
"""Seconds over which they begin."""

PAGE = Path(__file__).parent / "BRIDGE.md"

CHATS = ("whole", "brief", "streamed")


def main() -> int:
    """Measure, print, write."""
    wanted = only("bench.bridge", __doc__, "case", CASES)
    pairs: dict[str, list[Pairs]] = {}
    crowds: list[Crowd] = []
    if (os.cpu_count() or 1) > 1 and sys.platform == "linux":
        os.sched_setaffinity(0, {int(DRIVER_CPU)})
    for number in range(RUNS):
        for name in CASES:
            if not wanted or name in wanted:
                print(f"run {number + 1} of {RUNS}: {name} …", file=sys.stderr, flush=True)
                found = _run(CASES[name])
                if isinstance(found, Crowd):
                    crowds.append(found)
                else:
                    pairs.setdefault(name, []).append(found)
    text = page(pairs, crowds, runs=RUNS, calls=CALLS)
    print(text)
    if not wanted:
        PAGE.write_text(text + "\n", encoding="utf-8")
    return 0


def _run(case: Callable[[int, int, int], Awaitable[Pairs | Crowd]]) -> Pairs | Crowd:
    """A case on a service and a workflow of its own."""
    workflow, port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as entered:
        entered.enter_context(running(python("-m", "bench.chat_workflow", str(workflow)), workflow, cpu=DRIVER_CPU))
        chats = {name: _chat(f"http://127.0.0.1:{workflow}/webhook/{name}/chat") for name in CHATS}
        settings = {
            "CORE__DATABASE": str(Path(folder) / "bench.sqlite3"),
            "CORE__PORT": str(port),
            "N8N__CHATS": json.dumps(chats),
        }
        environ = {f"UMBRAL_CHAT_{name}": value for name, value in settings.items()}
        serve = python("-m", "umbral_chat", "serve")
        pid = entered.enter_context(running(serve, port, environ, cpu=SERVER_CPU))
        return uvloop.run(_warmed(case, workflow, port, pid))


def _chat(url: str) -> dict[str, object]:
    limits = ("session_per_minute", "session_per_day", "address_per_minute", "chat_per_minute", "address_waiting")
    return {"webhook_url": url, "runs": 2 * CROWD, **dict.fromkeys(limits, 0)}


async def _warmed(
    case: Callable[[int, int, int], Awaitable[Pairs | Crowd]], workflow: int, port: int, pid: int
) -> Pairs | Crowd:
    for name in CHATS:
        # The gateway answers 503 until the bridge relays.
        async with asyncio.timeout(60.0):
            while True:
                try:
                    await chat(port, f"/n8n/{name}/chat", "warm", streams=name != "whole")
                except RuntimeError:
                    await asyncio.sleep(0.2)
                else:
                    break
    return await case(workflow, port, pid)


async def _pairs(name: str, workflow: int, port: int) -> Pairs:
    """One call after the other, directly and through the gateway by turns."""
    direct: list[Timed] = []
    bridged: list[Timed] = []
    for number in range(CALLS):
        streams, session = name != "whole", f"s-{number}"
        direct.append(await chat(workflow, f"/webhook/{name}/chat", session, streams=streams))
        bridged.append(await chat(port, f"/n8n/{name}/chat", session, streams=streams))
    return Pairs([one.first for one in direct], [one.first for one in bridged])


async def _whole(workflow: int, port: int, _pid: int) -> Pairs:
    return await _pairs("whole", workflow, port)


async def _first_piece(workflow: int, port: int, _pid: int) -> Pairs:
    return await _pairs("brief", workflow, port)


async def _crowd(workflow: int, port: int, pid: int) -> Crowd:
    """Many streamed answers at once: directly, then through the gateway."""

    async def later(number: int, port: int, path: str) -> Timed:
        await asyncio.sleep(number * ARRIVAL / CROWD)
        return await chat(port, path, f"c-{number}", streams=True)

    direct = await asyncio.gather(*(later(number, workflow, "/webhook/streamed/chat") for number in range(CROWD)))
    cpu = cpu_seconds(pid)
    bridged = await asyncio.gather(*(later(number, port, "/n8n/streamed/chat") for number in range(CROWD)))
    cpu = cpu_seconds(pid) - cpu
    return Crowd(
        Pairs([one.first for one in direct], [one.first for one in bridged]),
        Pairs([one.whole for one in direct], [one.whole for one in bridged]),
        cpu / CROWD,
        min(one.pieces for one in bridged),
    )


CASES: dict[str, Callable[[int, int, int], Awaitable[Pairs | Crowd]]] = {
    "whole": _whole,
    "first-piece": _first_piece,
    "crowd": _crowd,
}


if __name__ == "__main__":
    sys.exit(main())
