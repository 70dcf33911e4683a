"""What a person sees of a run: its figures, the dead letters, what is unknown, and the first violations."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection

from rich.console import Console
from rich.table import Table

from .plan import CHATS
from .run import Run
from .verdict import KINDS, Place, Violation, fates, undeliverable, unknown

SHOWN = 10
"""Violations that are printed; the rest is counted."""


def show(run: Run, title: str, violations: list[Violation], seconds: float) -> None:
    """The table, the sets, and the first facts."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title=title, title_justify="left", show_header=False)
    found = Counter(violation.kind for violation in violations)
    for name, value in (_rows(run) | {kind: found[kind] for kind in KINDS} | {"time": f"{seconds:.0f} s"}).items():
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        table.add_row(name, shown, style="bold red" if name in KINDS and value else None)
    console.print(table)
    known, forever = fates(run.observed), run.drawn.forever
    expected = undeliverable(known, forever)
    at_most, are = unknown(known, forever)
    blind = {one.place for one in known if not one.stored.chat.asks and one.stored.key not in forever}
    for chat in CHATS:
        dead = set(run.observed.dead.get(chat.name, []))
        _print(console, f"{chat.name}: undeliverable by plan         ", expected[chat.name])
        _print(console, f"{chat.name}: of them dead letters          ", dead & expected[chat.name])
    _print(console, "with a key, unknown at most (cut before n8n's record)", at_most)
    _print(console, "with a key, dead letters as unknown                  ", are)
    cut = {one.place for one in known if one.place in blind and one.may_be_unknown}
    _print(console, "without a key, unknown at most (the answer was cut)  ", cut)
    _print(
        console,
        "without a key, dead letters as unknown               ",
        {one.place for one in known if one.place in blind and one.dead},
    )
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
    known = fates(observed)
    statuses = Counter(one.status for one in observed.executions)
    calls = Counter(one.how or "cut off" for one in observed.calls)
    faults = Counter(one.fault for one in observed.calls if one.fault)
    return {
        "messages, conversations": f"{len(observed.stored):,}, {run.plan.conversations}",
        "kills of an instance, outages of n8n": f"{run.killed}, {run.outages}",
        "all sent, all settled after": f"{run.sent_after:.0f} s, {run.settled_after:.0f} s",
        "calls of n8n, by how they were answered": ", ".join(f"{how} {count}" for how, count in calls.items()),
        "requests of n8n's API": run.n8n.questions() or "not counted",
        "faults that calls met": ", ".join(f"{fault} {count}" for fault, count in faults.items()),
        "executions": ", ".join(f"{status} {count}" for status, count in statuses.items()),
        "messages answered whole": sum(bool(one.answers) for one in known),
        "of these, after an answer that was cut": sum(bool(one.answers) and one.cut for one in known),
        "runs that ended as failed": ", ".join(
            f"{reason} {count}" for reason, count in Counter(end.reason for one in known for end in one.ends).items()
        ),
    }


__all__ = ["show"]
