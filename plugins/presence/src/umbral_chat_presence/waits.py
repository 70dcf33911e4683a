"""Waiting by the service's clock, and no longer than it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar

from umbral_chat.clock import Clock

T = TypeVar("T")


async def within(clock: Clock, seconds: float, what: Awaitable[T]) -> T:
    """What `what` answers. Raises TimeoutError, and cancels it, when that takes longer."""
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
    """Run them together. When some fail the others end nevertheless, and then the first failure is raised."""
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def rest(clock: Clock, seconds: float, wake: asyncio.Event) -> None:
    """Wait so long, or until `wake` is set, which is taken back."""
    waking, limit = asyncio.ensure_future(wake.wait()), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((waking, limit), return_when=asyncio.FIRST_COMPLETED)
        wake.clear()
    finally:
        await _end(waking, limit)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["all_of", "rest", "within"]
