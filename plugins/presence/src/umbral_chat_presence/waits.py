"""Waits by the service's clock, and background tasks of a lifespan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from umbral_chat.clock import Clock

T = TypeVar("T")


async def within(clock: Clock, seconds: float, what: Awaitable[T]) -> T:
    """The result of `what`. After `seconds` it is cancelled and TimeoutError raised."""
    task = asyncio.ensure_future(what)
    limit = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((task, limit), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        await _end(task, limit)


async def all_of(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run them concurrently. If some fail, the others still run to their end; then the first failure is raised."""
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def pause(clock: Clock, seconds: float, wake: asyncio.Event) -> None:
    """Wait for `seconds`, or until `wake` is set; it is cleared again."""
    waking, limit = asyncio.ensure_future(wake.wait()), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((waking, limit), return_when=asyncio.FIRST_COMPLETED)
        wake.clear()
    finally:
        await _end(waking, limit)


@asynccontextmanager
async def background_task(coroutine: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run `coroutine` as a task while entered; it is cancelled and awaited on leaving."""
    task = asyncio.create_task(coroutine, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["all_of", "background_task", "pause", "within"]
