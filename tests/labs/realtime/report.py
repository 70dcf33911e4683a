"""What a person sees of a soak: the faults by kind, the figures, and the facts of the first violations."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from tests.labs.kit.checker import KINDS, Violation
from tests.labs.kit.lateness import Wait, quantile
from tests.labs.kit.realtime_faults import KINDS as FAULTS
from tests.labs.kit.report import broken_promises, figures, sent_and_read, show_facts

from .run import SoakRun, Strike
from .verdict import worst_during


def show(run: SoakRun, found: Sequence[Wait], bound: float, violations: list[Violation], seconds: float) -> None:
    """The tables and the first facts."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(_faults(run.strikes, found))
    live = run.watch.live_share(run.began, run.ended)
    rows = {
        **sent_and_read(run),
        "faults": len(run.strikes),
        "realtime switched off and on": run.switched,
        "time live, each instance": ", ".join(f"{share:.0%}" for share in live),
        "entries that crossed between the instances": sum(wait.crossed for wait in found),
        **{f"of these, {mode or 'in no known mode'}": count for mode, count in _modes(found)},
        **broken_promises(violations, (*KINDS, "late", "tame")),
        "append, median, 99 % and slowest": _three(run.round_trips),
        **{f"wait, {name}, median, 99 % and worst": _three(some) for name, some in _kinds_of_waits(found)},
        "promised at most": f"{bound:.2f} s",
        "time in which the machine stood still": f"{sum(one.ended - one.began for one in run.standstills):.1f} s",
        "time": f"{seconds:.1f} s",
    }
    console.print(figures(f"seed {run.plan.seed}", rows))
    show_facts(console, violations)


def _kinds_of_waits(found: Sequence[Wait]) -> list[tuple[str, list[float]]]:
    return [
        ("crossed while live", [wait.seconds for wait in found if wait.crossed and wait.mode == "live"]),
        ("crossed while polling", [wait.seconds for wait in found if wait.crossed and wait.mode == "polling"]),
        ("on the instance that took it", [wait.seconds for wait in found if wait.sent_to == "itself"]),
        ("sent to both at once", [wait.seconds for wait in found if wait.sent_to == "both"]),
    ]


def _modes(found: Sequence[Wait]) -> list[tuple[str, int]]:
    modes = [wait.mode for wait in found if wait.crossed]
    return [(mode, modes.count(mode)) for mode in sorted({"live", "polling", *modes})]


def _three(values: Iterable[float]) -> str:
    ordered = sorted(values)
    return "  ".join(f"{quantile(ordered, share):.3f} s" for share in (0.5, 0.99, 1.0)) if ordered else "—"


def _faults(strikes: Sequence[Strike], found: Sequence[Wait]) -> Table:
    table = Table(title="faults", title_justify="left")
    table.add_column("kind")
    table.add_column("of")
    for column in ("times", "hits", "noticed by", "after", "live again after", "longest wait"):
        table.add_column(column, justify="right")
    for kind in FAULTS:
        some = [strike for strike in strikes if strike.kind == kind]
        noticed = [strike.noticed for strike in some if strike.noticed is not None]
        recovered = [strike.recovered for strike in some if strike.recovered is not None and strike.noticed is not None]
        table.add_row(
            kind,
            ", ".join(sorted({strike.detail for strike in some if strike.detail})),
            f"{len(some)}",
            f"{sum(strike.hits for strike in some):,}",
            f"{sum(strike.noticed_by for strike in some)}",
            _two(noticed),
            _two(recovered),
            f"{max((worst_during(strike, found) for strike in some), default=0.0):.2f} s",
        )
    return table


def _two(values: list[float]) -> str:
    """Median and worst."""
    if not values:
        return "—"
    return f"{statistics.median(values):.1f} s" + (f", {max(values):.1f} s" if len(values) > 1 else "")


__all__ = ["show"]
