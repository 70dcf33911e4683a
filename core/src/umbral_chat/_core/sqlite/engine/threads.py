"""Threads of our own, which end when they are told to: the loop's shared executor keeps its threads for later."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def once(call: Callable[[], T], name: str) -> T:
    """The result of `call`, made in a thread that is gone afterwards; who is cancelled leaves it to finish."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # T may be None itself

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001  # it is the caller's to handle
            error = raised
        # A loop that is closed took the caller with it.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    result = await future
    thread.join()
    return result


__all__ = ["once"]
