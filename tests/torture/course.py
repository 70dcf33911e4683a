"""The course of one run: everything at once, then the readers catch up, then one more kill, then a fresh read.

Its parts serve every run: what is broken meanwhile is the caller's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, Protocol

from tests.wire.http1 import Lost

from .facts import Item, item_of
from .killer import kill_often
from .reader import Reader
from .report import show_progress
from .run import Hopeless, Killing, Run
from .sender import Sender
from .standstill import watch

CATCH_UP = 60.0  # seconds that readers get after the last send: more than one whole long poll


class Follower(Protocol):
    """Whoever follows one conversation."""

    @property
    def conversation(self) -> str:
        """Its id."""
        ...

    @property
    def highest(self) -> int:
        """The highest seq that it was shown."""
        ...

    @property
    def ended(self) -> bool:
        """Whether it gave up."""
        ...

    async def work(self) -> None:
        """Follow until cancelled."""
        ...


async def torture(run: Killing) -> None:
    """Fill `run.facts`; raises Hopeless, TimeoutError or NotReady when the run cannot be finished."""
    pool: dict[Item, Item] = {}
    try:
        await run.service.start()
        await converse(run, pool, kill_often(run))
        # Whatever is read from now on was on disk: nothing of the process that took the sends is left.
        await run.service.kill()
        await run.store.crash()
        await run.store.recover()
        await run.service.start()
        await read_afresh(run, pool)
    finally:
        await run.service.stop()


async def converse(
    run: Run,
    pool: dict[Item, Item],
    breaking: Coroutine[Any, Any, None],
    readers: Sequence[Follower] | None = None,
) -> None:
    """Send everything under the eyes of all readers while `breaking` goes on, and let the readers catch up. Readers of
    the caller's own are its to record. Raises Hopeless, TimeoutError or NotReady."""
    plan = run.plan
    if readers is None:
        readers = mine = [Reader(run, number, name, pool) for number in range(plan.readers) for name in plan.names]
        run.facts.readings = [reader.reading for reader in mine]
    shares = [plan.messages // plan.senders + (number < plan.messages % plan.senders) for number in range(plan.senders)]
    run.began = time.monotonic()
    async with asyncio.timeout(plan.deadline), _all_along(run, readers):
        async with asyncio.TaskGroup() as work:
            work.create_task(breaking)
            for number, share in enumerate(shares):
                work.create_task(Sender(run, number, share).work())
        await _caught_up(run, readers)


async def read_afresh(run: Run, pool: dict[Item, Item]) -> None:
    """The logs and heads of `run.facts`. Raises Hopeless."""
    for name in run.plan.names:
        run.facts.logs[name], run.facts.heads[name] = await _read(run, name, pool)


@contextlib.asynccontextmanager
async def _all_along(run: Run, readers: Sequence[Follower]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(reader.work()) for reader in readers]
    tasks.append(asyncio.create_task(show_progress(run)))
    tasks.append(asyncio.create_task(watch(run.standstills)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _caught_up(run: Run, readers: Sequence[Follower]) -> None:
    heads = {name: (await _read(run, name, {}))[1] for name in run.plan.names}
    for ack in run.facts.acknowledgements:  # an instance may not have heard yet what another one took
        conversation = run.facts.sent[ack.key].conversation
        heads[conversation] = max(heads[conversation], ack.item.seq)
    end = time.monotonic() + CATCH_UP
    while time.monotonic() < end:
        if all(reader.ended or reader.highest >= heads[reader.conversation] for reader in readers):
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


__all__ = ["Follower", "converse", "read_afresh", "torture"]
