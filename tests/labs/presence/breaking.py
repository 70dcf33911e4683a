"""The faults of a round, one after the other, each taken back before the peace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import httpx

from tests.labs.kit.http1 import NoAnswer
from tests.labs.kit.realtime_faults import ROOMY, Command, draw

from .plan import Planned, faults
from .run import Run, RunAborted, Struck

SOCKET = "/realtime/v1"
"""How the path of a service's connection to Realtime begins."""

TIMEOUT = 30.0
"""Seconds in which the stand-in must obey, and a switch must be stored."""


async def break_often(run: Run, round_: int) -> None:
    """All faults of the round. Raises RunAborted, when one cannot be taken back."""
    for planned in faults(run.plan, round_):
        await asyncio.sleep(max(0.0, run.round_began + planned.at - time.monotonic()))
        struck = Struck(planned.kind, "", time.monotonic())
        run.struck.append(struck)
        async with _broken(run, planned, struck):
            await asyncio.sleep(planned.duration)
        struck.ended = time.monotonic()
        if planned.kind == "store_cut":
            run.was_cut(struck.began, struck.ended)


async def switch(run: Run, *, on: bool) -> None:
    """As an operator does, at whichever instance can store it. Raises RunAborted."""
    end = time.monotonic() + TIMEOUT
    while True:
        for instance in range(len(run.services)):
            connection = run.connection(instance)
            with suppress(NoAnswer):
                answer = await connection.ask("PUT", "/v1/admin/realtime", {"enabled": on}, timeout=12.0)
                if answer.status == 200:
                    connection.close()
                    return
            connection.close()
        if time.monotonic() > end:
            raise RunAborted("realtime could not be switched")
        await asyncio.sleep(0.3)


@asynccontextmanager
async def _broken(run: Run, planned: Planned, struck: Struck) -> AsyncIterator[None]:
    number = planned.instance % len(run.gateways)
    gateway = run.gateways[number]
    struck.detail = f"instance {number}"
    match planned.kind:
        case "toggle":
            struck.detail = ""
            await switch(run, on=False)
            yield
            await switch(run, on=True)
        case "socket_cut":
            gateway.shut(SOCKET)
            yield
            gateway.unshut()
        case "socket_freeze":
            gateway.freeze(SOCKET)
            yield
            gateway.thaw()
        case "store_cut":
            await gateway.cut()
            yield
            await gateway.listen()
        case _:
            fault = draw(planned.kind, Random(planned.draw), 0.5)
            struck.detail = fault.detail
            await command(run, *fault.begin)
            yield
            await command(run, *fault.end)


async def command(run: Run, *commands: Command) -> None:
    """Have the stand-in obey. Raises RunAborted."""
    end = time.monotonic() + TIMEOUT
    for name, body in commands:
        while True:
            try:
                (await run.control.post(name, json=body)).raise_for_status()
                break
            except httpx.HTTPError as error:
                if time.monotonic() > end:
                    raise RunAborted(f"the stand-in does not obey {name}: {error!r}") from error
            await asyncio.sleep(0.2)


async def roomy(run: Run) -> None:
    """Rates far above what the run says: only where a rate is the fault may it matter."""
    await command(run, ROOMY)


__all__ = ["break_often", "command", "roomy", "switch"]
