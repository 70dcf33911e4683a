"""The plugin in a service: which provider it returns, and two services on one file that see each other's people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat.context import Services
from umbral_chat.providers.presence import Presence, Report, Viewer
from umbral_chat.testing.presence.rig import ann


async def start(stack: AsyncExitStack, file: Path, **settings: str) -> Presence:
    """A service's presence; the service ends with the stack."""
    environ = {"UMBRAL_CHAT_CORE__DATABASE": str(file)} | {
        f"UMBRAL_CHAT_{key}": value for key, value in settings.items()
    }
    app = create_app(*boot(None, environ))
    await stack.enter_async_context(app.lifespan())
    services: Services = app.state["services"]
    assert services.presence is not None
    return services.presence


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def test_the_provider_is_the_one_that_is_set(stack: AsyncExitStack, tmp_path: Path) -> None:
    shared = await start(stack, tmp_path / "one.sqlite3")
    memory = await start(stack, tmp_path / "two.sqlite3", PRESENCE__PROVIDER="memory")
    assert (shared.name, memory.name) == ("shared", "memory")


async def test_two_services_on_one_file_know_of_each_other(stack: AsyncExitStack, tmp_path: Path) -> None:
    here, there = [await start(stack, tmp_path / "chat.sqlite3") for _ in range(2)]
    here.report("room", Report(person=ann()))
    async with asyncio.timeout(30):
        while there.state("room", Viewer()).presence.count == 0:
            await asyncio.sleep(0.05)
            await there.settled("room")
    assert there.state("room", Viewer()).presence == here.state("room", Viewer()).presence
