"""`make bench NAME=polling`: what following by polling costs, and what each of its settings changes. Prints tables and
writes `bench/POLLING.md`. Two instances on one store: one is written to, the other is polled and measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.arguments import only
from bench.cases import KEY
from bench.pollers import Load
from bench.polling_page import page
from bench.servers import DRIVER_CPU, cpu_seconds, pinned, python, running
from tests.local_supabase.process import stack_process
from tests.ports import free_port

SECONDS = 5.0
RUNS = int(os.environ.get("RUNS", "3"))


class Case(NamedTuple):
    """One line of a table."""

    table: str
    name: str
    load: Mapping[str, Any]
    settings: Mapping[str, str] = {}
    mode: str = "polling"


class Result(msgspec.Struct):
    """What came of a case, over `seconds`."""

    seconds: float
    reads: int
    polls: int
    unchanged: float
    bytes: int
    late: float | None
    failed: int
    clients: int
    cpu: float


IDLE = {"POLLING__MIN_INTERVAL": "5", "POLLING__INTERVAL": "5", "POLLING__MAX_INTERVAL": "5"}
"""The pace that ten minutes of silence lead to, from the beginning on."""
SNAPSHOT = {"POLLING__SYNC_STRATEGY": "snapshot"}
LATER = {"clients": 40, "conversations": 40, "prepare": 150, "newcomers": True, "writes": 0}
SLOWLY = {"POLLING__MIN_INTERVAL": "1"}

CASES = [
    *[Case("clients", f"{n:,} clients, plain polls", {"clients": n}) for n in (100, 300, 1000)],
    *[Case("clients", f"{n:,} clients, long polls", {"clients": n, "wait": 55}) for n in (100, 300, 1000)],
    Case("clients", "1,000 clients, plain polls, `snapshot`", {"clients": 1000}, SNAPSHOT),
    Case("clients", "1,000 clients, long polls, `snapshot`", {"clients": 1000, "wait": 55}, SNAPSHOT),
    Case("idle", "plain polls, each 5 s", {"clients": 1000, "writes": 0, "settle": 11}, IDLE),
    Case("idle", "long polls", {"clients": 1000, "writes": 0, "wait": 55}, IDLE),
    Case("idle", "nobody", {"clients": 0, "writes": 0}, IDLE),
    Case("settings", "as it is by default", {}),
    Case("settings", "`min_interval = 0.1`", {}, {"POLLING__MIN_INTERVAL": "0.1"}),
    Case("settings", "`min_interval = 1`", {}, {"POLLING__MIN_INTERVAL": "1"}),
    Case("settings", "`min_interval`, `interval`, `max_interval` = 5", {}, IDLE),
    Case("settings", '`sync_strategy = "snapshot"`', {"prepare": 20}, SNAPSHOT),
    Case("settings", "the same with `batch_size = 10`", {"prepare": 20}, SNAPSHOT | {"POLLING__BATCH_SIZE": "10"}),
    Case("settings", "polls each 5 s, `cache.ttl = 1`", {}, IDLE | {"CORE__CACHE__TTL": "1"}),
    Case("settings", "`cache.conversations = 50`", {}, {"CORE__CACHE__CONVERSATIONS": "50"}),
    Case("newcomers", "as it is by default", LATER, SLOWLY),
    Case("newcomers", "`cache.entries = 20`", LATER, SLOWLY | {"CORE__CACHE__ENTRIES": "20"}),
    Case("newcomers", "`batch_size = 20`", LATER, SLOWLY | {"POLLING__BATCH_SIZE": "20"}),
    Case("newcomers", "both", LATER, SLOWLY | {"CORE__CACHE__ENTRIES": "20", "POLLING__BATCH_SIZE": "20"}),
    Case("supabase", "realtime live, plain polls", {}, {}, "live"),
    Case("supabase", "realtime live, long polls", {"wait": 55}, {}, "live"),
    Case("supabase", "realtime off, plain polls", {}, {}, "polling"),
    Case("supabase", "realtime off, long polls", {"wait": 55}, {}, "polling"),
]


@contextmanager
def instances(case: Case, store: Mapping[str, str]) -> Iterator[tuple[int, int, int]]:
    """The port of the one that is written to, and port and process of the one that is polled."""
    ports = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        own = dict(store) or {"CORE__DATABASE": str(Path(folder) / "bench.sqlite3")}
        own |= {"CORE__KEYS": json.dumps([{"name": "bench", "key": KEY}])}
        serve = python("-m", "umbral_chat", "serve")
        environs = [
            {f"UMBRAL_CHAT_{name}": value for name, value in (own | dict(more) | {"CORE__PORT": str(port)}).items()}
            for port, more in zip(ports, ({}, case.settings), strict=True)
        ]
        with running(serve, ports[0], environs[0], cpu=DRIVER_CPU), running(serve, ports[1], environs[1]) as pid:
            for port in ports:
                call(port, "PUT", "/v1/admin/realtime", {"enabled": case.mode == "live"})
            for port in ports:
                becomes(port, case.mode)
            yield ports[0], ports[1], pid


def call(port: int, method: str, path: str, body: object = None) -> Any:
    """One call, as the administrator."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - ours
        return json.loads(answer.read())


def becomes(port: int, mode: str) -> None:
    """Wait until it is in this mode."""
    deadline = time.monotonic() + 20
    while call(port, "GET", "/v1/status")["mode"] != mode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"it does not become {mode}")
        time.sleep(0.1)


def measure(case: Case, store: Mapping[str, str]) -> Result:
    """Run one case."""
    with instances(case, store) as (write_port, port, pid):
        load = Load(port=port, write_port=write_port, seconds=SECONDS, **case.load)
        driver = subprocess.Popen(
            pinned(DRIVER_CPU, python("-m", "bench.pollers")), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=2
        )
        assert driver.stdin is not None
        assert driver.stdout is not None
        driver.stdin.write(msgspec.json.encode(load))
        driver.stdin.close()
        driver.stdout.readline()  # everybody has come
        began, before = time.monotonic(), cpu_seconds(pid)
        found = json.loads(driver.stdout.readline())
        cpu = (cpu_seconds(pid) - before) / (time.monotonic() - began)
        driver.wait(10)
    return msgspec.convert(found | {"cpu": cpu, "clients": load.clients}, Result)


def main() -> int:
    """Measure, print, write."""
    tables = list(dict.fromkeys(case.table for case in CASES))
    chosen = only("bench.polling", __doc__, "table", tables)
    wanted = chosen or tables
    cases = [case for case in CASES if case.table in wanted]
    found: dict[str, list[tuple[str, list[Result]]]] = {table: [] for table in wanted}
    with ExitStack() as entered:
        store: dict[str, str] = {}
        for case in cases:
            if case.table == "supabase" and not store:
                folder = Path(entered.enter_context(tempfile.TemporaryDirectory()))
                stack = entered.enter_context(stack_process(folder, fast=True))
                store = {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}
            runs = []
            for number in range(RUNS):
                print(f"{case.table}: {case.name}, run {number + 1} of {RUNS} …", file=sys.stderr, flush=True)
                runs.append(measure(case, store if case.table == "supabase" else {}))
                if runs[-1].failed:
                    raise RuntimeError(f"{case.name}: {runs[-1].failed} polls failed")
            found[case.table].append((case.name, runs))
    text = page(found, machine())
    print(text)
    if not chosen:
        (Path(__file__).parent / "POLLING.md").write_text(text + "\n", encoding="utf-8")
    return 0


def machine() -> str:
    """Where and how it was measured."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared with others, Python "
        f"{platform.python_version()}. Two instances on one store: one is written to, the other is polled and "
        f"measured, alone on its processor as far as the machine allows. Messages of 160 bytes. "
        f"{'One run' if RUNS == 1 else f'Medians of {RUNS} runs'} of {SECONDS:g} s each."
    )


if __name__ == "__main__":
    sys.exit(main())
