"""Instances of the whole service in this process, on one store, and the way from one mode of delivery to another."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, cast

import httpx
from litestar import Litestar
from umbral_chat._core.app import create_app
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins import boot

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

QUICK = {
    "POLLING__MIN_INTERVAL": "0.05",
    "POLLING__INTERVAL": "0.1",
    "POLLING__MAX_INTERVAL": "0.2",
    "REALTIME__RETRY__INITIAL": "0.1",
    "REALTIME__RETRY__MAX": "0.4",
    "REALTIME__RETRY__BUDGET": "100000",
    "REALTIME__RECONCILE_INTERVAL": "1",
    "PRESENCE__TTL": "9",
    "PRESENCE__HOLD_BACK": "0",
}
"""Settings under which a test need not wait long for what a person would wait for."""


@dataclass(frozen=True)
class Instance:
    """One running service and a client of it."""

    app: Litestar
    client: httpx.AsyncClient

    @property
    def services(self) -> ServiceParts:
        services: ServiceParts = self.app.state.services
        return services


@dataclass(frozen=True)
class Deployment:
    """What is written goes to `here` and is read there, too. `pictures` answers polls with snapshots. All three are
    one instance where there is but one."""

    here: Instance
    there: Instance
    pictures: Instance

    @property
    def instances(self) -> tuple[Instance, ...]:
        return tuple({id(one): one for one in (self.here, self.there, self.pictures)}.values())


async def start(stack: AsyncExitStack, plugins: Any = None, **environ: str) -> Instance:
    """An instance with these settings, as environment variables without their prefix, in `QUICK` surroundings. Its
    plugins are those that are installed, or those of the entry points that are given."""
    given = {"CONFIG": ""} | QUICK | environ
    variables = {f"UMBRAL_CHAT_{name}": value for name, value in given.items()}
    app = create_app(*boot(None, variables, entry_points=plugins))
    await stack.enter_async_context(app.lifespan())
    transport = httpx.ASGITransport(cast("Any", app))
    client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60)
    return Instance(app, await stack.enter_async_context(client))


async def deployment(stack: AsyncExitStack, **environ: str) -> Deployment:
    """Three instances on one store."""
    here, there = await start(stack, **environ), await start(stack, **environ)
    return Deployment(here, there, await start(stack, **environ, POLLING__SYNC_STRATEGY="snapshot"))


async def alone(stack: AsyncExitStack, **environ: str) -> Deployment:
    """The core without any plugin: no poll, no transport, hence no second instance that would learn anything."""
    only = await start(stack, **environ, CORE__DISABLED_PLUGINS=json.dumps(["polling", "presence", "supabase"]))
    return Deployment(only, only, only)


async def reach(instances: Sequence[Instance], mode: str, *, within: float = 20.0) -> float:
    """Wait until each is in this mode; the seconds that it took."""
    begun = time.monotonic()
    for one in instances:
        while one.services.failover.mode != mode:
            assert time.monotonic() - begun < within, (mode, one.services.failover.status())
            await asyncio.sleep(0.01)
    return time.monotonic() - begun


class Realtime:
    """Realtime of a deployment on the local Supabase, switched by its operator, broken and mended."""

    def __init__(self, stack: Stack, deployment: Deployment) -> None:
        self._stack = stack
        self._deployment = deployment
        self.done: list[str] = []

    async def change(self, how: str) -> None:
        """`off`, `on`, `broken` or `mended`; returns when every instance has found out."""
        match how:
            case "on" | "off":
                body = {"enabled": how == "on"}
                answer = await self._deployment.here.client.put("/v1/admin/realtime", json=body)
                assert answer.status_code == 200, answer.text
            case "broken":
                await command(self._stack, "realtime/faults", refuse_status=503)
                await command(self._stack, "realtime/drop")
            case _:
                await command(self._stack, "realtime/faults", refuse_status=None)
        await reach(self._deployment.instances, "live" if how in {"on", "mended"} else "polling")
        self.done.append(how)


__all__ = ["QUICK", "Deployment", "Instance", "Realtime", "alone", "deployment", "reach", "start"]
