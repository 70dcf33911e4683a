"""`python -m tests.labs.subscriptions`: push and pull while receivers, workers and instances fail.

Exit code 0 when every promise held, 1 when one was broken or the run did not finish."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx

from tests.labs.kit.driver import leaves, run_driver
from tests.labs.kit.service import NotReady, Service
from tests.local_supabase.process import stack_process

from .judge import judge
from .plan import TIMEOUT, TRIES, Plan, draw
from .report import show
from .run import KEY, Run
from .scenario import subscribe_under_faults
from .verdict import Violation

INSTANCES = 2


LEASES = {"sqlite": Plan.lease, "supabase": 15.0}
"""Seconds of a claim by store: a local Supabase, its PostgreSQL and the instances share few processors."""


def main(arguments: list[str]) -> int:
    """Run it on each store, print the verdicts, and return the exit code."""
    options = _parser().parse_args(arguments)
    plan = Plan(
        seed=options.seed,
        entries=options.entries,
        conversations=options.conversations,
        seconds=options.seconds,
        kills=options.kills,
        forever=options.forever,
        deadline=options.deadline,
    )
    broken = [store for store in options.store if not _held(store, plan, options.server)]
    print(f"BROKEN on {', '.join(broken)}. To try again: SEED={plan.seed}" if broken else "Every promise held.")
    return 1 if broken else 0


def _held(store: str, plan: Plan, command: str) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="subscriptions-lab-"))
    plan = replace(plan, lease=LEASES[store])
    unfinished: list[Violation] = []
    with _settings(store, folder) as settings:
        services = [Service(command, folder, **settings) for _ in range(INSTANCES)]
        for number, service in enumerate(services):
            service.log = folder / f"service-{number}.log"
        run = Run(plan, draw(plan), services)
        title = (
            f"{store}, seed {plan.seed}: {plan.entries:,} messages in {plan.conversations} conversations, "
            f"{plan.kills} × kill -9"
        )
        print(title, flush=True)
        try:
            run_driver(subscribe_under_faults(run))
        except* (RuntimeError, ValueError, NotReady, TimeoutError, OSError, httpx.HTTPError) as group:
            unfinished = [Violation("surprise", f"the run ended early: {error!r}") for error in leaves(group)]
    violations = unfinished + judge(run, whole=not unfinished)
    show(run, title, violations, time.monotonic() - run.began)
    if violations:
        print(f"The logs are kept in {folder}")
    else:
        shutil.rmtree(folder)
    return not violations


@contextlib.contextmanager
def _settings(store: str, folder: Path) -> Iterator[dict[str, str]]:
    common = {
        "CORE__KEYS": json.dumps([{"name": "lab", "key": KEY}]),
        "CORE__CONSUMERS__TRIES": str(TRIES),
        "CORE__OUTBOUND__ALLOW": '["127.0.0.0/8"]',
        "CORE__OUTBOUND__TIMEOUT": str(TIMEOUT),
    }
    if store == "sqlite":
        yield common
        return
    with stack_process(folder, fast=True) as stack:
        yield common | {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.subscriptions", description=__doc__)
    parser.add_argument("--entries", type=int, default=Plan.entries)
    parser.add_argument("--conversations", type=int, default=Plan.conversations)
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="in which they are sent and all is broken")
    parser.add_argument("--kills", type=int, default=Plan.kills)
    parser.add_argument("--forever", type=int, default=Plan.forever, help="undeliverable entries, of push and of pull")
    parser.add_argument(
        "--deadline",
        type=float,
        default=Plan.deadline,
        help="seconds from the last message that is sent until all is delivered",
    )
    parser.add_argument("--store", nargs="+", choices=["sqlite", "supabase"], default=["sqlite", "supabase"])
    drawn = int.from_bytes(os.urandom(3))
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("SEED") or drawn), help="default: SEED, or drawn"
    )
    parser.add_argument("--server", default="umbral-chat serve", help="command, set up by its environment only")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
