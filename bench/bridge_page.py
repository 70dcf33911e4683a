"""The page `bench/BRIDGE.md`."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple


class Pairs(NamedTuple):
    """Seconds of the same calls, of the workflow itself and through the gateway."""

    direct: Sequence[float]
    bridged: Sequence[float]

    def at(self, share: float) -> tuple[float, float]:
        """The quantile of each."""
        return _quantile(self.direct, share), _quantile(self.bridged, share)


class Crowd(NamedTuple):
    """Many streamed answers at once."""

    first: Pairs
    whole: Pairs
    cpu: float
    """Seconds of the service's processor for each answer."""
    pieces: int
    """Of text that the least of them came in."""


BARS = {"whole": 10.0, "first-piece": 5.0}
"""Milliseconds that the gateway may add, in the median."""

TITLES = {"whole": "answer that is not streamed", "first-piece": "first piece of a streamed answer"}


def page(pairs: Mapping[str, Sequence[Pairs]], crowds: Sequence[Crowd], *, runs: int, calls: int) -> str:
    """Markdown."""
    how = (
        f"`make bench NAME=bridge`, {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} processors, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}. Medians of {runs} runs, with "
        "the least and the greatest. The workflow answers, or begins to, after 50 ms; calls of it and of the gateway "
        "take turns. The gateway has each message and each answer on disk before it goes on."
    )
    lines = ["# What the bridge adds", "", how]
    if pairs:
        lines += ["", f"One call at a time, {calls} of each in a run; milliseconds.", "", *_one_at_a_time(pairs)]
    if crowds:
        lines += ["", *_crowds(crowds)]
    return "\n".join(lines)


def _one_at_a_time(pairs: Mapping[str, Sequence[Pairs]]) -> list[str]:
    lines = [
        "| time to | workflow, p50 | gateway, p50 | added, p50 | added, p99 | bar |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, found in pairs.items():
        middle, late = [each.at(0.5) for each in found], [each.at(0.99) for each in found]
        cells = [
            TITLES[name],
            _spread(1_000 * one for one, _ in middle),
            _spread(1_000 * other for _, other in middle),
            _spread(1_000 * (other - one) for one, other in middle),
            _spread(1_000 * (other - one) for one, other in late),
            f"≤ {BARS[name]:g}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _crowds(crowds: Sequence[Crowd]) -> list[str]:
    number = len(crowds[0].first.direct)
    rows = {
        "first piece, workflow, p50 (ms)": [1_000 * one.first.at(0.5)[0] for one in crowds],
        "first piece, gateway, p50 (ms)": [1_000 * one.first.at(0.5)[1] for one in crowds],
        "first piece, gateway, p99 (ms)": [1_000 * one.first.at(0.99)[1] for one in crowds],
        "whole answer, workflow, p50 (ms)": [1_000 * one.whole.at(0.5)[0] for one in crowds],
        "whole answer, gateway, p50 (ms)": [1_000 * one.whole.at(0.5)[1] for one in crowds],
        "CPU an answer (ms)": [1_000 * one.cpu for one in crowds],
        "fewest pieces that an answer came in": [float(one.pieces) for one in crowds],
    }
    table = [f"| {name} | {_spread(values)} |" for name, values in rows.items()]
    return [
        f"{number} streamed answers at once, each of 50 pieces in 5 s, on one processor.",
        "",
        "| | |",
        "| --- | ---: |",
        *table,
    ]


def _spread(values: Iterable[float]) -> str:
    found = sorted(values)
    return f"{statistics.median(found):.1f} ({found[0]:.1f}–{found[-1]:.1f})"


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


__all__ = ["Crowd", "Pairs", "page"]
