"""`python -m tests.labs.presence`: exit code 0 when all observers came to agree with the truth, and nobody flickered.

Two instances on a local Supabase whose Realtime is broken, while people join, type, reload, crash and leave."""

from __future__ import annotations

import argparse
import gc
import os
import shlex
import shutil
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

import httpx

from tests.labs.kit.driver import leaves, run_driver
from tests.labs.kit.service import NotReady
from tests.local_supabase.process import ROOT, stack_process
from tests.local_supabase.stack.api import Stack

from .account import joined
from .plan import FAULTS, Plan
from .report import show
from .run import Run, RunAborted
from .scenario import experiment, prepared
from .timeline import write
from .verdict import Excuses, Violation, flickers

SPREAD = 9.0
"""Seconds in which one instance must know what was reported to the other, whatever is broken but the store. While
signals are expected a roster waits for up to 2 s to be stored, its heartbeat for 1 s more, and the other instance looks
every 1.3 s; the rest is for a machine on which each of the four calls takes its time. Less than the hold-back."""

LEEWAY = 0.75
"""Seconds by which what an observer was shown may be older than its arrival."""


def main(arguments: list[str]) -> int:
    """Run it, print the verdict, and return the exit code."""
    options = _parser().parse_args(arguments)
    plan = Plan(**{field.name: getattr(options, field.name) for field in fields(Plan) if hasattr(options, field.name)})
    folder = options.logs or Path(tempfile.mkdtemp(prefix="presence-lab-"))
    folder.mkdir(parents=True, exist_ok=True)
    gc.set_threshold(200_000, 20, 1_000)  # all that was seen stays alive: looking through it again only costs time
    with stack_process(folder, fast=True) as stack:
        print(
            f"seed {plan.seed}: {plan.people} people in {plan.conversations} conversations, {plan.rounds} rounds",
            flush=True,
        )
        violations = run_one(plan, options.bug, folder, stack)
    if violations:
        print(
            f"BROKEN. To try again: make lab NAME=presence SEED={plan.seed}{_changed(plan)}\n"
            f"The logs are kept in {folder}"
        )
        return 1
    if options.logs is None:
        shutil.rmtree(folder)
    print("Every observer came to agree, and nobody flickered.")
    return 0


def run_one(plan: Plan, bug: str | None, folder: Path, stack: Stack) -> list[Violation]:
    """One run, shown; what was broken."""
    server = "umbral-chat serve"
    if bug is not None:
        server = shlex.join(
            ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.labs.presence.serve", "--bug", bug]
        )
    unfinished: list[Violation] = []
    runs: list[Run] = []
    began = time.monotonic()

    async def whole() -> None:
        async with prepared(plan, server, folder, stack) as run:
            runs.append(run)
            await experiment(run, folder, stack)

    try:
        run_driver(whole())
    except* (RunAborted, NotReady, TimeoutError, httpx.HTTPError) as group:
        unfinished = [Violation("surprise", f"the run ended early: {error!r}") for error in leaves(group)]
    (run,) = runs
    violations, judged = [*unfinished, *run.violations], 0
    excuses = Excuses(joined(run.blind), joined(run.cut))
    for log in run.logs:
        there = [actor.account for actor in run.actors if actor.person.conversation == log.conversation]
        found, some = flickers(log, there, excuses, spread=SPREAD, leeway=LEEWAY)
        violations += found
        judged += some
    if not unfinished:
        violations += _tame(run, judged)
    show(run, violations, judged, time.monotonic() - began)
    if violations:
        write(run, violations, folder / "timeline.txt")
    return violations


def _tame(run: Run, judged: int) -> list[Violation]:
    """Whether the run was what it says: else what it shows is less."""
    wanted = ("live", "off") if run.plan.rounds > 1 else ("live",)
    found = [f"instance {number} was never {mode}" for number, modes in enumerate(run.modes)
             for mode in wanted if not modes[mode]]  # fmt: skip
    if not judged:
        found.append("no person was judged for flicker")
    return [Violation("tame", what) for what in found]


def _changed(plan: Plan) -> str:
    names = [field.name for field in fields(Plan) if field.name != "seed"]
    changed = {name: getattr(plan, name) for name in names if getattr(plan, name) != getattr(Plan, name)}
    words = [f"--{name} {','.join(value) if isinstance(value, tuple) else value}" for name, value in changed.items()]
    return f' ARGS="{" ".join(words)}"' if words else ""


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if unknown := set(kinds) - set(FAULTS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return kinds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.presence", description=__doc__)
    parser.add_argument("--people", type=int, default=Plan.people)
    parser.add_argument("--conversations", type=int, default=Plan.conversations)
    parser.add_argument("--instances", type=int, default=Plan.instances)
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--chaos", type=float, default=Plan.chaos, help="seconds of each round before its peace")
    parser.add_argument("--faults", type=int, default=Plan.faults, help="a round")
    parser.add_argument("--kinds", type=_kinds, default=Plan.kinds, help=f"of {','.join(FAULTS)}")
    drawn = int.from_bytes(os.urandom(3))
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("SEED") or drawn), help="default: SEED, or drawn"
    )
    parser.add_argument("--bug", help="a deliberate one, of tests/labs/presence/bugs.py")
    parser.add_argument("--logs", type=Path, help="folder for the logs; without it they are kept when it is broken")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
