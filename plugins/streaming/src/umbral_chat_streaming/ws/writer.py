"""Writing encoded frames under a server that offers no `RawWriter`: a queue, and one task that sends from it."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Iterator
from typing import Any

from litestar.types import Send

log = logging.getLogger(__name__)

BUFFERED = 65_536
"""Bytes after which the client counts as slow: as many as the transport of our own server buffers."""


class PortableWriter:
    """A `RawWriter` over ASGI's `send`. `run` has to run while it is used, in a task of the connection."""

    def __init__(self, send: Send, *, write_timeout: float) -> None:
        """`write_timeout`: seconds within which a client has to take a frame."""
        self._send = send
        self._write_timeout = write_timeout
        self._queue: deque[str] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._less = asyncio.Event()
        self._closed = False

    @property
    def writable(self) -> bool:
        """See RawWriter."""
        return not self._closed and self._size < BUFFERED

    def write(self, data: bytes) -> bool:
        """See RawWriter."""
        if self._closed:
            return False
        for payload in split_frames(data):
            self._queue.append(payload.decode())
            self._size += len(payload)
        self._more.set()
        return self.writable

    async def drained(self) -> bool:
        """See RawWriter."""
        while not self._closed and self._size >= BUFFERED:
            self._less.clear()
            await self._less.wait()
        return not self._closed

    @property
    def chunked(self) -> bool:
        """See RawWriter."""
        return False

    def abort(self) -> None:
        """See RawWriter. The server's own connection is ended by whoever closes the socket."""
        self._queue.clear()
        self.close()

    def close(self) -> None:
        """Send nothing more than what is queued."""
        self._closed = True
        self._more.set()
        self._less.set()

    async def run(self) -> None:
        """Send what is written, until it is closed and all of it was sent, or the client is gone or does not read.
        Raises what `send` raises besides OSError."""
        try:
            while True:
                while self._queue:
                    await self._send_next()
                if self._closed:
                    return
                self._more.clear()
                await self._more.wait()
        except OSError as error:  # as servers raise it for a client that is gone; TimeoutError is one, too
            log.debug("a client took no more frames: %r", error)
        finally:
            self._queue.clear()
            self.close()  # whoever waits goes on

    async def _send_next(self) -> None:
        text = self._queue.popleft()
        message: Any = {"type": "websocket.send", "text": text}
        async with asyncio.timeout(self._write_timeout):
            await self._send(message)
        self._size -= len(text.encode())
        self._less.set()


def split_frames(data: bytes) -> Iterator[bytes]:
    """The payloads of a server's text frames (RFC 6455, section 5.2)."""
    at = 0
    while at < len(data):
        size, at = data[at + 1], at + 2
        if size == 126:
            (size,), at = struct.unpack_from("!H", data, at), at + 2
        elif size == 127:
            (size,), at = struct.unpack_from("!Q", data, at), at + 8
        yield data[at : at + size]
        at += size


__all__ = ["BUFFERED", "PortableWriter", "split_frames"]
