"""The course of one run: everything at once, then the readers catch up, then one more kill, then a fresh read."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from tests.wire.http1 import Lost

from .facts import Item, item_of
from .killer import kill_often
from .reader import Reader
from .report import show_progress
from .run import Hopeless, Run
from .sender import Sender

CATCH_UP = 60.0  # seconds that readers get after the last send: more than one whole long poll


async def torture(run: Run) -> None:
    """Fill `run.facts`; raises Hopeless, TimeoutError or NotReady when the run cannot be finished."""
    plan = run.plan
    pool: dict[Item, Item] = {}
    readers = [Reader(run, f"r{number}", name, pool) for number in range(plan.readers) for name in plan.names]
    run.facts.readings = [reader.reading for reader in readers]
    shares = [plan.messages // plan.senders + (number < plan.messages % plan.senders) for number in range(plan.senders)]
    try:
        await run.service.start()
        run.began = time.monotonic()
        async with asyncio.timeout(plan.deadline), _all_along(run, readers):
            async with asyncio.TaskGroup() as work:
                work.create_task(kill_often(run))
                for number, share in enumerate(shares):
                    work.create_task(Sender(run, number, share).work())
            await _caught_up(run, readers)
        # Whatever is read from now on was on disk: nothing of the process that took the sends is left.
        await run.service.kill()
        await run.service.start()
        for name in plan.names:
            run.facts.logs[name], run.facts.heads[name] = await _read(run, name, pool)
    finally:
        await run.service.stop()


@contextlib.asynccontextmanager
async def _all_along(run: Run, readers: list[Reader]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(reader.work()) for reader in readers]
    tasks.append(asyncio.create_task(show_progress(run)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _caught_up(run: Run, readers: list[Reader]) -> None:
    heads = {name: (await _read(run, name, {}))[1] for name in run.plan.names}
    end = time.monotonic() + CATCH_UP
    while time.monotonic() < end:
        if all(reader.ended or reader.highest >= heads[reader.reading.conversation] for reader in readers):
            return
        await asyncio.sleep(0.05)


async def _read(run: Run, name: str, pool: dict[Item, Item]) -> tuple[list[Item], int]:
    """The whole log by plain polls, and the head that the last of them told."""
    connection = run.connection()
    items: list[Item] = []
    cursor = "0"
    try:
        while True:
            answer = await connection.ask("GET", f"/v1/conversations/{name}/events?after={cursor}&limit=100")
            if answer.status != 200:
                raise Hopeless(f"the fresh read of {name} was answered {answer.status}: {answer.body[:300]!r}")
            body = answer.json()
            items += (pool.setdefault(item, item) for item in map(item_of, body["entries"]))
            cursor = body["cursor"]
            if not body["has_more"]:
                return items, body["head"]
    except Lost as lost:
        raise Hopeless(f"the fresh read of {name} was cut off: {lost}") from lost
    finally:
        connection.close()


__all__ = ["torture"]
