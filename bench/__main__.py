"""`make bench`: prints a table and writes `bench/RESULTS.md`. Every figure is the median of three interleaved runs."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from bench.cases import Case, peer, poll_requests, request, send_requests, service
from bench.servers import DRIVER_CPU, cpu_seconds, pinned, python

RUNS = 3
SECONDS = 4.0

BARS = (
    ("durable publish ÷ the Litestar route that does nothing (POST)", "publish", "litestar POST", 0.8),
    ("poll with nothing new ÷ the Litestar route that does nothing (GET)", "poll, nothing new", "litestar GET", 1.0),
    ("durable publish, 32 connections ÷ 1 connection (group commit)", "publish", "publish, 1 connection", 5.0),
)


def main() -> int:
    with ExitStack() as stack:
        ours = stack.enter_context(service())
        litestar = stack.enter_context(peer("litestar"))
        floor = stack.enter_context(peer("floor"))
        servers = {"ours": ours, "litestar": litestar, "floor": floor}
        cases = [
            Case("publish", "ours", send_requests(), expect="201"),
            Case("publish, 1 connection", "ours", send_requests(), connections=1, expect="201"),
            Case("poll, nothing new", "ours", poll_requests(ours[0]), expect="304"),
            Case(
                "litestar POST", "litestar", [request("POST", "/noop", '{"content":"' + "x" * 200 + '"}')], expect="201"
            ),
            Case("litestar GET", "litestar", [request("GET", "/noop")]),
            Case("litestar @asgi", "litestar", [request("GET", "/bare")]),
            Case("bare uvloop server", "floor", [request("GET", "/")]),
        ]
        runs: dict[str, list[dict[str, float]]] = {case.name: [] for case in cases}
        for number in range(RUNS):
            for case in cases:
                print(f"run {number + 1} of {RUNS}: {case.name} …", file=sys.stderr, flush=True)
                runs[case.name].append(_drive(case, *servers[case.server]))
    text = report(runs)
    print(text)
    (Path(__file__).parent / "RESULTS.md").write_text(text + "\n", encoding="utf-8")
    return 0


def _drive(case: Case, port: int, pid: int) -> dict[str, float]:
    before = cpu_seconds(pid)
    command = pinned(
        DRIVER_CPU, python("-m", "bench.driver", "127.0.0.1", str(port), str(case.connections), str(SECONDS))
    )
    done = subprocess.run(
        command,
        input=json.dumps({"requests": list(case.requests)}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    figures = json.loads(done.stdout)
    statuses = figures.pop("statuses")
    if set(statuses) != {case.expect} or figures["lost"]:
        raise RuntimeError(f"{case.name}: answered {statuses}, lost {figures['lost']} connections")
    figures["cpu_us"] = (cpu_seconds(pid) - before) * 1e6 / figures.pop("answers")
    return cast("dict[str, float]", figures)


def machine() -> str:
    """Where and how it was measured."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared with others, "
        f"Python {platform.python_version()}. Server on one processor, driver on another; 200-byte messages; 32 "
        f"connections where not said otherwise; medians of {RUNS} interleaved runs of {SECONDS:g} s each."
    )


def report(runs: dict[str, list[dict[str, float]]]) -> str:
    """The table and the ratios as Markdown."""
    medians = {name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in runs.items()}
    lines = [
        "# Bench results",
        "",
        machine(),
        "",
        "| | requests/s | least–most | p50 ms | p99 ms | server CPU µs a request |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, of in runs.items():
        rates = [run["per_second"] for run in of]
        row = medians[name]
        lines.append(
            f"| {name} | {row['per_second']:,.0f} | {min(rates):,.0f}–{max(rates):,.0f} | {row['p50_ms']:.2f} | "
            f"{row['p99_ms']:.2f} | {row['cpu_us']:.0f} |"
        )
    lines += ["", "| ratio | bar | measured |", "| --- | ---: | ---: |"]
    for title, above, below, bar in BARS:
        ratio = medians[above]["per_second"] / medians[below]["per_second"]
        lines.append(f"| {title} | ≥ {bar:g} | {ratio:.2f}{'' if ratio >= bar else ' (missed)'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
