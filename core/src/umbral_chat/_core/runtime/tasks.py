"""Tasks with an owner: each is held, seen to fail, and ended at shutdown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from umbral_chat.errors import UmbralChatError

T = TypeVar("T")

log = logging.getLogger(__name__)


class Tasks:
    """The background tasks of one part. A failure of a task that is not awaited is logged with its traceback."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run `coroutine` in a task of this owner."""
        task = asyncio.create_task(coroutine, name=f"{self._owner}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("%s ended: %s", task.get_name(), error, exc_info=_unexpected(error))


def being_cancelled() -> bool:
    """Whether it is the running task that is to end: a CancelledError may also come from what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _unexpected(error: BaseException) -> BaseException | None:
    return None if isinstance(error, UmbralChatError) else error


__all__ = ["Tasks", "being_cancelled"]
