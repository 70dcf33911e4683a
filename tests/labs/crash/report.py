"""What a person sees of a run: its kills, its figures, and the facts of the first violations."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from tests.labs.kit.checker import Violation
from tests.labs.kit.report import broken_promises, figures, sent_and_read, show_facts
from tests.labs.kit.run import Run


def show(run: Run, violations: list[Violation], seconds: float) -> None:
    """The tables and the verdict."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(_kills(run))
    rows = {
        **sent_and_read(run),
        "kills": len(run.kills),
        "kills that cost an answer": sum(kill.lost > 0 for kill in run.kills),
        "in flight at kills": sum(kill.in_flight for kill in run.kills),
        "answers lost by kills": sum(kill.lost for kill in run.kills),
        **broken_promises(violations),
        "worst recovery": f"{max((kill.recovery for kill in run.kills), default=0.0):.2f} s",
        "worst wait of a reader": f"{run.worst_lag:.2f} s",
        "time": f"{seconds:.1f} s",
    }
    console.print(figures(f"seed {run.plan.seed}", rows))
    show_facts(console, violations)


def _kills(run: Run) -> Table:
    table = Table(title="kill -9", title_justify="left")
    columns = "at message", "in flight", "answers lost", "stored all the same", "not stored", "recovery"
    for column in columns:
        table.add_column(column, justify="right")
    for kill in run.kills:
        figures = kill.after, kill.in_flight, kill.lost, kill.stored, kill.unstored
        table.add_row(*(f"{figure:,}" for figure in figures), f"{kill.recovery:.2f} s")
    return table


__all__ = ["show"]
