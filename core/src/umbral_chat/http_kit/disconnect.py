"""Noticing that a client has left, under a server that has no `Disconnect` of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from umbral_chat.http_kit.asgi import Disconnect

if TYPE_CHECKING:
    from litestar.types import Receive


@asynccontextmanager
async def watched(receive: Receive) -> AsyncIterator[Disconnect]:
    """A `Disconnect` that happens when ASGI's `receive` reports the client's, for which a task waits.

    The body of the `async with` must not call `receive`.
    """
    disconnect = Disconnect()
    watch = asyncio.create_task(_watch(disconnect, receive), name="http: disconnect")
    try:
        yield disconnect
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch(disconnect: Disconnect, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    disconnect.happen()


__all__ = ["watched"]
