"""Services for the tests of the edges."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from .live import Kind, Live, live

Start = Callable[..., Awaitable[Live]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts services on one store, with settings as variables without their prefix."""
    async with AsyncExitStack() as stack:

        async def started(kind: Kind = "own", **environ: str) -> Live:
            return await stack.enter_async_context(live(tmp_path, kind, **environ))

        yield started


@pytest.fixture
async def service(start: Start) -> Live:
    """A service without keys."""
    return await start()
