"""Waiting for tasks that were cancelled."""

from __future__ import annotations

import asyncio
from typing import Any


async def wait_until_done(*tasks: asyncio.Task[Any]) -> None:
    """Wait until all are done, each of which must end in bounded time, also when this is cancelled: unowned tasks would
    keep their sockets until the loop ends. Raises CancelledError afterwards, if this was cancelled."""
    interrupted = False
    while not all(task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            interrupted = True
    if interrupted:
        raise asyncio.CancelledError


__all__ = ["wait_until_done"]
