"""Tasks of a lifespan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def ticking(coroutine: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run it meanwhile, and see it end."""
    task = asyncio.create_task(coroutine, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


__all__ = ["ticking"]
