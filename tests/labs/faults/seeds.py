"""Seeds, one after the other, on one local Supabase."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.labs.kit.checker import Violation
from tests.labs.kit.driver import leaves, run_driver
from tests.labs.kit.run import RunAborted
from tests.labs.kit.service import NotReady
from tests.local_supabase.process import stack_process
from tests.local_supabase.stack.api import Stack

from .modes import MODES, TRANSITIONS
from .outcomes import tame
from .report import line, show_violations
from .run import Lab
from .scenario import experiment, prepared
from .schedule import Schedule, schedule
from .verdict import Verdict, verdict

OFTEN = 4
"""Times that a kind must be drawn, before its never biting fails a few runs."""


@dataclass
class Done:
    """The results of several seeds."""

    verdicts: list[Verdict] = field(default_factory=list)
    of_the_whole: list[Violation] = field(default_factory=list)
    """What no single seed can show: kinds of faults that hit nothing, modes that never occurred."""

    @property
    def failed(self) -> list[int]:
        """Seeds that broke a promise."""
        return [each.schedule.seed for each in self.verdicts if each.violations]

    @property
    def violations(self) -> list[Violation]:
        """All."""
        return [*(one for each in self.verdicts for one in each.violations), *self.of_the_whole]


def run_seeds(seeds: Sequence[int], folder: Path, *, bug: str | None = None, whole: bool) -> Done:
    """Run them. `whole`: every kind of fault that was drawn must have bitten, and every mode and change of it must have
    been seen. With fewer runs a kind that was drawn once or twice may have met another fault that hid it."""
    done = Done()
    plans = [schedule(seed) for seed in seeds]
    with opened(plans, folder) as stack:
        for plan in plans:
            done.verdicts.append(run_one(plan, folder / f"seed-{plan.seed}", stack, bug))
    drawn = Counter(planned.fault.kind for plan in plans for planned in plan.faults)
    if len(plans) > 1:  # a seed alone is looked at for what it broke
        kinds = [kind for kind, times in drawn.items() if whole or times >= OFTEN]
        done.of_the_whole += tame([outcome for each in done.verdicts for outcome in each.outcomes], kinds)
    if whole:
        done.of_the_whole += _unseen(done.verdicts)
    return done


def _unseen(verdicts: Sequence[Verdict]) -> Iterator[Violation]:
    for mode in MODES:
        if not any(each.modes[mode] for each in verdicts):
            yield Violation("tame", f"no instance ever was {mode}")
    for one, other in TRANSITIONS:
        if not any(each.transitions[one, other] for each in verdicts):
            yield Violation("tame", f"no instance ever went from {one} to {other}")
    direct = [each.direct for each in verdicts]
    if not any(each.heard for each in direct):
        yield Violation("tame", "no page ever received an entry on its own channel")
    if all(each.heard == each.observations for each in direct):
        yield Violation("tame", "no page ever had to read what its own channel did not deliver")


@contextlib.contextmanager
def opened(plans: Sequence[Schedule], folder: Path) -> Iterator[Stack | None]:
    """The local Supabase that these need, if one does. Raises RuntimeError when it does not start."""
    folder.mkdir(parents=True, exist_ok=True)
    if not any(plan.deployment == "supabase" for plan in plans):
        yield None
        return
    (folder / "stack.json").unlink(missing_ok=True)
    with stack_process(folder, fast=False) as stack:
        yield stack


def run_one(plan: Schedule, folder: Path, stack: Stack | None, bug: str | None) -> Verdict:
    """Run one, and say what was seen. Its logs are kept where a promise was broken."""
    stack = stack if plan.deployment == "supabase" else None
    unfinished: list[Violation] = []
    runs: list[Lab] = []
    if folder.exists():
        shutil.rmtree(folder)
    began = time.monotonic()

    async def whole() -> None:
        async with prepared(plan, folder, stack, bug) as run:
            runs.append(run)
            await experiment(run, stack, folder)

    try:
        run_driver(whole())
    except* (RunAborted, NotReady, TimeoutError, httpx.HTTPError) as group:
        unfinished = [Violation("surprise", f"the run ended early: {error!r}") for error in leaves(group)]
    (run,) = runs
    found = verdict(run, unfinished, time.monotonic() - began)
    print(line(found), flush=True)
    show_violations(found.violations)
    if not found.violations:
        shutil.rmtree(folder)
    return found


__all__ = ["Done", "opened", "run_one", "run_seeds"]
