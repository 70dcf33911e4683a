"""What a person sees of a run: the faults, the figures, and the facts of the first violations."""

from __future__ import annotations

import sys
from collections import Counter

from rich.console import Console
from rich.table import Table

from .account import joined
from .run import Run
from .verdict import KINDS, Violation

SHOWN = 10


def show(run: Run, violations: list[Violation], judged: int, seconds: float) -> None:
    """The table and the first facts."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title=f"seed {run.plan.seed}", title_justify="left", show_header=False)
    for name, value in _rows(run, violations, judged, seconds).items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    console.print(table)
    for kind, what in violations[:SHOWN]:
        console.print(f"{kind}: {what}", style="red", markup=False, highlight=False, soft_wrap=True)
    if len(violations) > SHOWN:
        console.print(f"… and {len(violations) - SHOWN} more", style="red")


def _rows(run: Run, violations: list[Violation], judged: int, seconds: float) -> dict[str, object]:
    kinds = Counter(violation.kind for violation in violations)
    blind, cut = (sum(span.ended - span.began for span in joined(spans)) for spans in (run.blind, run.cut))
    return {
        "people, conversations": f"{run.plan.people}, {run.plan.conversations}",
        "reports of devices": run.reports,
        "requests": run.requests,
        "faults": ", ".join(f"{kind} {count}" for kind, count in Counter(one.kind for one in run.struck).items()),
        "modes seen, each instance": "; ".join(_shares(modes) for modes in run.modes),
        "peaces, observers that agreed in them": f"{run.settled}, {len(run.agreed)}",
        **{f"agreed after, {mode}": _agreed(run, mode) for mode in sorted({one.mode for one in run.agreed})},
        "observations of one person judged for flicker": judged,
        "time in which all were too slow for that": f"{blind:.0f} s",
        "time in which the store was, or was cut off": f"{cut:.0f} s",
        **{kind: kinds[kind] for kind in KINDS},
        "time": f"{seconds:.1f} s",
    }


def _agreed(run: Run, mode: str) -> str:
    some = sorted(one.seconds for one in run.agreed if one.mode == mode)
    return f"median {some[len(some) // 2]:.2f} s, worst {some[-1]:.2f} s, promised {run.plan.ttl:.0f} s ({len(some)})"


def _shares(modes: Counter[str]) -> str:
    return ", ".join(f"{mode} {count / modes.total():.0%}" for mode, count in modes.most_common())


__all__ = ["show"]
