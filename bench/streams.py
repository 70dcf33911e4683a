"""`make bench NAME=streams`: deliveries over SSE and WebSocket beside other servers, and the size of a connection.

Prints the tables and writes them to `bench/RESULTS.md`. Figures are medians of interleaved runs; ours keeps each
message on disk before it is delivered, which no peer does. Exit code 2 where a peer is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

from bench import results
from bench.cases import service
from bench.servers import DRIVER_CPU, cpu_seconds, pinned, python
from bench.stream_peers import PEERS
from bench.streams_page import Figures, Measured, report

SUBSCRIBERS, RATE = 200, 50
"""10,000 deliveries a second."""

STEPS = (50, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000)
"""Messages a second that are tried one after the other until a server falls behind."""

LATE = 250.0
"""Milliseconds of p99 up to which a rate is held."""

IDLE = 2000
"""Connections that are opened and held."""

SECONDS, STEP_SECONDS = 4.0, 3.0
ALONE_SECONDS = 8.0
"""Of the run with one message a second, in which no entry is gathered with another."""

READERS, PIECES = 100, 50
"""Of the draft: its pieces a second."""

IDLE_SECONDS = 10.0
"""For which the idle connections are held once all are open."""

RUNS = 5


class Row(NamedTuple):
    """What is measured: its name in the table, the server, and the edge in the driver."""

    name: str
    server: str
    edge: str


ROWS = (
    Row("Umbral Chat, SSE", "ours", "ours-sse"),
    Row("Umbral Chat, WebSocket", "ours", "ours-websocket"),
    Row("Umbral Chat on plain uvicorn, SSE", "portable", "ours-sse"),
    Row("Umbral Chat on plain uvicorn, WebSocket", "portable", "ours-websocket"),
    Row("Litestar channels, SSE", "channels", "channels-sse"),
    Row("Litestar channels, WebSocket", "channels", "channels-websocket"),
    Row("python-socketio", "socketio", "socketio"),
    Row("Socket.IO on Node", "socketio-node", "socketio"),
    Row("nchan, SSE", "nchan", "nchan-sse"),
    Row("nchan, WebSocket", "nchan", "nchan-websocket"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", nargs="*", metavar="ROW", help="only these, printed and not written")
    parser.add_argument("--without", nargs="*", default=[], choices=list(PEERS), help="peers to leave out, not written")
    options = parser.parse_args()
    rows = [row for row in ROWS if (not options.only or row.name in options.only) and row.server not in options.without]
    with ExitStack() as stack:
        servers = {}
        for name in dict.fromkeys(row.server for row in rows):
            try:
                servers[name] = stack.enter_context(_server(name))
            except RuntimeError as error:
                print(f"{error} Or leave it out: ARGS='--without {name}'", file=sys.stderr)
                return 2
        loaded = _loaded(rows, servers, options.runs)
        alone = {row.name: _drive(row, *servers[row.server], 1, ALONE_SECONDS)["p50_ms"] for row in rows}
        pieces = _pieces(*servers["ours"], options.runs) if "ours" in servers else None
        highest = {row.name: _highest(row, *servers[row.server]) for row in rows}
    idle = {row.name: _idle(row) for row in rows}
    draft = _draft(pieces) if pieces else None
    text = "\n".join(report(Measured(_conditions(options.runs), loaded, alone, highest, idle, draft)))
    print(text)
    if not options.only and not options.without:
        results.write("streams", text)
    return 0


def _server(name: str, environ: Mapping[str, str] | None = None) -> AbstractContextManager[tuple[int, int]]:
    """A server's port and process id, while it runs. Raises RuntimeError for a peer that is not installed."""
    if name in {"ours", "portable"}:
        return service(environ=environ, portable=name == "portable")
    return PEERS[name]()


def _loaded(rows: Sequence[Row], servers: dict[str, tuple[int, int]], runs: int) -> dict[str, list[Figures]]:
    found: dict[str, list[Figures]] = {row.name: [] for row in rows}
    for number in range(runs):
        for row in rows:
            print(f"run {number + 1} of {runs}: {row.name} …", file=sys.stderr, flush=True)
            found[row.name].append(_drive(row, *servers[row.server], RATE, SECONDS))
    return found


def _pieces(port: int, pid: int, runs: int) -> list[Figures]:
    """A draft that is written while readers follow, on our own server."""
    found = []
    for number in range(runs):
        print(f"run {number + 1} of {runs}: a draft …", file=sys.stderr, flush=True)
        before = cpu_seconds(pid)
        figures = _output("bench.token_stream", str(port), str(READERS), str(PIECES), str(SECONDS))
        if figures["behind"] or figures["lost"]:
            raise RuntimeError(f"readers miss a part of the draft: {figures}")
        figures["cpu_percent"] = (cpu_seconds(pid) - before) / figures["seconds"] * 100
        found.append(figures)
    return found


def _highest(row: Row, port: int, pid: int) -> Figures:
    """The highest rate of messages that is held, with its figures."""
    best: Figures = {"per_second": 0.0, "p99_ms": 0.0, "cpu_us": 0.0}
    for rate in STEPS:
        for attempt in (1, 2):  # what else runs on the machine may hold up one of them
            print(f"{row.name}: {rate} messages a second …", file=sys.stderr, flush=True)
            figures = _drive(row, port, pid, rate, STEP_SECONDS)
            if not figures["behind"] and not figures["lost"] and figures["p99_ms"] <= LATE:
                best = figures
                break
            print(f"  not held, attempt {attempt}: {figures}", file=sys.stderr)
        else:
            break
    return best


def _idle(row: Row) -> float:
    """KiB that a server grows by for each connection that is opened and held."""
    print(f"{row.name}: {IDLE} idle connections …", file=sys.stderr, flush=True)
    settings = {
        "UMBRAL_CHAT_CORE__LIMITS__READERS": str(2 * IDLE),
        "UMBRAL_CHAT_CORE__LIMITS__CONNECTIONS": str(2 * IDLE),
    }
    with _server(row.server, settings) as (port, pid):
        _run(row, port, pid, 5, 0, 1.0)
        before = _resident(pid, row)
        process = subprocess.Popen(_command(row, port, pid, IDLE, 0, IDLE_SECONDS), stdout=subprocess.PIPE, text=True)
        with suppress(subprocess.TimeoutExpired):
            process.wait(IDLE_SECONDS)  # most of it after the last one has opened, and some before it ends
        after = _resident(pid, row) if process.poll() is None else float("nan")
        return (after - before) / IDLE if process.wait() == 0 else float("nan")


def _resident(pid: int, row: Row) -> float:
    """KiB of memory, after a Python server has collected its garbage."""
    if row.server not in {"nchan", "socketio-node"}:
        os.kill(pid, signal.SIGUSR1)
        time.sleep(1.0)
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _drive(row: Row, port: int, pid: int, rate: float, seconds: float) -> Figures:
    return _run(row, port, pid, SUBSCRIBERS, rate, seconds)


def _command(row: Row, port: int, pid: int, subscribers: int, rate: float, seconds: float) -> list[str]:
    numbers = (str(port), str(pid), str(subscribers), str(rate), str(seconds))
    return pinned(DRIVER_CPU, python("-m", "bench.stream_driver", row.edge, *numbers))


def _run(row: Row, port: int, pid: int, subscribers: int, rate: float, seconds: float) -> Figures:
    return _output("bench.stream_driver", row.edge, str(port), str(pid), str(subscribers), str(rate), str(seconds))


def _output(module: str, *arguments: str) -> Figures:
    command = pinned(DRIVER_CPU, python("-m", module, *arguments))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _conditions(runs: int) -> str:
    """How it was measured."""
    return (
        "Server on one processor, driver on another; 200-byte messages; medians "
        f"of {runs} interleaved runs of {SECONDS:g} s each. {SUBSCRIBERS} subscribers of one conversation at {RATE} "
        f"messages a second; then the highest rate that is held with a p99 of at most {LATE:g} ms and nothing lost; "
        f"then {IDLE} idle connections. Messages in whole events and frames are counted. Ours are on disk before they "
        "are delivered. The cost of sending them is in the CPU of a delivery, that of opening streams is not. The "
        "Python peers run on plain uvicorn with uvloop, where our own streams have a task for each subscriber."
    )


def _draft(runs: list[Figures]) -> str:
    frames, cpu = (statistics.median(run[key] for run in runs) for key in ("frames_a_reader", "cpu_percent"))
    return (
        f"A draft of {PIECES} pieces a second for {SECONDS:g} s to {READERS} readers over SSE: each reader gets "
        f"{runs[0]['pieces']:.0f} pieces in {frames:.0f} frames, and the server takes {cpu:.0f} % of a processor, its "
        "writes included."
    )


if __name__ == "__main__":
    sys.exit(main())
