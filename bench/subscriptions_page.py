"""The page `bench/SUBSCRIPTIONS.md`."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple


class Throughput(NamedTuple):
    """Entries, the seconds that they took, and the server's seconds of a processor."""

    entries: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Entries a second."""
        return self.entries / self.seconds

    @property
    def each(self) -> float:
        """Seconds of a processor for each entry."""
        return self.cpu / self.entries


class Idle(NamedTuple):
    """What an instance cost in which nothing happened."""

    subscriptions: int
    cpu: float
    """Of one processor."""
    calls: float | None
    """Of the store, a second; None: they are not counted."""
    memory: float
    """MiB."""


RATIOS = (
    ("push ÷ bare POSTs, CPU an entry", "push, of what is stored", "bare POSTs by httpx, 32 at once"),
    ("push ÷ publish, CPU an entry", "push, of what is stored", "publish, without subscriptions"),
    ("claims ÷ publish, CPU an entry", "claims, of what is stored", "publish, without subscriptions"),
    ("publish and push ÷ publish, CPU an entry", "publish and push at once", "publish, without subscriptions"),
)


def page(
    throughput: Mapping[str, Sequence[Throughput]],
    delays: Mapping[str, Sequence[Sequence[float]]],
    idle: Mapping[str, Sequence[Idle]],
    *,
    runs: int,
    entries: int,
    rate: float,
) -> str:
    """Markdown."""
    lines = ["# What subscriptions do and cost", "", _about(runs, entries)]
    if throughput:
        lines += ["", "## Entries a second", "", *_throughput(throughput)]
    if delays:
        lines += ["", "## From the append to the receipt", "", *_delays(delays, rate)]
    for store, rows in idle.items():
        lines += ["", f"## Idle, on {'SQLite' if store == 'sqlite' else 'Supabase'}", "", *_idle(rows)]
    return "\n".join(lines)


def _about(runs: int, entries: int) -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared with others, Python "
        f"{platform.python_version()}. One instance on one processor; senders, receiver and workers in one process on "
        f"the other. {entries:,} messages of 200 bytes in 200 conversations on SQLite; {_medians(runs)}, each on a "
        "store of its own. The receiver answers 200 at once. Four workers claim up to 32 conversations at a time, with "
        "all their entries."
    )


def _medians(runs: int) -> str:
    return "one run each" if runs == 1 else f"medians of {runs} interleaved runs"


def _throughput(found: Mapping[str, Sequence[Throughput]]) -> list[str]:
    lines = ["| | entries/s | least–most | server CPU µs an entry |", "| --- | ---: | ---: | ---: |"]
    for name, runs in found.items():
        rates = [run.rate for run in runs]
        each = statistics.median(run.each for run in runs) * 1e6
        lines.append(
            f"| {name} | {statistics.median(rates):,.0f} | {min(rates):,.0f}–{max(rates):,.0f} | {each:,.0f} |"
        )
    lines += ["", "| ratio | measured |", "| --- | ---: |"]
    for title, above, below in RATIOS:
        pairs = zip(found[above], found[below], strict=True)
        lines.append(f"| {title} | {statistics.median(one.each / other.each for one, other in pairs):.1f} |")
    return lines


def _delays(found: Mapping[str, Sequence[Sequence[float]]], rate: float) -> list[str]:
    lines = [
        f"{rate:g} messages a second over 200 conversations, from the sender's call to the receipt. Long polls: one",
        "reader of each conversation.",
        "",
        "| | p50 ms | p99 ms |",
        "| --- | ---: | ---: |",
    ]
    for name, runs in found.items():
        middle, last = (
            statistics.median(run[min(len(run) - 1, int(share * len(run)))] for run in runs) * 1000
            for share in (0.5, 0.99)
        )
        lines.append(f"| {name} | {middle:.1f} | {last:.1f} |")
    return lines


def _idle(rows: Sequence[Idle]) -> list[str]:
    counted = any(row.calls is not None for row in rows)
    lines = [
        "10,000 conversations in which nothing was written for two minutes, and pushed subscriptions to all of them.",
        "One run of 30 s each.",
        "",
        f"| subscriptions | CPU of one processor |{' calls of the store/s |' if counted else ''} memory MiB |",
        f"| ---: | ---: |{' ---: |' if counted else ''} ---: |",
    ]
    for row in rows:
        calls = f" {row.calls:.1f} |" if row.calls is not None else ""
        lines.append(f"| {row.subscriptions} | {row.cpu:.2%} |{calls} {row.memory:.0f} |")
    return lines


__all__ = ["Idle", "Throughput", "page"]
