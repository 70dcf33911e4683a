"""`python -m tests.labs.security`: exit code 0 when every attack was held off, 1 when one hurt the others."""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.labs.kit.driver import run_driver
from tests.labs.kit.http1 import NoAnswer

from . import floods, shares, tricks
from .attack import ATTACKS, Attack, Scale
from .bystanders import Bystanders, Seen
from .target import Target
from .verdict import Memory, broken

LONG = Scale(seconds=8, connections=600, megabytes=40)
SHORT = Scale(seconds=4.5, connections=600, megabytes=12)
SETTLE = 0.5
"""Seconds after an attack before the memory that stays is read."""

TIMEOUT = 60.0
"""Seconds that one attack may take."""

MODULES = (floods, tricks, shares)  # each puts its attacks on the list


async def launch(one: Attack, target: Target, scale: Scale, table: Table) -> list[str]:
    """One attack while others use the service."""
    before = target.memory()
    own: list[str] = []
    async with Bystanders(target).present() as seen:
        seen.peak = before
        try:
            own = await asyncio.wait_for(one.run(target, scale), TIMEOUT)
        except (NoAnswer, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            own = [f"the attack could not go on: {type(error).__name__}: {error}"]
    await asyncio.sleep(SETTLE)
    memory = Memory(before, seen.peak, target.memory())
    found = broken(own, seen, memory)
    _row(table, one, memory, seen, found)
    return found


def _row(table: Table, one: Attack, memory: Memory, seen: Seen, found: list[str]) -> None:
    figures = f"{memory.before} / {memory.peak} / {memory.after}"
    table.add_row(
        one.name,
        "[red]broken[/]" if found else "held",
        figures,
        f"{seen.median * 1000:.0f}",
        f"{seen.worst * 1000:.0f}",
        f"{len(seen.times):,}",
        f"{seen.turned_away} of {seen.let_in + seen.turned_away}",
    )
    print(
        f"{'BROKEN' if found else 'held  '}  {one.name}: {figures} MB, others {seen.median * 1000:.0f} ms, worst "
        f"{seen.worst * 1000:.0f} ms",
        flush=True,
    )
    for what in found:
        print(f"        {what}", flush=True)


async def lab(folder: Path, scale: Scale, wanted: list[Attack], table: Table) -> list[str]:
    """All of them, one after the other, at one service (those without a key at another)."""
    found: list[str] = []
    for keyless in (False, True):
        attacks = [one for one in wanted if one.keyless == keyless]
        if not attacks:
            continue
        place = folder / ("keyless" if keyless else "keyed")
        place.mkdir()
        target = Target(place, keyless=keyless)
        await target.service.start()
        try:
            for one in attacks:
                found += [f"{one.name}: {what}" for what in await launch(one, target, scale, table)]
        finally:
            await target.service.stop()
    return found


def main(arguments: list[str]) -> int:
    """Launch the attacks and print the verdicts; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.labs.security", description=__doc__)
    parser.add_argument("--short", action="store_true", help="less of everything, within a minute")
    parser.add_argument("--only", default="", help="attacks whose name has this in it")
    options = parser.parse_args(arguments)
    # An attack holds more connections than the service may: this process needs more descriptors than it gets.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    wanted = [one for one in ATTACKS if options.only in one.name]
    table = Table(title="One client against the others", title_justify="left")
    for column in ("attack", "verdict", "MB before / peak / after", "median ms", "worst ms", "answers", "turned away"):
        table.add_column(column, justify="left" if column == "attack" else "right")
    folder = Path(tempfile.mkdtemp(prefix="security-lab-"))
    began = time.monotonic()
    found: list[str] = []

    async def run() -> None:
        found.extend(await lab(folder, SHORT if options.short else LONG, wanted, table))

    run_driver(run())
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    print(f"{len(wanted)} attacks in {time.monotonic() - began:.0f} s")
    if found or not wanted:
        print(f"{len(found)} things did not hold. The service's log is kept in {folder}")
        return 1
    shutil.rmtree(folder)
    print("Every attack was held off.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
