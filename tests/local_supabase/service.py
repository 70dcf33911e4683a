"""Whole services on the local Supabase, and calls of their API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import httpx
from litestar import Litestar
from umbral_chat._core.app import create_app
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins import boot

from tests.local_supabase.people import User
from tests.local_supabase.stack.api import Stack

Client = httpx.AsyncClient
Start = Callable[..., Awaitable[Client]]
"""Starts an instance with settings given like environment variables (`SUPABASE__URL=…`)."""

N8N = {"Authorization": "Bearer n8n-key-for-tests-only-0001"}
TTL = 0.3
"""Seconds for which a membership is cached."""


@asynccontextmanager
async def instances(supabase: Stack) -> AsyncIterator[Start]:
    """A function that starts instances, which stop with the block. An instance that uses Realtime is live when it is
    returned."""
    async with AsyncExitStack() as stack:

        async def started(**environ: str) -> Client:
            given = {
                "SUPABASE__URL": supabase.url,
                "SUPABASE__KEY": supabase.secret_key,
                "SUPABASE__PUBLISHABLE_KEY": supabase.publishable_key,
                "SUPABASE__MEMBERSHIP_TTL": str(TTL),
                "CORE__KEYS": '[{"name": "n8n", "key": "n8n-key-for-tests-only-0001"}]',
            } | environ
            settings, plugins = boot(None, {f"UMBRAL_CHAT_{name}": value for name, value in given.items()})
            app = create_app(settings, plugins)
            await stack.enter_async_context(app.lifespan())
            await _live(app)
            transport = httpx.ASGITransport(cast("Any", app))
            return await stack.enter_async_context(Client(transport=transport, base_url="http://127.0.0.1", timeout=60))

        yield started


async def _live(app: Litestar) -> None:
    services: ServiceParts = app.state.services
    listens = services.toggle.state.enabled and any(one.rank > 0 for one in services.failover.status())
    for _ in range(3000):
        if not listens or services.failover.mode == "live":
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not live within 30 s: {services.failover.status()}")


async def add(service: Client, *members: User | tuple[User, str], conversation: str = "room") -> None:
    """Make these the members of the conversation, with n8n's key."""
    listed = [
        {"subject": each.id} if isinstance(each, User) else {"subject": each[0].id, "role": each[1]} for each in members
    ]
    answer = await service.post("/v1/conversations", json={"id": conversation, "members": listed}, headers=N8N)
    assert answer.status_code in {200, 201}, answer.text


async def poll(service: Client, user: User, conversation: str = "room", **query: Any) -> httpx.Response:
    return await service.get(f"/v1/conversations/{conversation}/events", headers=user.bearer, params=query)


async def say(service: Client, user: User, content: str, conversation: str = "room") -> httpx.Response:
    return await service.post(
        f"/v1/conversations/{conversation}/messages", headers=user.bearer, json={"content": content}
    )


__all__ = ["N8N", "TTL", "Client", "Start", "add", "instances", "poll", "say"]
