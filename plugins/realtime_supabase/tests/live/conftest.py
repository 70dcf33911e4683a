"""Instances of the service on the local Supabase, as far as transports are concerned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from umbral_chat.clock import SystemClock
from umbral_chat.providers.history import Storage
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.live import SupabaseTransport
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.storage import open_storage
from umbral_chat_realtime_supabase.store import SupabaseStore

from tests.local_supabase.stack.api import Stack


@dataclass(frozen=True)
class Instance:
    """An opened storage, and a transport beside it that is not started."""

    storage: Storage
    transport: SupabaseTransport
    telemetry: Telemetry


@asynccontextmanager
async def instance(
    stack: Stack, *, url: str | None = None, queue: int = 1000, key: Secret | None = None, **settings: object
) -> AsyncIterator[Instance]:
    """One instance; `url` leads to the stack another way."""
    key = key or Secret(stack.secret_key)
    section = Supabase(url=url or stack.url, key=key, **settings)  # type: ignore[arg-type]
    clock, telemetry = SystemClock(), Telemetry(None)
    storage = open_storage(section, key, clock, telemetry)
    assert isinstance(storage.store, SupabaseStore)
    transport = SupabaseTransport(storage, storage.store.calls, section, key, clock, telemetry, queue=queue)
    async with storage.lifespan:
        try:
            yield Instance(storage, transport, telemetry)
        finally:
            await transport.stop()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How long each failure took to be found and recovered from, where a test recorded it."""
    taken = [
        f"{report.nodeid.rpartition('::')[2]}: "
        + ", ".join(f"{name} in {value}" for name, value in report.user_properties)
        for report in terminalreporter.getreports("passed")
        if report.when == "call" and any(name in {"found", "recovered"} for name, _ in report.user_properties)
    ]
    if taken:
        terminalreporter.section("the live link's failures")
        for line in taken:
            terminalreporter.line(line)


__all__ = ["Instance", "instance"]
