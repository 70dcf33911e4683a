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


def show_facts(console: Console, violations: list[Violation]) -> None:
    """The first violations."""
    for kind, what in violations[:SHOWN]:
        console.print(f"{kind}: {what}", style="red", markup=False, highlight=False, soft_wrap=True)
    if len(violations) > SHOWN:
        console.print(f"… and {len(violations) - SHOWN} more", style="red")


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


__all__ = ["broken_promises", "figures", "sent_and_read", "show_facts", "show_progress"]
