"""The writing half of a WebSocket: the `RawWriter` of its application, which cuts off a client that does not read."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from math import inf

from umbral_chat._core.server.connections import Connections
from umbral_chat._core.server.write_progress import PROGRESS, unread


class State(IntEnum):
    """Where a WebSocket stands."""

    OPENING = 0
    """The application has not answered the handshake."""
    OPEN = 1
    CLOSING = 2
    """A close frame was sent, and the client's is awaited."""
    ENDING = 3
    """Nothing more is read or written; the client may read what was written last."""
    CLOSED = 4


class WebSocketWriter(asyncio.Protocol):
    """See `umbral_chat.http_kit.raw_writer.RawWriter`."""

    __slots__ = (
        "_drains",
        "_loop",
        "_now",
        "_shared",
        "_state",
        "_transport",
        "_unread",
        "_write_paused",
        "write_deadline",
    )

    def __init__(
        self, transport: asyncio.Transport, shared: Connections, loop: asyncio.AbstractEventLoop, *, write_paused: bool
    ) -> None:
        self._transport = transport
        self._shared = shared
        self._loop = loop
        self._now = shared.clock.monotonic
        self._state = State.OPENING
        self._write_paused = write_paused
        self._drains: list[asyncio.Future[None]] = []
        self._unread = 0
        self.write_deadline = inf

    @property
    def writable(self) -> bool:
        """See RawWriter."""
        return not self._write_paused and self._state is State.OPEN

    def write(self, data: bytes) -> bool:
        """See RawWriter."""
        if self._state is not State.OPEN:
            return False
        self._transport.write(data)
        return not self._write_paused

    @property
    def chunked(self) -> bool:
        """See RawWriter. Frames have their size in them."""
        return False

    def abort(self) -> None:
        """See RawWriter."""
        self._transport.abort()

    async def drained(self) -> bool:
        """See RawWriter."""
        while self._write_paused and self._state is State.OPEN:
            waiter = self._loop.create_future()
            self._drains.append(waiter)
            await waiter
        return self._state is State.OPEN

    def pause_writing(self) -> None:
        """The client reads too slowly: start the write timeout."""
        self._write_paused = True
        self._watch_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._write_paused = False
        self.write_deadline = inf
        self._wake_writers()

    def _wake_writers(self) -> None:
        waiters, self._drains = self._drains, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _watch_writing(self) -> None:
        self._unread = unread(self._transport)
        self.write_deadline = self._now() + self._shared.limits.write_timeout

    def _expire_writing(self, now: float) -> None:
        left = unread(self._transport)
        if left <= self._unread - PROGRESS:
            self._unread = left
            self.write_deadline = now + self._shared.limits.write_timeout
        else:
            self._shared.refusals.count("unread", "A client did not read its answer (core.limits.write_timeout).")
            self._transport.abort()


__all__ = ["State", "WebSocketWriter"]
