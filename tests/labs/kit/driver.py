"""A driver that ends takes its service with it, however it ends."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run_driver(main: Coroutine[Any, Any, None]) -> None:
    """`asyncio.run`, which SIGTERM ends in good order as Ctrl-C does (`timeout` and CI send it); exit code 143 then."""

    async def guarded() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await main

    try:
        asyncio.run(guarded())
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None


def leaves(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    """The errors of a group and of the groups in it."""
    return [
        leaf
        for error in group.exceptions
        for leaf in (leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


def die_with_parent() -> Callable[[], None] | None:
    """What a child runs before its program, so that it dies when its parent is killed. Only Linux knows this."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up here: between fork and exec as little as can be
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


__all__ = ["die_with_parent", "leaves", "run_driver"]
