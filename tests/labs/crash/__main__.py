"""`python -m tests.labs.crash`: exit code 0 when every promise held, 1 when one was broken or the run did not
finish."""

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

import httpx

from tests.labs.kit.checker import Violation, check
from tests.labs.kit.driver import leaves, run_driver
from tests.labs.kit.run import Plan, RunAborted
from tests.labs.kit.service import NotReady

from .report import show
from .run import CrashRun
from .scenario import torture
from .stores import opened


def main(arguments: list[str]) -> int:
    """Run it, print the verdict, and return the exit code."""
    options = _parser().parse_args(arguments)
    plan = Plan(**{field.name: getattr(options, field.name) for field in fields(Plan)})
    folder = Path(tempfile.mkdtemp(prefix="crash-lab-"))
    gc.set_threshold(200_000, 20, 1_000)  # all the facts stay alive: looking through them again only costs time
    unfinished: list[Violation] = []
    with opened(options.store, options.server, folder) as store:
        run = CrashRun(plan, [store.service], store=store)
        print(f"seed {plan.seed}: {plan.messages:,} messages, {plan.senders} senders, {plan.readers} readers of each "
              f"of {plan.conversations} conversations, {plan.kills} kills of {store.victim} under `{options.server}`",
              flush=True)  # fmt: skip
        try:
            run_driver(torture(run))
        except* (RunAborted, NotReady, TimeoutError, httpx.HTTPError) as group:
            unfinished = [Violation("surprise", f"the run ended early: {error!r}") for error in leaves(group)]
    # What an unfinished run never read is not missing.
    violations = [Violation("surprise", what) for what in run.facts.surprises] if unfinished else check(run.facts)
    violations = unfinished + violations
    show(run, violations, time.monotonic() - run.began)
    if violations:
        print(f"BROKEN. To try again: SEED={plan.seed}. Database and log are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    print("Every promise held.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.crash", description=__doc__)
    parser.add_argument("--messages", type=int, default=Plan.messages)
    parser.add_argument("--senders", type=int, default=Plan.senders)
    parser.add_argument("--kills", type=int, default=Plan.kills)
    parser.add_argument("--readers", type=int, default=Plan.readers, help="each follows every conversation")
    parser.add_argument("--conversations", type=int, default=Plan.conversations)
    drawn = int.from_bytes(os.urandom(3))
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("SEED") or drawn), help="default: SEED, or drawn"
    )
    parser.add_argument("--deadline", type=float, default=Plan.deadline, help="seconds, then it is given up")
    parser.add_argument(
        "--store", choices=["file", "supabase"], default="file", help="what is killed: the service with its file, or "
        "the database of a local Supabase"
    )  # fmt: skip
    parser.add_argument("--server", default="umbral-chat serve", help="command, set up by its environment only")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
