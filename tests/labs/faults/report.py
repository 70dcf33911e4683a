"""What a person sees: a line for each seed, and the tables of all of them."""

from __future__ import annotations

import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.labs.kit.checker import KINDS, Kind, Violation
from tests.labs.kit.report import figures, show_facts

from .kinds import ALL, WINDOW
from .modes import MODES, TRANSITIONS
from .outcomes import Outcome
from .verdict import Verdict

FAULT_COLUMNS = ("kind", "times", "not possible", "bit", "degraded after", "live again after", "served again after")
BROKEN: tuple[Kind, ...] = (*KINDS, "late", "tame")


class Row(NamedTuple):
    """One line of the table of faults."""

    cells: tuple[str, ...]
    tame: bool


def line(verdict: Verdict) -> str:
    """One seed, in a line."""
    plan = verdict.schedule
    what = f"{plan.deployment}, {plan.style}{', snapshots' if plan.snapshot else ''}"
    bit = sum(outcome.bit for outcome in verdict.outcomes)
    said = "ok" if not verdict.violations else f"BROKEN ({len(verdict.violations)})"
    return (
        f"seed {plan.seed:>4}  {what:<26} {len(verdict.outcomes):>3} faults, {bit:>3} bit  "
        f"{verdict.acknowledged:>4} acknowledged  {verdict.delivered:>6} delivered  "
        f"worst {verdict.worst:.2f} of {verdict.bound:.2f} s  "
        f"direct {verdict.direct.heard:>3} heard, {verdict.direct.observations - verdict.direct.heard:>3} read, "
        f"worst {verdict.direct.worst:.2f} of {verdict.direct.bound:.2f} s  {verdict.seconds:5.1f} s  {said}"
    )


def show(verdicts: Sequence[Verdict], violations: Sequence[Violation]) -> None:
    """The tables of all seeds."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table(title="faults", title_justify="left")
    for number, column in enumerate(FAULT_COLUMNS):
        table.add_column(column, justify="right" if number else "left")
    for row in fault_rows(verdicts):
        table.add_row(*row.cells, style="bold red" if row.tame else None)
    console.print(table)
    console.print(figures(title(verdicts), dict(result_rows(verdicts, violations))))


def show_violations(violations: list[Violation]) -> None:
    """The first facts of a seed."""
    show_facts(Console(width=None if sys.stdout.isatty() else 140), violations)


def title(verdicts: Sequence[Verdict]) -> str:
    """Which seeds these are."""
    seeds = sorted(verdict.schedule.seed for verdict in verdicts)
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seed{'s' if len(seeds) != 1 else ''} {', '.join(map(str, seeds))}"


def fault_rows(verdicts: Sequence[Verdict]) -> list[Row]:
    """The faults by kind."""
    outcomes = [outcome for verdict in verdicts for outcome in verdict.outcomes]
    rows = []
    for kind in (kind for kind in (*ALL, WINDOW) if any(outcome.kind == kind for outcome in outcomes)):
        some = [outcome for outcome in outcomes if outcome.kind == kind]
        bit = sum(outcome.bit for outcome in some)
        cells = (
            kind,
            f"{len(some)}",
            f"{sum(outcome.missed for outcome in some) or ''}",
            f"{bit}",
            *(_two([value for outcome in some if (value := getattr(outcome, name)) is not None]) for name in _SECONDS),
        )
        rows.append(Row(cells, not bit))
    return rows


_SECONDS = ("degraded", "live_again", "served")


def result_rows(verdicts: Sequence[Verdict], violations: Sequence[Violation]) -> list[tuple[str, object]]:
    """The figures of all seeds together."""
    found = Counter(violation.kind for violation in violations)
    modes: Counter[str] = sum((verdict.modes for verdict in verdicts), Counter())
    turns: Counter[tuple[str, str]] = sum((verdict.transitions for verdict in verdicts), Counter())
    outcomes: list[Outcome] = [outcome for verdict in verdicts for outcome in verdict.outcomes]
    worst = max(verdicts, key=lambda verdict: verdict.worst / verdict.bound)
    direct = max((verdict.direct for verdict in verdicts), key=lambda seen: seen.worst / seen.bound)
    return [
        ("runs", len(verdicts)),
        *((f"of these, {name}", count) for name, count in sorted(Counter(map(_kind, verdicts)).items())),
        ("faults", len(outcomes)),
        ("of these, seen to bite", sum(outcome.bit for outcome in outcomes)),
        *((f"times {mode}", modes[mode]) for mode in MODES),
        *((f"from {one} to {other}", turns[one, other]) for one, other in TRANSITIONS),
        ("acknowledged", sum(verdict.acknowledged for verdict in verdicts)),
        ("delivered", sum(verdict.delivered for verdict in verdicts)),
        ("of these, to pages that follow directly", sum(verdict.direct.observations for verdict in verdicts)),
        ("of these, told by their own channels", sum(verdict.direct.heard for verdict in verdicts)),
        *((kind, found[kind]) for kind in BROKEN),
        ("usual wait, worst of the runs' medians", f"{max(verdict.usual for verdict in verdicts):.3f} s"),
        ("worst staleness, outages of history and of the reader's link apart", f"{worst.worst:.2f} s"),
        ("promised then at most (reconcile_interval, one round trip, the reader's pause)", f"{worst.bound:.2f} s"),
        ("worst staleness of pages that follow directly, after their instance could show it", f"{direct.worst:.2f} s"),
        ("promised then at most (reconcile_interval, three round trips, half a second)", f"{direct.bound:.2f} s"),
        ("time of such outages, of all instances", f"{sum(verdict.excused for verdict in verdicts):.0f} s"),
        ("time in which the machine stood still", f"{sum(verdict.stood_still for verdict in verdicts):.1f} s"),
        ("time", f"{sum(verdict.seconds for verdict in verdicts):.0f} s"),
    ]


def _kind(verdict: Verdict) -> str:
    plan = verdict.schedule
    return f"{plan.deployment}, {plan.style}{', snapshots' if plan.snapshot else ''}"


def _two(values: list[float]) -> str:
    """Median and worst."""
    if not values:
        return ""
    return f"{statistics.median(values):.1f} s" + (f", {max(values):.1f} s" if len(values) > 1 else "")


__all__ = ["BROKEN", "FAULT_COLUMNS", "fault_rows", "line", "result_rows", "show", "show_violations", "title"]
