"""`make bench`: prints the table of requests and writes it to `bench/RESULTS.md`. Every figure is a median of
interleaved runs.

`--before PYTHON` also measures the service of another environment (`…/.venv/bin/python` of an older checkout), side by
side in the same runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from typing import Any

from bench import results
from bench.cases import CONTENT, Case, peer, poll_requests, request, send_requests, service
from bench.servers import DRIVER_CPU, cpu_seconds, peak_memory, pinned, python
from bench.subscriber import subscribed

RUNS = 5
SECONDS = 4.0
READERS, RATE = 200, 50
"""Of the fan-out by long poll: 10,000 deliveries a second."""

Figures = dict[str, float]

BARS = (
    ("durable publish ÷ bare ASGI (POST), CPU", "publish", "bare ASGI POST", 3.6),
    ("poll with nothing new ÷ bare ASGI (GET), CPU", "poll, nothing new", "bare ASGI GET", 2.1),
    ("durable publish ÷ python-socketio's publish, CPU (stretch)", "publish", "python-socketio POST", 1.0),
)
"""Ratios of server CPU a request; at most the bar."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--before", metavar="PYTHON", help="interpreter of an environment with an older version")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", nargs="*", metavar="CASE", help="only these, printed and not written")
    options = parser.parse_args()
    with ExitStack() as stack:
        ours = stack.enter_context(service())
        servers = {"ours": ours, **{name: stack.enter_context(peer(name)) for name in PEERS}}
        cases = [*own_cases("", "ours"), *peer_cases()]
        if options.before:
            servers["before"] = stack.enter_context(service(options.before))
            cases = [*own_cases(" (before)", "before"), *cases]
        if options.only:
            cases = [case for case in cases if case.name in options.only]
        runs: dict[str, list[Figures]] = {case.name: [] for case in cases}
        answers = 0.0
        for number in range(options.runs):
            for case in cases:
                print(f"run {number + 1} of {options.runs}: {case.name} …", file=sys.stderr, flush=True)
                figures = _drive(case, *servers[case.server])
                answers += figures.pop("answers") * (case.server == "ours")
                runs[case.name].append(figures)
        peaks = {name: peak_memory(pid) for name, (_, pid) in servers.items() if name in {"before", "ours"}}
    text = "\n".join([*report(runs, options.runs), "", memory(peaks, answers)])
    print(text)
    if not options.only:
        results.write("requests", text)
    return 0


PEERS = ("bare", "bounded", "litestar", "socketio", "channels", "floor")


def own_cases(suffix: str, server: str) -> list[Case]:
    """What is measured of a service of ours."""
    return [
        Case(f"publish{suffix}", server, send_requests(), expect="201", subscriber="poll"),
        Case(f"publish, 1 connection{suffix}", server, send_requests(), connections=1, expect="201"),
        Case(f"publish, 3 connections{suffix}", server, send_requests(), connections=3, expect="201"),
        Case(f"poll, nothing new{suffix}", server, poll_requests, expect="304"),
        Case(f"{FANOUT}{suffix}", server, ()),
    ]


FANOUT = f"{READERS} long polls, {RATE} messages/s"


def peer_cases() -> list[Case]:
    """What it is compared with."""
    post = json.dumps({"content": CONTENT, "client_id": "c{n}"}, separators=(",", ":"))
    return [
        Case("bare ASGI POST", "bare", [request("POST", "/", post)], expect="201"),
        Case("bare ASGI GET", "bare", [request("GET", "/")]),
        Case("bare ASGI POST, our server", "bounded", [request("POST", "/", post)], expect="201"),
        Case("bare ASGI GET, our server", "bounded", [request("GET", "/")]),
        Case("Litestar POST", "litestar", [request("POST", "/noop", post)], expect="201"),
        Case("Litestar GET", "litestar", [request("GET", "/noop")]),
        Case("Litestar @asgi", "litestar", [request("GET", "/bare")]),
        Case("Litestar channels POST", "channels", [request("POST", "/publish", post)], expect="201", subscriber="sse"),
        Case(
            "python-socketio POST",
            "socketio",
            [request("POST", "/publish", post)],
            expect="201",
            subscriber="socketio",
        ),
        Case("bare uvloop server", "floor", [request("GET", "/")]),
    ]


def _drive(case: Case, port: int, pid: int) -> Figures:
    if case.name.startswith(FANOUT):
        return _fan_out(port, pid)
    requests = case.requests(port) if callable(case.requests) else case.requests
    with subscribed(case.subscriber, port) if case.subscriber else nullcontext():
        before = cpu_seconds(pid)
        figures = _run(
            "bench.driver",
            "127.0.0.1",
            str(port),
            str(case.connections),
            str(SECONDS),
            given=json.dumps({"requests": list(requests)}),
        )
        spent = cpu_seconds(pid) - before
    statuses = figures.pop("statuses")
    if set(statuses) != {case.expect} or figures["lost"]:
        raise RuntimeError(f"{case.name}: answered {statuses}, lost {figures['lost']} connections")
    figures["cpu_us"] = spent * 1e6 / figures["answers"]
    return figures


def _fan_out(port: int, pid: int) -> Figures:
    before = cpu_seconds(pid)
    figures = _run("bench.fanout", str(port), str(READERS), str(RATE), str(SECONDS))
    if figures["behind"] or figures["lost"]:
        print(f"  {figures['behind']:.0f} deliveries behind, {figures['lost']} connections lost", file=sys.stderr)
    figures["cpu_us"] = (cpu_seconds(pid) - before) * 1e6 / max(1.0, figures["answers"])
    return figures


def _run(*command: str, given: str | None = None) -> dict[str, Any]:
    done = subprocess.run(
        pinned(DRIVER_CPU, python("-m", *command)),
        input=given,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def machine(runs: int) -> str:
    """Where and how it was measured."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared with others, "
        f"Python {platform.python_version()}. Server on one processor, driver on another; 200-byte messages; 32 "
        f"connections where not said otherwise, and one subscriber where messages are published; medians of {runs} "
        f"interleaved runs of {SECONDS:g} s each. The peers run on plain uvicorn with uvloop and httptools, and keep "
        "nothing on disk."
    )


def memory(peaks: dict[str, float], answers: float) -> str:
    """What the services had at most, and after how many answers of ours."""
    sizes = ", ".join(f"{name} {size:.0f} MiB" for name, size in peaks.items())
    return f"Most memory: {sizes}; after {answers:,.0f} answers, as many as an hour of {answers / 3600:,.0f} a second."


def report(runs: dict[str, list[Figures]], number: int) -> list[str]:
    """The table and the ratios as Markdown."""
    medians = {name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in runs.items()}
    lines = [
        "## Requests",
        "",
        machine(number),
        "",
        "| | per second | least–most | p50 ms | p99 ms | server CPU µs each |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, of in runs.items():
        rates = [run["per_second"] for run in of]
        row = medians[name]
        lines.append(
            f"| {name} | {row['per_second']:,.0f} | {min(rates):,.0f}–{max(rates):,.0f} | {row['p50_ms']:.2f} | "
            f"{row['p99_ms']:.2f} | {row['cpu_us']:.0f} |"
        )
    lines += ["", "A row of long polls counts deliveries, and its times are from the send to the reader."]
    suffixes = [" (before)", ""] if "publish (before)" in runs else [""]
    lines += ["", "| ratio | bar | " + " | ".join(f"measured{one}" for one in suffixes) + " |"]
    lines += ["| --- | ---: |" + " ---: |" * len(suffixes)]
    for title, above, below, bar in BARS:
        if above in runs and below in runs:
            found = [_ratio(runs[above + one], runs[below]) for one in suffixes]
            lines.append(_row(f"{title} | ≤ {bar:g}", [f"{one:.2f}{_missed(one, bar)}" for one in found]))
    if FANOUT in runs:
        found = [medians[FANOUT + one]["p99_ms"] for one in suffixes]
        lines.append(_row(f"{FANOUT}: p99 ms | ≤ 250", [f"{one:.0f}{_missed(one, 250)}" for one in found]))
    return lines


def _ratio(above: list[Figures], below: list[Figures]) -> float:
    """The median of the ratios run by run: what slows the machine slows both."""
    return statistics.median(one["cpu_us"] / other["cpu_us"] for one, other in zip(above, below, strict=True))


def _row(first: str, cells: list[str]) -> str:
    return f"| {first} | " + " | ".join(cells) + " |"


def _missed(ratio: float, bar: float) -> str:
    return "" if ratio <= bar else " (missed)"


if __name__ == "__main__":
    sys.exit(main())
