"""`python -m tests.labs.bridge`: two instances before an n8n that fails in every way, and are killed themselves.

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
from typing import Any

from tests.labs.kit.driver import leaves, run_driver
from tests.labs.kit.service import NotReady, Service
from tests.local_supabase.process import stack_process
from tests.ports import free_port

from .plan import CHATS, REAL_TRIES, Plan, draw
from .real_n8n import RealN8nProcess
from .report import show
from .run import KEY, AnyN8n, N8nProcess, Run
from .scenario import relay_under_faults
from .verdict import Violation, judge

INSTANCES = 2

REAL: dict[str, Any] = {"seconds": 600.0, "deadline": 1_800.0, "round": 300.0, "unhit": 30.0, "tries": REAL_TRIES}
"""Of a plan with a real n8n: it executes a few workflows a second, and is away for half a minute when it is stopped."""


def main(arguments: list[str]) -> int:
    """Run it on each store, print the verdicts, and return the exit code."""
    options = _parser().parse_args(arguments)
    plan = Plan(
        seed=options.seed,
        messages=options.messages,
        conversations=options.conversations,
        kills=options.kills,
        forever=options.forever,
        slow=options.slow,
        ask_for=options.ask_for,
    )
    if options.n8n:
        plan = replace(plan, **REAL)
    given = {name: value for name in ("seconds", "deadline") if (value := getattr(options, name)) is not None}
    plan = replace(plan, **given)
    broken = [store for store in options.store if not _held(store, plan, options.server, real=options.n8n)]
    print(f"BROKEN on {', '.join(broken)}. To try again: SEED={plan.seed}" if broken else "Every promise held.")
    return 1 if broken else 0


def _held(store: str, plan: Plan, command: str, *, real: bool) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="bridge-lab-"))
    unfinished: list[Violation] = []
    n8n: AnyN8n = RealN8nProcess(folder / "n8n") if real else N8nProcess(folder / "n8n", free_port())
    with _settings(store, folder, _chats(plan, n8n)) as settings:
        services = [Service(command, folder, **settings) for _ in range(INSTANCES)]
        for number, service in enumerate(services):
            service.log = folder / f"service-{number}.log"
        run = Run(plan, draw(plan), services, n8n)
        title = (
            f"{store}, {'a real' if real else 'a scripted'} n8n, seed {plan.seed}: {plan.messages:,} messages in "
            f"{plan.conversations} conversations, {plan.kills} × kill -9"
        )
        print(title, flush=True)
        try:
            run_driver(relay_under_faults(run))
        except* (RuntimeError, ValueError, KeyError, NotReady, TimeoutError, OSError) as group:
            unfinished = [Violation("surprise", f"the run ended early: {error!r}") for error in leaves(group)]
    violations = unfinished + judge(run.observed, run.drawn, whole=not unfinished)
    show(run, title, violations, time.monotonic() - run.began)
    if violations:
        print(f"The logs are kept in {folder}")
    else:
        shutil.rmtree(folder)
    return not violations


def _chats(plan: Plan, n8n: AnyN8n) -> str:
    """The bridge's settings."""
    url = f"http://127.0.0.1:{n8n.port}"
    chats: dict[str, dict[str, Any]] = {}
    for chat in CHATS:
        chats[chat.name] = {
            "webhook_url": f"{url}/webhook/{chat.workflow}/chat",
            "tries": plan.tries,
            "ask_for": plan.ask_for,
        }
        if chat.asks:
            api = {"api_url": f"{url}/api/v1", "api_key": n8n.api_key, "workflow_id": chat.workflow}
            chats[chat.name] |= api
    return json.dumps(chats)


@contextlib.contextmanager
def _settings(store: str, folder: Path, chats: str) -> Iterator[dict[str, str]]:
    common = {"CORE__KEYS": json.dumps([{"name": "lab", "key": KEY}]), "N8N__CHATS": chats}
    if store == "sqlite":
        yield common
        return
    with stack_process(folder, fast=True) as stack:
        yield common | {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.bridge", description=__doc__)
    parser.add_argument("--messages", type=int, default=Plan.messages)
    parser.add_argument("--conversations", type=int, default=Plan.conversations)
    parser.add_argument(
        "--n8n", action="store_true", help="a real n8n, installed if it is not, in the scripted one's place"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        help=f"in which they are sent and all is broken: {Plan.seconds:.0f}, with --n8n {REAL['seconds']:.0f}",
    )
    parser.add_argument("--kills", type=int, default=Plan.kills)
    parser.add_argument("--forever", type=int, default=Plan.forever, help="messages that n8n never takes")
    parser.add_argument("--slow", type=float, default=Plan.slow, help="seconds of a slow execution")
    parser.add_argument("--ask-for", type=float, default=Plan.ask_for, help="seconds for which n8n is asked")
    parser.add_argument(
        "--deadline",
        type=float,
        help=f"seconds, then it is given up: {Plan.deadline:.0f}, with --n8n {REAL['deadline']:.0f}",
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
