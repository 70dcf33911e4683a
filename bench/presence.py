"""`make bench NAME=presence`: what it costs that 5,000 people are present in 500 conversations. Prints a table and
writes `bench/PRESENCE.md`. The instance has a processor of its own; each heartbeat is one HTTP PUT."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.arguments import only
from bench.cases import KEY
from bench.heartbeats import Load
from bench.servers import DRIVER_CPU, cpu_seconds, pinned, python, running
from tests.local_supabase.process import stack_process
from tests.ports import free_port

RUNS = int(os.environ.get("RUNS", "3"))
USUAL = Load(port=0)
PAGE = Path(__file__).parent / "PRESENCE.md"


class Case(NamedTuple):
    """One line of the table."""

    name: str
    store: str
    load: Mapping[str, Any]
    settings: Mapping[str, str] = {}


class Result(msgspec.Struct):
    """What came of a case, over `seconds`."""

    seconds: float
    requests: int
    median: float
    slowest: float
    waiting: int
    failed: int
    cpu: float
    memory: float
    """Bytes that came with the people."""
    counts: dict[str, float]
    """Signals by kind, writes and reads of rosters, meanwhile."""


MEMORY = {"PRESENCE__PROVIDER": "memory"}
CHURN = {"leaves": 0.05, "types": 0.05}

CASES = [
    Case("nobody: as many requests that do nothing", "sqlite", {"floor": True}, MEMORY),
    Case("`memory`", "sqlite", {}, MEMORY),
    Case("`shared` on SQLite", "sqlite", {}),
    Case("`shared` on Supabase, live", "supabase", {}),
    Case("`memory`, with coming, going and typing", "sqlite", CHURN, MEMORY),
    Case("`shared` on SQLite, the same", "sqlite", CHURN),
    Case("`shared` on Supabase, live, the same", "supabase", CHURN),
]


def main() -> int:
    """Measure, print, write."""
    wanted = only("bench.presence", __doc__, "store", (case.store for case in CASES))
    found: list[tuple[str, list[Result]]] = []
    with ExitStack() as entered:
        supabase: dict[str, str] = {}
        for case in CASES:
            if wanted and case.store not in wanted:
                continue
            if case.store == "supabase" and not supabase:
                folder = Path(entered.enter_context(tempfile.TemporaryDirectory()))
                stack = entered.enter_context(stack_process(folder, fast=True))
                limits = json.dumps({"events_per_second": 1e6}).encode()
                urllib.request.urlopen(f"{stack.url}/_control/realtime/limits", limits, timeout=10).close()  # noqa: S310 - ours
                supabase = {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}
            runs = []
            for number in range(RUNS):
                print(f"{case.name}, run {number + 1} of {RUNS} …", file=sys.stderr, flush=True)
                runs.append(measure(case, supabase if case.store == "supabase" else {}))
                if runs[-1].failed:
                    raise RuntimeError(f"{case.name}: {runs[-1].failed} requests failed")
            found.append((case.name, runs))
    text = page(found)
    print(text)
    if not wanted:
        PAGE.write_text(text + "\n", encoding="utf-8")
    return 0


def measure(case: Case, store: Mapping[str, str]) -> Result:
    """Run one case."""
    with instance(case, store) as (port, pid):
        load = Load(port=port, **case.load)
        with driver(load) as (hear, tell):
            hear()  # warm
            before_all = resident(pid)
            tell()
            hear()  # everybody has come
            quiet(port)
            counts, began, cpu = metrics(port), time.monotonic(), cpu_seconds(pid)
            tell()
            found = json.loads(hear())
            cpu = (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
            counts = {name: value - counts[name] for name, value in metrics(port).items()}
            memory = resident(pid) - before_all
    return msgspec.convert(found | {"cpu": cpu, "memory": memory, "counts": counts}, Result)


def quiet(port: int, within: float = 25.0) -> None:
    """Wait until what everybody's coming left to write is written; while people come and go that is never so."""
    before, deadline = metrics(port), time.monotonic() + within
    while time.monotonic() < deadline:
        time.sleep(2)
        now = metrics(port)
        if (now["writes"], now["reads"]) == (before["writes"], before["reads"]):
            return
        before = now


@contextmanager
def instance(case: Case, store: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Port and process of a service on a store, live where the store can be."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        own = dict(store) or {"CORE__DATABASE": str(Path(folder) / "bench.sqlite3")}
        own |= {"CORE__KEYS": json.dumps([{"name": "bench", "key": KEY}]), "CORE__PORT": str(port), **case.settings}
        environ = {f"UMBRAL_CHAT_{name}": value for name, value in own.items()}
        with running(python("-m", "umbral_chat", "serve"), port, environ) as pid:
            deadline = time.monotonic() + 30
            while store and call(port, "/v1/status")["mode"] != "live":
                if time.monotonic() > deadline:
                    raise RuntimeError("it does not become live")
                time.sleep(0.1)
            yield port, pid


@contextmanager
def driver(load: Load) -> Iterator[tuple[Callable[[], str], Callable[[], None]]]:
    """The heartbeats, on the other processor: what hears their next line, and what lets them go on."""
    process = subprocess.Popen(
        pinned(DRIVER_CPU, python("-m", "bench.heartbeats")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told, heard = process.stdin, process.stdout

    def tell(line: str = "go") -> None:
        told.write(line + "\n")
        told.flush()

    try:
        tell(msgspec.json.encode(load).decode())
        yield heard.readline, tell
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def call(port: int, path: str) -> Any:
    """One read, as the administrator."""
    return json.loads(read(port, path))


def read(port: int, path: str) -> str:
    """The same as text."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - ours
        text: str = answer.read().decode()
        return text


COUNTED = {
    "presence": r'umbral_chat_presence_signals_total\{[^}]*kind="presence"[^}]*\}',
    "typing": r'umbral_chat_presence_signals_total\{[^}]*kind="typing"[^}]*\}',
    "roster": r'umbral_chat_presence_signals_total\{[^}]*kind="roster"[^}]*\}',
    "writes": r'umbral_chat_presence_rosters_total\{[^}]*outcome="written"[^}]*\}',
    "reads": r'umbral_chat_presence_rosters_total\{[^}]*outcome="read"[^}]*\}',
    "supabase": r"umbral_chat_supabase_duration_seconds_count(?:\{[^}]*\})?",
}


def metrics(port: int) -> dict[str, float]:
    """What the instance counted since its start."""
    text = read(port, "/metrics")
    return {
        name: sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", text, re.MULTILINE))
        for name, pattern in COUNTED.items()
    }


def resident(pid: int) -> float:
    """Bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


COLUMNS: tuple[tuple[str, Callable[[Result], float], str], ...] = (
    ("requests/s", lambda one: one.requests / one.seconds, ",.0f"),
    ("CPU of one processor", lambda one: one.cpu, ".1%"),
    ("memory a person, bytes", lambda one: one.memory / USUAL.people, ",.0f"),
    ("signals/s: presence", lambda one: one.counts["presence"] / one.seconds, ",.1f"),
    ("typing", lambda one: one.counts["typing"] / one.seconds, ",.1f"),
    ("roster", lambda one: one.counts["roster"] / one.seconds, ",.1f"),
    ("rosters written/s", lambda one: one.counts["writes"] / one.seconds, ",.1f"),
    ("read/s", lambda one: one.counts["reads"] / one.seconds, ",.1f"),
    ("calls of Supabase/s", lambda one: one.counts["supabase"] / one.seconds, ",.1f"),
    ("answer, median, ms", lambda one: one.median * 1000, ",.1f"),
    ("99 %, ms", lambda one: one.slowest * 1000, ",.1f"),
)


def page(found: Sequence[tuple[str, Sequence[Result]]]) -> str:
    """Markdown."""
    lines = ["# What presence costs", "", about(), "", LEGEND, ""]
    lines += ["| | " + " | ".join(name for name, _, _ in COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for name, runs in found:
        cells = [format(statistics.median(of(run) for run in runs), form) for _, of, form in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def about() -> str:
    """Where and how it was measured."""
    runs = "One run" if RUNS == 1 else f"Medians of {RUNS} runs"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared with others, Python "
        f"{platform.python_version()}. {USUAL.people:,} people with one device each in {USUAL.conversations} "
        f"conversations, each of whom reports every {USUAL.every:g} s by an HTTP PUT, over {USUAL.connections} "
        "connections. The instance has one processor, the driver and whatever else there is the other. "
        f"{runs} of {USUAL.seconds:g} s each, after everybody had come and that was written."
    )


LEGEND = """\
*Memory a person* is what the process grew by while they came and reported again, divided by them; before, the same
connections had asked for something else. *Signals* are those that the instance has for channels (`presence`, `typing`)
and for other instances (`roster`); *rosters* are what it writes for them into the shared store. *Calls of Supabase* are
all, those of the history too. Where people come and go, 5 % of the reports are a leave instead, after which the person
comes again 20 s later, longer than the hold-back; and with 5 % of them the person says, too, that it types."""


if __name__ == "__main__":
    sys.exit(main())
