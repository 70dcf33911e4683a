"""Storages on the local Supabase."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from umbral_chat.clock import SystemClock
from umbral_chat.providers.history import Storage
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.storage import open_storage

from tests.local_supabase.stack.api import Stack


def settings_for(stack: Stack, **more: object) -> Supabase:
    """The section for this stack."""
    given: dict[str, object] = {"url": stack.url, "key": Secret(stack.secret_key)}
    return Supabase(**(given | more))  # type: ignore[arg-type]


@asynccontextmanager
async def opened(stack: Stack) -> AsyncIterator[Storage]:
    """One instance's storage, in its lifespan."""
    # The stand-in's REST takes some 20 ms a call, and a thousand wait at once in the contract.
    settings = settings_for(stack, timeout=120.0)
    storage = open_storage(settings, Secret(stack.secret_key), SystemClock(), Telemetry(None))
    async with storage.lifespan:
        yield storage
