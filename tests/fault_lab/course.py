"""The course of one seed: a deployment is started, broken while it is written to and read, and read afresh."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx

from tests.local_supabase.stack.api import Stack
from tests.torture.course import converse, read_afresh
from tests.torture.facts import Item
from tests.torture_realtime.faults import ROOMY
from tests.wire.http1 import Lost
from tests.wire.proxy import Proxy, proxy
from tests.wire.service import Service

from .direct import direct_readers
from .doing import BACK, strike
from .kinds import INSTANCES
from .modes import Modes
from .readers import readers
from .run import Lab
from .schedule import Course, Planned
from .serving import command

FIRST = 15.0
"""Seconds in which all must be live before anything is broken."""

FRESH = 30.0
"""Seconds for the last read."""


@contextlib.asynccontextmanager
async def prepared(plan: Course, folder: Path, stack: Stack | None, bug: str | None) -> AsyncIterator[Lab]:
    """A run whose services are not started yet. Without a stack they share a SQLite file."""
    async with contextlib.AsyncExitStack() as within:
        services: list[Service] = []
        clients: list[Proxy] = []
        gateways: list[Proxy] = []
        control = direct_link = None
        pages: dict[str, str] = {}
        if stack is not None:
            direct_link, pages["SUPABASE__PUBLIC_URL"] = await within.enter_async_context(proxy(stack.url))
            pages["SUPABASE__PUBLISHABLE_KEY"] = stack.publishable_key
            pages["SUPABASE__ISSUER"] = f"{stack.url}/auth/v1"
            control = httpx.AsyncClient(base_url=f"{stack.url}/_control/", timeout=BACK)
            await within.enter_async_context(control)
        for number in range(INSTANCES):
            place = folder / f"instance-{number}"
            place.mkdir(parents=True, exist_ok=True)
            url = ""
            if stack is not None:
                gateway, url = await within.enter_async_context(proxy(stack.url))
                gateways.append(gateway)
            settings = plan.settings() | _store(folder, stack, url) | pages
            service = Service(command(place, bug), place, **settings)
            services.append(service)
            clients.append((await within.enter_async_context(proxy(f"http://127.0.0.1:{service.port}")))[0])
        watch = Modes([[] for _ in services], modes=[[] for _ in services])
        # It answers by cursor whatever the others do, past every proxy, and has none of their bugs.
        judge = Service(command(folder, None), folder, **_store(folder, stack, stack.url if stack else ""))
        yield Lab(
            plan,
            services,
            course=plan,
            clients=clients,
            gateways=gateways,
            direct_link=direct_link,
            control=control,
            watch=watch,
            judge=judge,
        )


def _store(folder: Path, stack: Stack | None, url: str) -> dict[str, str]:
    if stack is None:
        return {"CORE__DATABASE": str(folder / "shared.sqlite3")}
    return {"SUPABASE__URL": url, "SUPABASE__KEY": stack.secret_key}


async def experiment(run: Lab, stack: Stack | None, folder: Path) -> None:
    """Fill `run`; raises Hopeless, TimeoutError, NotReady or httpx.HTTPError when it cannot be finished."""
    pool: dict[Item, Item] = {}
    try:
        if run.control is not None:
            (await run.control.post("realtime/reset")).raise_for_status()
            (await run.control.post(f"realtime/{ROOMY[0]}", json=ROOMY[1])).raise_for_status()
        await asyncio.gather(*(service.start() for service in run.services))
        async with _watched(run):
            await _settled(run)
            asking = readers(run, pool)
            async with direct_readers(run, stack, pool, folder) as following:
                run.ends = time.monotonic() + run.course.end + 2.0
                try:
                    await converse(run, pool, _broken(run), [*asking, *following])
                except TimeoutError:  # what was shown until then is judged all the same
                    run.facts.surprises.append(f"not everybody was through within {run.plan.deadline:.0f} s")
        # Neither of those that took the sends answers the last read: what they kept in memory is gone.
        await asyncio.gather(*(service.kill() for service in run.services))
        await run.judge.start()
        run.judging = True
        async with asyncio.timeout(FRESH):
            await read_afresh(run, pool)
    finally:
        await asyncio.gather(*(service.stop() for service in (*run.services, run.judge)))


async def _broken(run: Lab) -> None:
    async with asyncio.TaskGroup() as tracks:
        for name in {planned.track for planned in run.course.faults}:
            tracks.create_task(_in_turn(run, [each for each in run.course.faults if each.track == name]))


async def _in_turn(run: Lab, faults: Sequence[Planned]) -> None:
    for planned in faults:
        await strike(run, planned)


async def _settled(run: Lab) -> None:
    if run.control is None:
        return
    connection = run.direct(0)
    with contextlib.suppress(Lost):  # a run before may have left it off
        await connection.ask("PUT", "/v1/admin/realtime", {"enabled": True}, patience=12.0)
    connection.close()
    end = time.monotonic() + FIRST
    while run.watch.live_since() is None and time.monotonic() < end:  # noqa: ASYNC110 - others report it
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _watched(run: Lab) -> AsyncIterator[None]:
    connections = [run.direct(number) for number in range(len(run.services))]
    tasks = [asyncio.create_task(run.watch.look(number, each)) for number, each in enumerate(connections)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in connections:
            connection.close()


__all__ = ["experiment", "prepared"]
