"""`python -m tests.labs.drafts`: kill the instance that holds half-written answers, and see how each of them ends. Exit
code 0 when every promise held, 1 when one was broken."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.labs.kit.driver import run_driver
from tests.labs.kit.service import Service
from tests.local_supabase.process import stack_process

from .scenario import PATIENCE, SILENCE, Deployment, play_round
from .verdict import Answer, violations

SHOWN = 20
"""Violations that are printed of a combination: the first ones tell what is wrong."""


def main(arguments: list[str]) -> int:
    """Run every combination, print the verdict, and return the exit code."""
    options = _parser().parse_args(arguments)
    broken = 0
    for store in options.store:
        for instances in options.instances:
            broken += _combination(store, instances, options)
    print(f"BROKEN: {broken} promises. To try again: SEED={options.seed}" if broken else "Every promise held.")
    return 1 if broken else 0


def _combination(store: str, instances: int, options: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix="drafts-lab-"))
    draw = random.Random(f"{options.seed}/{store}/{instances}")
    played: list[Answer] = []
    began = time.monotonic()
    with _settings(store, folder) as settings:
        run_driver(_rounds(folder, settings, instances, options, draw, played))
    wrong = [
        (number, what)
        for number, one in enumerate(played)
        for what in violations(one, patience=PATIENCE, silence=SILENCE)
    ]
    ways = ", ".join(f"{count} {way}" for way, count in sorted(Counter(one.way for one in played).items()))
    cut = sum(entry.get("finish") == "interrupted" for one in played for entry in one.entries)
    slowest = max((one.ended_at - one.killed_at for one in played if one.ended_at is not None), default=0.0)
    print(
        f"{store}, {instances} instance(s), {options.kills} × kill -9: {len(played)} answers ({ways}), "
        f"{cut} interrupted, slowest end {slowest:.1f} s after the kill, {len(wrong)} broken promises, "
        f"{time.monotonic() - began:.0f} s",
        flush=True,
    )
    for number, what in wrong[:SHOWN]:
        print(f"  answer {number} ({played[number].way}): {what}")
    if wrong:
        print(f"  Logs are kept in {folder}")
    else:
        shutil.rmtree(folder)
    return len(wrong)


async def _rounds(
    folder: Path,
    settings: dict[str, str],
    instances: int,
    options: argparse.Namespace,
    draw: random.Random,
    played: list[Answer],
) -> None:
    services = [Service(options.server, folder, **settings) for _ in range(instances)]
    for number, service in enumerate(services):
        service.log = folder / f"service-{number}.log"
    try:
        for service in services:
            await service.start()
        async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_keepalive_connections=0)) as http:
            for number in range(options.kills):
                played += await play_round(Deployment(services, http), number, options.answers, draw)
    finally:
        for service in services:
            await service.stop()


@contextlib.contextmanager
def _settings(store: str, folder: Path) -> Iterator[dict[str, str]]:
    common = {"CORE__DRAFTS__SILENCE": str(SILENCE)}
    if store == "sqlite":
        yield common
        return
    with stack_process(folder, fast=True) as stack:
        yield common | {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.drafts", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="in each combination")
    parser.add_argument("--answers", type=int, default=4, help="that are being written at each kill")
    parser.add_argument("--store", nargs="+", choices=["sqlite", "supabase"], default=["sqlite", "supabase"])
    parser.add_argument("--instances", nargs="+", type=int, choices=[1, 2], default=[1, 2])
    drawn = int.from_bytes(os.urandom(3))
    parser.add_argument("--seed", default=os.environ.get("SEED") or drawn, help="default: SEED, or drawn")
    parser.add_argument("--server", default="umbral-chat serve", help="command, set up by its environment only")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
