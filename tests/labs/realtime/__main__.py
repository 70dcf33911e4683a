"""`python -m tests.labs.realtime`: exit code 0 when every promise held, 1 when one was broken or the run could not
finish. Two instances on a local Supabase whose Realtime is broken in every way that is known, while 8 senders write."""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx

from tests.labs.kit.checker import Violation, check
from tests.labs.kit.driver import leaves, run_driver
from tests.labs.kit.http1 import NoAnswer
from tests.labs.kit.lateness import late, waits
from tests.labs.kit.realtime_faults import KINDS
from tests.labs.kit.run import RunAborted
from tests.labs.kit.service import NotReady
from tests.local_supabase.process import stack_process
from tests.local_supabase.stack.api import Stack

from .plan import Soak
from .report import show
from .run import SoakRun
from .scenario import prepared, soak
from .verdict import one_sided, tame

RECONCILE_INTERVAL = 5.0
"""Seconds: the default of `realtime.reconcile_interval`, with which the services run."""


def main(arguments: list[str]) -> int:
    """Run it, print the verdict, and return the exit code."""
    options = _parser().parse_args(arguments)
    plan = Soak(**{field.name: getattr(options, field.name) for field in fields(Soak) if hasattr(options, field.name)})
    folder = options.logs or Path(tempfile.mkdtemp(prefix="realtime-lab-"))
    gc.set_threshold(200_000, 20, 1_000)  # all the facts stay alive: looking through them again only costs time
    with stack_process(folder, fast=False) as stack:
        print(f"seed {plan.seed}: {plan.messages:,} messages, {plan.senders} senders, {plan.instances} instances, "
              f"{plan.readers} readers of each of {plan.conversations} conversations, {len(plan.faults)} kinds of "
              "faults", flush=True)  # fmt: skip
        violations = _run(plan, options.server, folder, stack)
    if violations:
        again = f"make lab NAME=realtime SEED={plan.seed}"
        if changed := [f"--{name} {','.join(value) if name == 'faults' else value}" for name, value in _changed(plan)]:
            again += f' ARGS="{" ".join(changed)}"'
        print(f"BROKEN. To try again: {again}\nThe logs are kept in {folder}")
        return 1
    if options.logs is None:
        shutil.rmtree(folder)
    print("Every promise held.")
    return 0


def _run(plan: Soak, command: str, folder: Path, stack: Stack) -> list[Violation]:
    unfinished: list[Violation] = []
    runs: list[SoakRun] = []

    async def whole() -> None:
        async with prepared(plan, command, folder, stack) as run:
            runs.append(run)
            await soak(run)

    try:
        run_driver(whole())
    except* (RunAborted, NotReady, NoAnswer, TimeoutError, httpx.HTTPError) as group:
        unfinished = [Violation("surprise", f"the run ended early: {error!r}") for error in leaves(group)]
    (run,) = runs
    found = list(waits(run.facts.readings, run.acknowledged_at, run.facts.through, run.standstills))
    # The promise is the interval and one round trip; on a loaded machine that is the run's own slowest.
    bound = RECONCILE_INTERVAL + max(run.round_trips, default=0.0)
    violations = [*late(found, bound)]
    if unfinished:  # what an unfinished run never read is not missing
        violations += [Violation("surprise", what) for what in run.facts.surprises]
    else:
        violations += [*check(run.facts), *tame(run.strikes, found, plan.faults), *one_sided(found)]
    violations = unfinished + violations
    show(run, found, bound, violations, time.monotonic() - run.began)
    return violations


def _changed(plan: Soak) -> list[tuple[str, Any]]:
    """What was asked for other than usual, but for the seed."""
    names = [field.name for field in fields(Soak) if field.name != "seed"]
    return [(name, getattr(plan, name)) for name in names if getattr(plan, name) != getattr(Soak, name)]


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if unknown := set(kinds) - set(KINDS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return kinds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.realtime", description=__doc__)
    parser.add_argument("--messages", type=int, default=Soak.messages)
    parser.add_argument("--senders", type=int, default=Soak.senders)
    parser.add_argument("--readers", type=int, default=Soak.readers, help="each follows every conversation; they take "
                        "turns at the instances")  # fmt: skip
    parser.add_argument("--conversations", type=int, default=Soak.conversations)
    parser.add_argument("--instances", type=int, default=Soak.instances)
    parser.add_argument("--brisk", type=float, default=Soak.brisk, help="share of the usual time that faults and the "
                        "quiet between them last")  # fmt: skip
    parser.add_argument("--faults", type=_kinds, default=Soak.faults, help=f"of {','.join(KINDS)}")
    drawn = int.from_bytes(os.urandom(3))
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("SEED") or drawn), help="default: SEED, or drawn"
    )
    parser.add_argument("--deadline", type=float, default=Soak.deadline, help="seconds, then it is given up")
    parser.add_argument(
        "--logs", type=Path, help="folder for the logs; without it they are kept when a promise is broken"
    )
    parser.add_argument("--server", default="umbral-chat serve", help="command, set up by its environment only")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
