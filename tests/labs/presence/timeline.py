"""What happened to those of whom something was broken, in order: for a reader who looks for the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .run import Run
from .verdict import Violation


def write(run: Run, violations: Iterable[Violation], file: Path) -> None:
    """The faults, and each such person's events and what observers saw of it when that changed."""
    names = {name for violation in violations for name in re.findall(r"\bp\d+\b", violation.what)}
    lines = [(one.began, f"fault {one.kind} {one.detail} until {one.ended:.2f}") for one in run.struck]
    lines += [(span.began, f"too slow until {span.ended:.2f}") for span in run.blind]
    lines += [(span.began, f"store out of reach until {span.ended:.2f}") for span in run.cut]
    lines += [(at, f"instance {number} is {mode}") for number, seen in enumerate(run.changes) for at, mode in seen]
    for actor in run.actors:
        if actor.person.id in names:
            lines += [(event.began, f"{actor.person.id}: {event}") for event in actor.account.events]
            lines += [(typed.began, f"{actor.person.id}: {typed}") for typed in actor.account.typed]
    for log in run.logs:
        known: set[str] = set()
        for view in log.seen:
            there = view.people.keys() & names
            for name in there ^ known:
                lines.append((view.at, f"{name}: {log.observer} {'sees it' if name in there else 'does not see it'}"))
            known = there
        lines += [(gone.at, f"{gone.name}: the channel says that it left") for gone in log.gone if gone.name in names]
    file.write_text("".join(f"{at:.2f} {what}\n" for at, what in sorted(lines)), encoding="utf-8")


__all__ = ["write"]
