"""The page of `make bench NAME=realtime`: figures in, Markdown out."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime

MESSAGES = 1_000
IDLE = 60.0
"""Seconds for which idling is measured."""

BAR = 2.0
"""Times the append's own round trip."""

HOUR = 3600.0


@dataclass(frozen=True)
class Bytes:
    """TCP's payload, both ways together; IP, TCP and TLS come on top."""

    sockets: int = 0
    """Of WebSockets, their handshakes included."""
    requests: int = 0
    """Of everything else."""

    def __sub__(self, other: Bytes) -> Bytes:
        return Bytes(self.sockets - other.sockets, self.requests - other.requests)


@dataclass
class Load:
    """1,000 messages in order, and what they cost; and the same time idle."""

    seconds: float
    calls: float
    """Calls of the database by all instances."""
    reads: float
    """Reads of the history by the instance that received."""
    bytes: Bytes
    """Between the receiving instance and Supabase."""


@dataclass
class Found:
    """Every figure."""

    append: dict[str, list[list[float]]] = field(default_factory=dict)
    """Seconds from a send to its answer: of each way of delivery, of each run."""
    delivered: dict[str, list[list[float]]] = field(default_factory=dict)
    """Seconds from a send to the long poll's answer with it, of the same sends."""
    loads: dict[str, Load] = field(default_factory=dict)
    idle: dict[str, Load] = field(default_factory=dict)


def page(found: Found) -> str:
    """The whole page."""
    return "\n".join(
        ["# Bench results of the live link", "", _machine(found), "", *_latency(found), *_costs(found), *_wire(found)]
    )


def _machine(found: Found) -> str:
    runs = next(iter(found.append.values()))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared by all: driver, "
        "instances, gateway, Realtime, `@supabase/lite`, PostgreSQL (it syncs), Python "
        f"{platform.python_version()}. 200-byte messages; {len(runs)} runs of {len(runs[0])} sends, interleaved. "
        "Supabase is the stand-in of `make supabase`, whose Realtime looks for new broadcasts every 20 ms: the figures "
        "say what the service does, and not what a hosted project's network takes."
    )


def _latency(found: Found) -> list[str]:
    """Medians of the runs' medians; the ratio is of medians of the same sends."""
    lines = ["## Sent to delivered", "", "From the request to the answer of a long poll that waited for it, beside the"]
    lines += ["time of the same send's own answer.", ""]
    lines += ["| read from | send answered | delivered | least–most of the runs | ratio | bar |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, runs in found.delivered.items():
        medians = [statistics.median(run) for run in runs]
        append = statistics.median(statistics.median(run) for run in found.append[name])
        delivered = statistics.median(medians)
        ratio = delivered / append
        bar = "—" if "polling" in name else f"≤ {BAR}" + (" (missed)" if ratio > BAR else "")
        spread = f"{min(medians) * 1000:.1f}–{max(medians) * 1000:.1f} ms"
        lines.append(
            f"| {name} | {append * 1000:.1f} ms | {delivered * 1000:.1f} ms | {spread} | {ratio:.2f} | {bar} |"
        )
    return [*lines, ""]


def _costs(found: Found) -> list[str]:
    """What 1,000 messages cost the database, less what goes on all the time."""
    background = {
        "one instance": _rate(found, "one instance, live"),
        "two instances": _rate(found, "one instance, live") + _rate(found, "second instance, live"),
    }
    lines = [
        "## Reads and calls",
        "",
        f"{MESSAGES:,} messages in four conversations, each entry in order, a reader of each.",
    ]
    lines += [
        "Calls are those of all instances; what goes on all the time (heads of watched conversations, the toggle)"
    ]
    lines += ["is stated apart.", ""]
    lines += ["| | reads of the log by the receiver | calls a message | calls a second all the time |"]
    lines += ["| --- | ---: | ---: | ---: |"]
    for name, load in found.loads.items():
        a_message = (load.calls - background[name] * load.seconds) / MESSAGES
        lines.append(f"| {name} | {load.reads:.0f} | {a_message:.2f} | {background[name]:.2f} |")
    return [*lines, "", "The call that is left is the append itself.", ""]


def _wire(found: Found) -> list[str]:
    """TCP payload between the second instance, which only receives, and Supabase."""
    load, idle = found.loads["two instances"], found.idle["second instance, live"]
    polling = found.idle["second instance, polling"]
    share = load.seconds / idle.seconds
    sockets = (load.bytes.sockets - idle.bytes.sockets * share) / MESSAGES
    requests = (load.bytes.requests - idle.bytes.requests * share) / MESSAGES
    hour = HOUR / idle.seconds / 1000
    return [
        "## On the wire",
        "",
        "TCP payload both ways between Supabase and an instance that only receives; TLS and IP come on top. The hour",
        f"is {IDLE:.0f} s with one waiting reader, times {HOUR / IDLE:.0f}.",
        "",
        "| | WebSocket | requests |",
        "| --- | ---: | ---: |",
        f"| a message of 200 bytes, live | {sockets:,.0f} B | {requests:,.0f} B |",
        f"| an idle hour, live | {idle.bytes.sockets * hour:,.0f} kB | {idle.bytes.requests * hour:,.0f} kB |",
        f"| an idle hour, polling | {polling.bytes.sockets * hour:,.0f} kB | {polling.bytes.requests * hour:,.0f} kB |",
    ]


def _rate(found: Found, name: str) -> float:
    """Calls a second of an idle instance."""
    return found.idle[name].calls / found.idle[name].seconds


__all__ = ["IDLE", "MESSAGES", "Bytes", "Found", "Load", "page"]
