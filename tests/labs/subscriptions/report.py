"""What a person sees of a run: its figures, the dead letters, and the facts of the first violations."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection

from rich.console import Console
from rich.table import Table

from .run import BROKEN, PULL, STEADY, Run
from .verdict import KINDS, Place, Violation

SHOWN = 10
"""Violations that are printed; the rest is counted."""


def show(run: Run, title: str, violations: list[Violation], seconds: float) -> None:
    """The table, both sets of dead letters, and the first facts."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title=title, title_justify="left", show_header=False)
    found = Counter(violation.kind for violation in violations)
    for name, value in (_rows(run) | {kind: found[kind] for kind in KINDS} | {"time": f"{seconds:.0f} s"}).items():
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        table.add_row(name, shown, style="bold red" if name in KINDS and value else None)
    console.print(table)
    for name in (STEADY, BROKEN, PULL):
        _print(console, f"{name}: dead letters expected", run.undeliverable[name])
        _print(console, f"{name}: dead letters found   ", run.observed.dead.get(name, []))
    for violation in violations[:SHOWN]:
        text = f"{violation.kind}: {violation.what}"
        console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    if len(violations) > SHOWN:
        console.print(f"… and {len(violations) - SHOWN} more", style="red")


def _print(console: Console, title: str, places: Collection[Place]) -> None:
    names = ", ".join(f"{conversation}/{seq}" for conversation, seq in sorted(places)) or "none"
    console.print(f"{title} ({len(places)}): {names}", markup=False, highlight=False, soft_wrap=True)


def _rows(run: Run) -> dict[str, object]:
    observed = run.observed
    rows: dict[str, object] = {
        "messages, conversations": f"{len(observed.stored):,}, {run.plan.conversations}",
        "kills": run.killed,
        "all sent, all delivered after": f"{run.sent_after:.0f} s, {run.settled_after:.0f} s",
    }
    for name in (STEADY, BROKEN):
        taken = [one.event.id for one in observed.deliveries if one.subscription == name and one.answered is not None]
        posts = sum(one.subscription == name for one in observed.deliveries)
        rows[f"{name}: requests, taken, of them repeats"] = (
            f"{posts:,}, {len(taken):,}, {len(taken) - len(set(taken)):,}"
        )
    rows["faults that requests met"] = ", ".join(f"{kind} {count}" for kind, count in run.receiver.hits.items())
    given = [event.id for claim in observed.claims for event in claim.events]
    rows["pull: claims, entries, of them repeats"] = (
        f"{len(observed.claims):,}, {len(given):,}, {len(given) - len(set(given)):,}"
    )
    rows["ways in which claims were finished"] = ", ".join(f"{way} {count}" for way, count in run.pull.hits.items())
    rows["refused as expired"] = sum(claim.status == 409 for claim in observed.claims)
    return rows


__all__ = ["show"]
