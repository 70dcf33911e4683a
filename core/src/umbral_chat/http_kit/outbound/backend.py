"""Connections that are never lost: one that is made in the moment in which its caller is cancelled is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import httpcore


class OwningBackend(httpcore.AnyIOBackend):
    """Lets a connection attempt end, within its timeout, when its caller is cancelled, and closes what came of it.

    `anyio.connect_tcp` has no owner for a connection that is made in that moment: it stays open until it is collected.
    """

    def __init__(self) -> None:
        self._left: set[asyncio.Task[None]] = set()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore. Raises what it raises."""
        attempt = asyncio.create_task(
            super().connect_tcp(host, port, timeout, local_address, socket_options), name="outbound: connect"
        )
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            task = asyncio.create_task(_close(attempt), name="outbound: connection without a caller")
            self._left.add(task)
            task.add_done_callback(self._left.discard)
            raise


async def _close(attempt: asyncio.Task[httpcore.AsyncNetworkStream]) -> None:
    with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):  # then there is nothing to close
        await (await attempt).aclose()


__all__ = ["OwningBackend"]
