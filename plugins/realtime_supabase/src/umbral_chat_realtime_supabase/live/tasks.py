"""Waiting for the end of what was told to end."""

from __future__ import annotations

import asyncio
from typing import Any


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Return when all are done, each of which ends in bounded time. Raises CancelledError, then, if this was cancelled:
    left alone they would be tasks without an owner, and hold their sockets until the loop ends."""
    interrupted = False
    while not all(task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            interrupted = True
    if interrupted:
        raise asyncio.CancelledError


__all__ = ["ended"]
