"""Noticing that a client who waits has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litestar.types import Receive


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Ends what is inside when the client disconnects, with ConnectionAbortedError.

    What is inside must not call `receive`.
    """
    # A timeout that never comes by itself is the standard library's own way to cancel a block from elsewhere without
    # confusing that with the cancellation of the task.
    scope = asyncio.timeout(None)
    try:
        async with scope:
            watch = asyncio.create_task(_end(scope, receive), name="polling: disconnect")
            try:
                yield
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
    except TimeoutError:
        if scope.expired():
            raise ConnectionAbortedError("the client left") from None
        raise


async def _end(scope: asyncio.Timeout, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.reschedule(asyncio.get_running_loop().time())


__all__ = ["while_connected"]
