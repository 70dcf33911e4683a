"""What a person sees: a progress line while it runs, the tables, and the facts of the first violations."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from rich.console import Console
from rich.table import Table

from .checker import KINDS, Kind, Violation
from .run import Run

SHOWN = 10  # violations that are printed; the rest is counted


async def show_progress(run: Run) -> None:
    """One line: rewritten twice a second on a terminal, a new one every 5 s in a log."""
    live = sys.stdout.isatty()
    last, before = time.monotonic(), 0
    while True:
        await asyncio.sleep(0.5 if live else 5.0)
        now, done = time.monotonic(), len(run.acknowledged_at)
        rate = (done - before) / (now - last)
        last, before = now, done
        line = f"{now - run.began:6.1f} s  {done:,} of {run.plan.messages:,} acknowledged  {rate:,.0f}/s"
        line += f"  {run.repeats:,} repeats  {run.broken}  {run.polls:,} polls"
        print(f"\r{line}" if live else line, end="" if live else "\n", flush=True)


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


def show_facts(console: Console, violations: list[Violation]) -> None:
    """The first violations."""
    for kind, what in violations[:SHOWN]:
        console.print(f"{kind}: {what}", style="red", markup=False, highlight=False, soft_wrap=True)
    if len(violations) > SHOWN:
        console.print(f"… and {len(violations) - SHOWN} more", style="red")


def _kills(run: Run) -> Table:
    table = Table(title="kill -9", title_justify="left")
    columns = "at message", "in flight", "answers lost", "stored all the same", "not stored", "recovery"
    for column in columns:
        table.add_column(column, justify="right")
    for kill in run.kills:
        figures = kill.after, kill.in_flight, kill.lost, kill.stored, kill.unstored
        table.add_row(*(f"{figure:,}" for figure in figures), f"{kill.recovery:.2f} s")
    return table


def sent_and_read(run: Run) -> dict[str, object]:
    """Rows on what senders and readers did."""
    return {
        "messages": len(run.facts.sent),
        "acknowledged": len(run.acknowledged_at),
        "given up after a lost answer": run.given_up,
        "of these, stored all the same": _stored_unanswered(run),
        "repeated sends": run.repeats,
        "hung up by the sender": run.hung_up,
        "answered 503, sent again": run.refused,
        "long polls": run.polls,
        "entries seen by readers": sum(len(reading.items) for reading in run.facts.readings),
    }


def broken_promises(violations: list[Violation], kinds: Sequence[Kind] = KINDS) -> dict[str, object]:
    """A row for each kind, which should be zero."""
    found = Counter(violation.kind for violation in violations)
    return {kind: found[kind] for kind in kinds}


def figures(title: str, rows: dict[str, object]) -> Table:
    """Rows as a table, with what is broken in red."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows.items():
        bad = name in get_args(Kind) and value
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value), style="bold red" if bad else None)
    return table


def _stored_unanswered(run: Run) -> int:
    return len({item.key for log in run.facts.logs.values() for item in log} - run.acknowledged_at.keys())


__all__ = ["broken_promises", "figures", "sent_and_read", "show", "show_facts", "show_progress"]
