"""The course of one soak: two instances on one local Supabase, everything at once, and a fresh read by a third."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from tests.local_supabase.stack.api import Stack
from tests.torture.course import converse, read_afresh
from tests.torture.facts import Item
from tests.wire.service import Service

from .breaker import break_often
from .plan import Soak
from .run import PATIENCE, Soaking
from .watch import Watch


@contextlib.asynccontextmanager
async def prepared(plan: Soak, command: str, folder: Path, stack: Stack) -> AsyncIterator[Soaking]:
    """A run whose services are not started yet."""
    services = []
    for number in range(plan.instances):
        place = folder / f"instance-{number}"
        place.mkdir(exist_ok=True)
        services.append(Service(command, place, SUPABASE__URL=stack.url, SUPABASE__KEY=stack.secret_key))
    async with httpx.AsyncClient(base_url=f"{stack.url}/_control/realtime/", timeout=PATIENCE) as control:
        watch = Watch([[] for _ in services])
        yield Soaking(plan, services, soak=plan, control=control, watch=watch)


async def soak(run: Soaking) -> None:
    """Fill `run.facts`; raises Hopeless, TimeoutError, NotReady or httpx.HTTPError when it cannot be finished."""
    pool: dict[Item, Item] = {}
    try:
        for service in run.services:
            await service.start()
        async with _watched(run):
            await converse(run, pool, break_often(run))
        await run.command(("reset", {}))
        # Neither of those that took the sends answers the last read: what they kept in memory is gone.
        for service in run.services:
            await service.kill()
        await run.services[0].start()
        await read_afresh(run, pool)
    finally:
        for service in run.services:
            await service.stop()


@contextlib.asynccontextmanager
async def _watched(run: Soaking) -> AsyncIterator[None]:
    connections = [run.connection(number) for number in range(len(run.services))]
    tasks = [asyncio.create_task(run.watch.look(number, each)) for number, each in enumerate(connections)]
    try:
        yield
    finally:
        run.ended = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in connections:
            connection.close()


__all__ = ["prepared", "soak"]
