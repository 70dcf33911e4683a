"""Threads that end with the call they run: those of the loop's shared executor stay until the loop ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(call: Callable[[], T], name: str) -> T:
    """The result of `call`, run in a new thread of this name, which has ended when this returns.

    Raises what `call` raises. Cancelling the caller does not stop `call`: its thread runs on to the end.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def resolve(result: T | None, error: BaseException | None) -> None:
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
        # When the loop is closed, no caller is left to be answered.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve, result, error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    result = await future
    thread.join()
    return result


__all__ = ["run_in_thread"]
