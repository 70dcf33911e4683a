"""What `bench.streams` measured, as Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

BARS = (
    ("CPU a delivery, WebSocket ÷ python-socketio", "Umbral Chat, WebSocket", "python-socketio", 0.5),
    ("CPU a delivery, SSE ÷ python-socketio", "Umbral Chat, SSE", "python-socketio", 0.5),
    ("CPU a delivery, WebSocket ÷ Socket.IO on Node", "Umbral Chat, WebSocket", "Socket.IO on Node", 1.0),
    ("CPU a delivery, SSE ÷ Socket.IO on Node", "Umbral Chat, SSE", "Socket.IO on Node", 1.0),
)
"""Ratios of server CPU; at most the bar."""

HELD = (
    ("highest rate, SSE ÷ Litestar's SSE", "Umbral Chat, SSE", "Litestar channels, SSE", 1.5),
    ("highest rate, WebSocket ÷ Litestar's WebSocket", "Umbral Chat, WebSocket", "Litestar channels, WebSocket", 1.5),
)
"""Ratios of the highest rates that are held; at least the bar."""

MEMORY = (("Umbral Chat, SSE", 12.0), ("Umbral Chat, WebSocket", 20.0))
"""KiB of an idle connection; at most the bar."""

OURS = ("Umbral Chat, SSE", "Umbral Chat, WebSocket")
PYTHON_PEERS = ("Litestar channels, SSE", "Litestar channels, WebSocket", "python-socketio")

Figures = dict[str, float]


@dataclass(frozen=True)
class Measured:
    """The figures of one run, by row."""

    conditions: str
    """How it was measured, in the words of the page."""
    loaded: dict[str, list[Figures]]
    """Under the load, run by run."""
    alone: dict[str, float]
    """Milliseconds of the median with one message a second."""
    highest: dict[str, Figures]
    """At the highest rate that is held."""
    idle: dict[str, float]
    """KiB of a connection."""
    draft: str | None
    """What a draft costs, as a sentence."""


def report(measured: Measured) -> list[str]:
    """The tables as Markdown."""
    medians = {
        name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in measured.loaded.items()
    }
    head = ("p50 ms", "p99 ms", "server CPU µs a delivery", "p50 ms at 1 message/s", "deliveries/s held", "idle KiB")
    lines = [
        "## Streams",
        "",
        f"{_machine()} {measured.conditions}",
        "",
        f"| | {' | '.join(head)} |",
        "| --- |" + " ---: |" * len(head),
    ]
    for name, one in medians.items():
        held = measured.highest[name]["per_second"]
        lines.append(
            f"| {name} | {one['p50_ms']:.1f} | {one['p99_ms']:.1f} | {one['cpu_us']:.1f} | "
            f"{measured.alone[name]:.1f} | {held:,.0f} | {measured.idle[name]:.1f} |"
        )
    lines += ["", "| | bar | measured |", "| --- | ---: | ---: |", *_ratios(measured), *_late(medians)]
    lines += [
        _row(f"KiB of an idle connection, {name}", "≤", most, measured.idle[name], 1)
        for name, most in MEMORY
        if name in measured.idle
    ]
    return [*lines, "", measured.draft] if measured.draft else lines


def _machine() -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors shared with others, "
        f"Python {platform.python_version()}."
    )


def _ratios(measured: Measured) -> Iterator[str]:
    for title, above, below, bar in BARS:
        if above in measured.loaded and below in measured.loaded:
            pairs = zip(measured.loaded[above], measured.loaded[below], strict=True)
            yield _row(title, "≤", bar, statistics.median(one["cpu_us"] / other["cpu_us"] for one, other in pairs))
    for title, above, below, bar in HELD:
        if above in measured.highest and measured.highest.get(below, {}).get("per_second"):
            held = measured.highest[above]["per_second"] / measured.highest[below]["per_second"]
            yield _row(title, "≥", bar, held)


def _late(medians: dict[str, Figures]) -> Iterator[str]:
    peers = [medians[name]["p99_ms"] for name in PYTHON_PEERS if name in medians]
    for name in OURS:
        if name in medians and peers:
            title = f"p99 ms, {name}; the bar is the best Python peer's"
            yield _row(title, "≤", round(min(peers), 1), medians[name]["p99_ms"], 1)


def _row(title: str, sign: str, bar: float, found: float, digits: int = 2) -> str:
    met = found <= bar if sign == "≤" else found >= bar
    return f"| {title} | {sign} {bar:g} | {found:.{digits}f}{'' if met else ' (missed)'} |"


__all__ = ["Figures", "Measured", "report"]
