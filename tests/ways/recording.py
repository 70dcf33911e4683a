"""Which modules of ours a real request enters: `sys.setprofile` in every thread, for as long as a recording runs."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

PACKAGES = (
    "umbral_chat",
    "umbral_chat_polling",
    "umbral_chat_presence",
    "umbral_chat_realtime_supabase",
    "umbral_chat_streaming",
)


class Recording:
    """Modules of ours in the order in which they were entered first.

    `tasks`: names of the asyncio tasks by which they are; None: by whatever runs.
    """

    def __init__(self, tasks: Collection[str] | None = None) -> None:
        self._tasks = tasks
        self._on = False
        self.modules: dict[str, None] = {}

    def install(self) -> None:
        """Profile every thread that starts from now on, and this one. Nothing is recorded yet."""
        threading.setprofile(self._called)
        sys.setprofile(self._called)

    def remove(self) -> None:
        """Profile no further thread, nor this one."""
        threading.setprofile(None)
        sys.setprofile(None)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what is entered meanwhile."""
        self.modules.clear()
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def _called(self, frame: FrameType, event: str, argument: Any) -> None:
        if self._on and event == "call":
            name = frame.f_globals.get("__name__", "")
            if name.partition(".")[0] in PACKAGES and (self._tasks is None or _task_name() in self._tasks):
                self.modules.setdefault(name)


def _task_name() -> str | None:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a thread without a loop
        return None
    return None if task is None else task.get_name()


__all__ = ["Recording"]
