"""The one supabase-py client for all calls of a project's database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

import httpx
from supabase import AsyncClient, AsyncClientOptions, acreate_client
from umbral_chat.settings import Secret

from umbral_chat_realtime_supabase.http_transport import http_transport
from umbral_chat_realtime_supabase.settings import Supabase

last_response: ContextVar[httpx.Response | None] = ContextVar("last_response", default=None)
"""The last response in the running task: supabase-py's errors lack its status and headers."""


@asynccontextmanager
async def client(settings: Supabase, key: Secret) -> AsyncIterator[AsyncClient]:
    """The client, with a bounded pool of connections. It signs in no user and opens no WebSocket."""
    async with httpx.AsyncClient(
        timeout=httpx.Timeout(settings.timeout, connect=settings.connect_timeout, pool=settings.timeout),
        transport=http_transport(
            settings.base,
            httpx.Limits(
                max_connections=settings.connections,
                max_keepalive_connections=settings.connections,
                # Below the minute after which proxies close an idle connection without a notice.
                keepalive_expiry=45.0,
            ),
        ),
        event_hooks={"response": [_remember]},
    ) as http:
        options = AsyncClientOptions(
            auto_refresh_token=False,
            persist_session=False,
            postgrest_client_timeout=settings.timeout,
            httpx_client=http,
        )
        yield await acreate_client(settings.base, key.reveal(), options)


async def _remember(response: httpx.Response) -> None:
    last_response.set(response)


__all__ = ["client", "last_response"]
