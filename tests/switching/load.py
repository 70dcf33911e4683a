"""Writers and long-poll readers on several instances, while something else happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from tests.labs.kit.facts import Item, item_of
from tests.labs.kit.reader import Reader
from tests.labs.kit.run import Run

from .instances import Instance, until
from .writer import write

CATCH_UP = 15.0
"""Seconds that readers get after the last message."""


async def under_load(
    run: Run, instances: Sequence[Instance], during: Awaitable[None], *, readers: int, writers: int
) -> None:
    """Let `during` happen under load; then the writers stop, the readers catch up, and what all saw is in the facts.

    Raises AssertionError when readers do not catch up.
    """
    facts, names = run.facts, run.plan.names
    crowd = [Reader(run, number, names[number // len(instances) % len(names)], {}) for number in range(readers)]
    facts.readings = [reader.reading for reader in crowd]
    reading = [asyncio.create_task(reader.work()) for reader in crowd]
    stop = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as work:
            for number in range(writers):
                work.create_task(write(run, number, stop, every=0.25))
            try:
                await during
            finally:
                stop.set()
        for name in names:
            facts.logs[name], facts.heads[name] = await log(instances[0], name)

        async def caught_up() -> bool:
            return all(reader.ended or reader.highest >= facts.heads[reader.reading.conversation] for reader in crowd)

        await until(caught_up, within=CATCH_UP)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def log(instance: Instance, conversation: str) -> tuple[list[Item], int]:
    """The whole log and its head, read afresh."""
    items: list[Item] = []
    cursor = "0"
    while True:
        page = await instance.ask("GET", f"/v1/conversations/{conversation}/events?after={cursor}&limit=100")
        items += map(item_of, page["entries"])
        cursor = page["cursor"]
        if not page["has_more"]:
            return items, page["head"]


__all__ = ["log", "under_load"]
