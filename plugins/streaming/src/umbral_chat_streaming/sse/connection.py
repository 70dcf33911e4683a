"""The connection of one stream: how frames get to the client. Three ways, the best that the server allows.

- *Direct*: our own server takes encoded bytes (`umbral_chat.http_kit.raw_writer`).
- *Stepped*: ASGI's `send` is stepped to its end without a task. Servers such as uvicorn finish it without suspending
  while the client keeps up; whether this one does is tried with a stream's first bytes.
- *Queued*: under any other server a task for each stream sends what is queued, within a bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from umbral_chat_streaming.sse.format import BEGIN, CHUNKED, PLAIN, SseFormat, end
from umbral_chat_streaming.status import Closed

if TYPE_CHECKING:
    from litestar.types import Send
    from umbral_chat.http_kit.raw_writer import RawWriter

QUEUED_BYTES = 65_536
"""Bytes that a queued connection holds before it counts as slow: as many as asyncio's transports."""

LAST_WORDS = 2.0
"""Seconds that the last event may take: who does not read it finds the connection closed."""


class StreamConnection(Protocol):
    """A `Sink` that its edge ends."""

    status: Closed | None
    """Why the service ends the stream; None: it does not."""

    @property
    def format(self) -> SseFormat: ...
    def write(self, frame: bytes) -> bool: ...
    async def drained(self) -> None: ...
    def close(self, status: Closed) -> None: ...
    async def finish(self) -> None:
        """Send the last event and end the answer, if the client takes it. Called by the edge when the stream is over
        and the client is not known to be gone."""
        ...


class _Ended:
    """What every connection has: the future that its edge waits for, and the status that ends it."""

    __slots__ = ("_over", "status")

    def __init__(self, over: asyncio.Future[None]) -> None:
        self._over = over
        self.status: Closed | None = None

    def close(self, status: Closed) -> None:
        """The service ends the stream: the edge's own task sends the last event."""
        self.status = status
        if not self._over.done():
            self._over.set_result(None)


class DirectConnection(_Ended):
    """Writes to the transport of our own server."""

    __slots__ = ("_send", "_writer", "format")

    def __init__(self, writer: RawWriter, send: Send, over: asyncio.Future[None]) -> None:
        super().__init__(over)
        self._writer = writer
        self._send = send
        self.format = CHUNKED if writer.chunked else PLAIN

    def write(self, frame: bytes) -> bool:
        return self._writer.write(frame)

    async def drained(self) -> None:
        if not await self._writer.drained():
            raise ConnectionResetError("the client is gone")

    async def finish(self) -> None:
        """See `StreamConnection`. A client that does not read is cut off."""
        if not await _sent_in_time(self._send, self.status):
            self._writer.abort()


class SteppedConnection(_Ended):
    """Steps `send` without a task."""

    __slots__ = ("_rest", "_send", "_write_timeout", "format")

    def __init__(self, send: Send, over: asyncio.Future[None], write_timeout: float) -> None:
        super().__init__(over)
        self._send = send
        self._write_timeout = write_timeout
        self._rest: Awaitable[None] | Exception | None = None
        self.format = PLAIN

    def write(self, frame: bytes) -> bool:
        step = begin(self._send, frame)
        if step is None:
            return True
        self._rest = step
        return False

    async def drained(self) -> None:
        rest, self._rest = self._rest, None
        if isinstance(rest, Exception):
            raise ConnectionResetError("the client is gone") from rest
        if rest is not None:
            async with asyncio.timeout(self._write_timeout):
                await rest

    async def finish(self) -> None:
        rest, self._rest = self._rest, None
        if isinstance(rest, Exception):
            return
        await _sent_in_time(self._send, self.status, after=rest)


class QueuedConnection(_Ended):
    """Queues frames for a task of its own, which runs while `sending` is entered."""

    __slots__ = ("_drained", "_failure", "_frames", "_send", "_task", "_waiting", "_write_timeout", "format")

    def __init__(self, send: Send, over: asyncio.Future[None], write_timeout: float) -> None:
        super().__init__(over)
        self._send = send
        self._write_timeout = write_timeout
        self._frames = bytearray()
        self._waiting = asyncio.Event()
        self._drained = asyncio.Event()
        self._failure: Exception | None = None
        self.format = PLAIN
        self._task = asyncio.create_task(self._run(), name="streaming: send")

    def write(self, frame: bytes) -> bool:
        self._frames += frame
        self._waiting.set()
        if len(self._frames) < QUEUED_BYTES and self._failure is None:
            return True
        self._drained.clear()
        return False

    async def drained(self) -> None:
        async with asyncio.timeout(self._write_timeout):
            while self._frames and self._failure is None:
                self._drained.clear()
                await self._drained.wait()
        if self._failure is not None:
            raise ConnectionResetError("the client is gone") from self._failure

    async def finish(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self.drained()
        except (TimeoutError, ConnectionError):
            self.stop()
            return
        self.stop()
        await _sent_in_time(self._send, self.status)

    def stop(self) -> None:
        """End the task."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._waiting.wait()
                self._waiting.clear()
                frames, self._frames = bytes(self._frames), bytearray()
                if frames:
                    await self._send({"type": "http.response.body", "body": frames, "more_body": True})
                self._drained.set()
        except Exception as error:  # noqa: BLE001 - a server may raise anything for a client that is gone
            self._failure = error
            self._drained.set()


class _Rest:
    """The rest of a coroutine that was stepped once and then suspended."""

    __slots__ = ("_coroutine", "_yielded")

    def __init__(self, coroutine: Coroutine[Any, Any, None], yielded: Any) -> None:
        self._coroutine = coroutine
        self._yielded = yielded

    def __await__(self) -> Generator[Any, Any, None]:
        # What the first step waits for is passed to the task that waits now, and so on.
        yielded = self._yielded
        while True:
            try:
                value = yield yielded
            except BaseException as error:  # noqa: BLE001 - passed on to where the coroutine stands
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, value)
            try:
                yielded = step()
            except StopIteration:
                return


def begin(send: Send, frame: bytes) -> Awaitable[None] | Exception | None:
    """Step `send` once. None: it is done; what is left to wait for; or the error that it raised."""
    coroutine: Any = send({"type": "http.response.body", "body": frame, "more_body": True})
    try:
        yielded = coroutine.send(None)
    except StopIteration:
        return None
    except Exception as error:  # noqa: BLE001 - a server may raise anything for a client that is gone
        return error
    return _Rest(coroutine, yielded)


async def connect(
    writer: RawWriter | None, send: Send, over: asyncio.Future[None], write_timeout: float
) -> StreamConnection:
    """The connection of a stream whose head was sent, with its first bytes written."""
    if writer is not None:
        # The server may hold the head back until the first piece of the body, so that one goes the ordinary way.
        await send({"type": "http.response.body", "body": BEGIN, "more_body": True})
        return DirectConnection(writer, send, over)
    step = begin(send, BEGIN)
    if step is None:
        return SteppedConnection(send, over, write_timeout)
    if isinstance(step, Exception):
        raise step
    await step
    return QueuedConnection(send, over, write_timeout)


async def _sent_in_time(send: Send, status: Closed | None, *, after: Awaitable[None] | None = None) -> bool:
    last = b"" if status is None else end(status)
    try:
        async with asyncio.timeout(LAST_WORDS):
            if after is not None:
                await after
            await send({"type": "http.response.body", "body": last, "more_body": False})
    except TimeoutError:
        return False
    return True


__all__ = [
    "DirectConnection",
    "QueuedConnection",
    "SteppedConnection",
    "StreamConnection",
    "begin",
    "connect",
]
