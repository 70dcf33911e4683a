"""`make bench NAME=subscriptions`: how fast entries go out by push and by claims, how long each takes, and what idle
subscriptions cost. Prints the tables and writes `bench/SUBSCRIPTIONS.md`. The instance has a processor of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import uvloop

from bench.arguments import only
from bench.cases import KEY
from bench.servers import DRIVER_CPU, SERVER_CPU, cpu_seconds, pinned, python, running
from bench.subscription_cases import Arrivals, Instance, claiming, polling, receiving
from bench.subscriptions_page import Idle, Throughput, page
from tests.local_supabase.process import stack_process
from tests.ports import free_port

T = TypeVar("T")

RUNS = int(os.environ.get("RUNS", "5"))
ENTRIES = 2_000
RATE, SECONDS = 20.0, 6.0
"""Of the messages whose delay is measured."""

IDLE_CONVERSATIONS = 10_000
QUIET = 130.0
"""Seconds after which a scan no longer looks at what was written: a little more than its overlap of two minutes."""

SETTLE, IDLE_SECONDS = 15.0, 30.0
SUBSCRIPTIONS = (0, 1, 100)
PAGE = Path(__file__).parent / "SUBSCRIPTIONS.md"


def main() -> int:
    """Measure, print, write."""
    wanted = only("bench.subscriptions", __doc__, "table", ("throughput", "delay", "sqlite", "supabase"))
    _stay_on(DRIVER_CPU)
    throughput: dict[str, list[Throughput]] = {}
    delays: dict[str, list[list[float]]] = {}
    for number in range(RUNS):
        for name, case in THROUGHPUT.items() if not wanted or "throughput" in wanted else ():
            print(f"run {number + 1} of {RUNS}: {name} …", file=sys.stderr, flush=True)
            throughput.setdefault(name, []).append(_run(case))
        for name, delay in DELAYS.items() if not wanted or "delay" in wanted else ():
            print(f"run {number + 1} of {RUNS}: delay by {name} …", file=sys.stderr, flush=True)
            delays.setdefault(name, []).append(_run(delay))
    idle = {store: _idle_on(store) for store in ("sqlite", "supabase") if not wanted or store in wanted}
    text = page(throughput, delays, idle, runs=RUNS, entries=ENTRIES, rate=RATE)
    print(text)
    if not wanted:
        PAGE.write_text(text + "\n", encoding="utf-8")
    return 0


def _stay_on(cpu: str) -> None:
    """This process sends and receives: it leaves the instance's processor alone."""
    if (os.cpu_count() or 1) > 1 and sys.platform == "linux":
        os.sched_setaffinity(0, {int(cpu)})


@contextmanager
def _instance(store: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Port and process of an instance on a store, by default on a SQLite file of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        own = dict(store) or {"CORE__DATABASE": str(Path(folder) / "bench.sqlite3")}
        own |= {
            "CORE__KEYS": json.dumps([{"name": "bench", "key": KEY}]),
            "CORE__PORT": str(port),
            "CORE__OUTBOUND__ALLOW": '["127.0.0.0/8"]',
        }
        environ = {f"UMBRAL_CHAT_{name}": value for name, value in own.items()}
        with running(python("-m", "umbral_chat", "serve"), port, environ) as pid:
            yield port, pid


def _run(case: Callable[[Instance, int], Awaitable[T]]) -> T:
    async def run(port: int, pid: int) -> T:
        return await case(Instance(port), pid)

    with _instance({}) as (port, pid):
        return uvloop.run(run(port, pid))


async def _publish(instance: Instance, pid: int) -> Throughput:
    """Messages are stored, and nobody subscribes."""
    await instance.send(500)
    cpu = cpu_seconds(pid)
    seconds = await instance.send(ENTRIES)
    return Throughput(ENTRIES, seconds, cpu_seconds(pid) - cpu)


async def _bare_posts(_instance: Instance, _pid: int) -> Throughput:
    """httpx alone, on the instance's processor."""
    arrivals = Arrivals()
    async with receiving(arrivals.take) as port:
        process = await asyncio.create_subprocess_exec(
            *pinned(SERVER_CPU, python("-m", "bench.webhooks", str(port), str(ENTRIES))), stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
    found = json.loads(out)
    return Throughput(ENTRIES, found["seconds"], found["cpu"])


async def _push(instance: Instance, pid: int) -> Throughput:
    """What is stored already goes out by push."""
    await instance.send(ENTRIES)
    arrivals = Arrivals()
    async with receiving(arrivals.take) as port:
        began, cpu = time.perf_counter(), cpu_seconds(pid)
        await instance.subscribe("push", "beginning", port)
        await arrivals.reach(ENTRIES)
        return Throughput(ENTRIES, time.perf_counter() - began, cpu_seconds(pid) - cpu)


async def _pull(instance: Instance, pid: int) -> Throughput:
    """What is stored already is claimed and acknowledged."""
    await instance.send(ENTRIES)
    arrivals = Arrivals()
    began, cpu = time.perf_counter(), cpu_seconds(pid)
    await instance.subscribe("pull", "beginning")
    async with claiming(instance, "pull", arrivals.take):
        await arrivals.reach(ENTRIES)
        return Throughput(ENTRIES, time.perf_counter() - began, cpu_seconds(pid) - cpu)


async def _publish_and_push(instance: Instance, pid: int) -> Throughput:
    """Messages are stored as fast as it goes, and each is pushed: until the last one came."""
    arrivals = Arrivals()
    async with receiving(arrivals.take) as port:
        await instance.subscribe("push", "now", port)
        await instance.send(500)
        await arrivals.reach(500)
        began, cpu = time.perf_counter(), cpu_seconds(pid)
        await instance.send(ENTRIES)
        await arrivals.reach(ENTRIES + 500)
        return Throughput(ENTRIES, time.perf_counter() - began, cpu_seconds(pid) - cpu)


THROUGHPUT = {
    "publish, without subscriptions": _publish,
    "bare POSTs by httpx, 32 at once": _bare_posts,
    "push, of what is stored": _push,
    "claims, of what is stored": _pull,
    "publish and push at once": _publish_and_push,
}


async def _delay_of_polls(instance: Instance, _pid: int) -> list[float]:
    await instance.send(200)
    arrivals = Arrivals()
    async with polling(instance, arrivals.take):
        await arrivals.reach(200)
        return await _delays(instance, arrivals)


async def _delay_of_push(instance: Instance, _pid: int) -> list[float]:
    await instance.send(200)
    arrivals = Arrivals()
    async with receiving(arrivals.take) as port:
        await instance.subscribe("push", "now", port)
        return await _delays(instance, arrivals)


async def _delay_of_claims(instance: Instance, _pid: int) -> list[float]:
    await instance.send(200)
    arrivals = Arrivals()
    await instance.subscribe("pull", "now")
    async with claiming(instance, "pull", arrivals.take):
        return await _delays(instance, arrivals)


async def _delays(instance: Instance, arrivals: Arrivals) -> list[float]:
    """Sorted seconds, of what is sent from now on."""
    await asyncio.sleep(1.0)
    before = arrivals.number
    sent = await instance.send_slowly(RATE, SECONDS)
    await arrivals.reach(before + sent)
    return sorted(arrivals.delays[-sent:])


DELAYS = {"long poll": _delay_of_polls, "push": _delay_of_push, "claims": _delay_of_claims}


def _idle_on(store: str) -> list[Idle]:
    """What an instance costs that has nothing to do, without subscriptions, with one, and with many."""
    with ExitStack() as entered:
        own = {}
        if store == "supabase":
            folder = Path(entered.enter_context(tempfile.TemporaryDirectory()))
            stack = entered.enter_context(stack_process(folder, fast=True))
            own = {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}
        port, pid = entered.enter_context(_instance(own))
        return uvloop.run(_idle(store, Instance(port), pid))


async def _idle(store: str, instance: Instance, pid: int) -> list[Idle]:
    print(f"{store}: {IDLE_CONVERSATIONS:,} conversations, and {QUIET:g} s of silence …", file=sys.stderr, flush=True)
    await instance.send(IDLE_CONVERSATIONS, IDLE_CONVERSATIONS)
    await asyncio.sleep(QUIET)
    await instance.send(1)  # "now" is found from the newest entry, and looks back as far
    found, made = [], 0
    async with receiving(lambda _: None) as receiver:
        for number in SUBSCRIPTIONS:
            print(f"{store}: {number} idle subscriptions …", file=sys.stderr, flush=True)
            while made < number:
                await instance.subscribe(f"idle-{made}", "now", receiver)
                made += 1
            await asyncio.sleep(SETTLE)
            cpu, calls, began = cpu_seconds(pid), await _store_calls(instance), time.perf_counter()
            await asyncio.sleep(IDLE_SECONDS)
            seconds = time.perf_counter() - began
            cpu, calls = cpu_seconds(pid) - cpu, await _store_calls(instance) - calls
            found.append(Idle(number, cpu / seconds, calls / seconds if store == "supabase" else None, _resident(pid)))
    return found


async def _store_calls(instance: Instance) -> float:
    """Calls of Supabase since the start; SQLite's are not counted."""
    connection = instance.connection()
    text = (await connection.ask("GET", "/metrics")).body.decode()
    connection.close()
    pattern = r"^umbral_chat_supabase_duration_seconds_count(?:\{.*\})? (\S+)$"
    return sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))


def _resident(pid: int) -> float:
    """MiB of memory that a process has."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    sys.exit(main())
