"""A connection that became a WebSocket: its messages, deadlines and end. The frames are read by `frames`.

It is given to the application as ASGI has it, with one extension: `RawWriter`, by which encoded frames are written
without a call of the event loop each. Imported only where `websockets` is installed, which the core does not ask for.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from math import inf
from typing import TYPE_CHECKING, Any

from umbral_chat._core.http.problems import INTERNAL_ERROR
from umbral_chat._core.server.connections import Connections, Stage
from umbral_chat._core.server.frames import Frames
from umbral_chat._core.server.handshake import accept_of
from umbral_chat._core.server.refusals import encode_head, encode_response
from umbral_chat._core.server.timed_connection import DISCARD, LINGER
from umbral_chat._core.server.write_progress import PROGRESS, unread
from umbral_chat.errors import Forbidden, Unavailable
from umbral_chat.http_kit.asgi import DISCONNECT, Disconnect
from umbral_chat.http_kit.raw_writer import RAW_WRITER
from umbral_chat.http_kit.websocket import encode_text

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

log = logging.getLogger(__name__)

PING_INTERVAL = 25.0
"""Seconds between two pings: proxies cut connections that are silent for 60 s (nginx' default), some mobile networks at
30 s. A client that has sent nothing at all by the next one is gone."""

CLOSE_TIMEOUT = 5.0
"""Seconds for a client to answer a close frame."""

SHUTDOWN_GRACE = 1.0
"""Seconds in which the application may close its WebSockets itself when the server stops."""

QUEUE = 16
"""Messages that wait for the application. While there are more the socket is not read."""

PIECE = 4_096
"""Bytes of input that are read into frames at once. The smallest frames have 6 bytes: more of them would be a thousand
times their size as objects."""


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


@dataclass(slots=True)
class Upgrade:
    """What a connection hands on when it becomes a WebSocket."""

    transport: asyncio.Transport
    scope: dict[str, Any]
    key: bytes
    app: ASGI3Application
    shared: Connections
    held: set[Any]
    tasks: set[asyncio.Task[None]]
    loop: asyncio.AbstractEventLoop
    write_paused: bool


class WebSocketConnection(asyncio.Protocol):
    """The WebSocket of one client."""

    __slots__ = (
        "_connect",
        "_discarded",
        "_disconnect",
        "_drains",
        "_ended",
        "_frames",
        "_heard",
        "_held",
        "_key",
        "_loop",
        "_message_deadline",
        "_messages",
        "_now",
        "_reading",
        "_refusal",
        "_rest",
        "_shared",
        "_state",
        "_task",
        "_timer",
        "_transport",
        "_unread",
        "_waiter",
        "_write_paused",
        "deadline",
        "since",
        "write_deadline",
    )  # fmt: skip

    def __init__(self, upgrade: Upgrade) -> None:
        self._transport = upgrade.transport
        self._shared = upgrade.shared
        self._held = upgrade.held
        self._key = upgrade.key
        self._loop = upgrade.loop
        self._write_paused = upgrade.write_paused
        self._now = upgrade.shared.clock.monotonic
        self._frames = Frames(upgrade.shared.limits.body_bytes)
        self._state = State.OPENING
        self._connect = True  # whether `websocket.connect` is still to be received
        self._ended: tuple[int, str] | None = None  # what `websocket.disconnect` says
        self._refusal: tuple[int, list[tuple[bytes, bytes]], bytearray] | None = None
        self._messages: deque[str | bytes] = deque()
        self._rest = b""  # input that waits for the application to take messages
        self._reading = True
        self._discarded = 0
        self._waiter: asyncio.Future[None] | None = None
        self._drains: list[asyncio.Future[None]] = []
        self._disconnect = Disconnect()
        self._heard = True
        self._message_deadline = inf
        self._unread = 0
        self._timer: asyncio.TimerHandle | None = None
        self.deadline = inf
        self.write_deadline = inf
        self.since = self._now()
        upgrade.held.add(self)
        upgrade.shared.keep(self)
        scope = upgrade.scope
        scope["extensions"] = {"websocket.http.response": {}, DISCONNECT: self._disconnect, RAW_WRITER: self}
        self._task = upgrade.loop.create_task(self._run(upgrade.app, scope))
        upgrade.tasks.add(self._task)
        self._task.add_done_callback(upgrade.tasks.discard)

    # The application

    async def _run(self, app: ASGI3Application, scope: Any) -> None:
        try:
            await app(scope, self.receive, self.send)  # type: ignore[arg-type]  # ASGI's messages are dictionaries
        except Exception:
            log.exception("A WebSocket's application failed")
            self._leave(1011, "internal error")
        else:
            self._leave(1000, "")

    def _leave(self, code: int, reason: str) -> None:
        if self._state is State.OPENING:
            body = INTERNAL_ERROR
            headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
            self._refuse(encode_head(500, headers) + body)
        else:
            self._begin_close(code, reason)

    async def receive(self) -> dict[str, Any]:
        """ASGI: the handshake, the next message, or the disconnect."""
        if self._connect:
            self._connect = False
            return {"type": "websocket.connect"}
        while not self._messages:
            if self._ended is not None:
                return {"type": "websocket.disconnect", "code": self._ended[0], "reason": self._ended[1]}
            self._waiter = self._loop.create_future()
            await self._waiter
        message = self._messages.popleft()
        if not self._reading:
            self._resume_reading()
        return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}

    async def send(self, message: Any) -> None:
        """ASGI: answer the handshake, send a message, or close. Waits only while the client does not read.

        What is sent after the end is dropped, as it may have been on its way. Raises RuntimeError for messages that
        ASGI does not allow.
        """
        kind = message["type"]
        if self._state is State.OPENING:
            self._answer_handshake(kind, message)
        elif kind == "websocket.send":
            await self.drained()
            if self._state is State.OPEN:
                text = message.get("text")
                self._transport.write(encode_text(text.encode()) if text is not None else _binary(message["bytes"]))
        elif kind == "websocket.close":
            self._begin_close(message.get("code") or 1000, message.get("reason") or "")
        elif self._state is State.OPEN:
            raise RuntimeError(f"{kind} was sent on an open WebSocket.")

    def _answer_handshake(self, kind: str, message: Any) -> None:
        if self._refusal is not None:
            _expect(kind, "websocket.http.response.body")
            status, headers, body = self._refusal
            body += message.get("body", b"")
            if not message.get("more_body", False):
                self._refuse(encode_head(status, headers) + body)
        elif kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.http.response.start":
            self._refusal = (message["status"], list(message.get("headers", ())), bytearray())
        else:
            _expect(kind, "websocket.close")
            self._refuse(encode_response(Forbidden("The WebSocket was refused.")))

    def _accept(self, message: Any) -> None:
        headers = [
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-accept", accept_of(self._key)),
            *message.get("headers", ()),
        ]
        if message.get("subprotocol"):
            headers.append((b"sec-websocket-protocol", message["subprotocol"].encode("latin-1")))
        self._state = State.OPEN
        self.deadline = self._now() + PING_INTERVAL
        self._transport.write(encode_head(101, headers))
        if not self._reading:
            self._resume_reading()

    def _refuse(self, answer: bytes) -> None:
        self._transport.write(answer)
        self._end(1006, "")

    # RawWriter

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
        if not self._reading:
            self._resume_reading()

    def _wake_writers(self) -> None:
        waiters, self._drains = self._drains, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    # Reading

    def data_received(self, data: bytes) -> None:
        """Read frames, unless the application or the client is behind."""
        if self._state is State.ENDING:
            self._discarded += len(data)
            if self._discarded > DISCARD:
                self._transport.pause_reading()
        elif self._rest or self._state is State.OPENING:
            self._rest += data
            self._pause_reading()
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        frames, at = self._frames, 0
        while at < len(data):
            if self._state is State.OPEN and (len(self._messages) >= QUEUE or self._write_paused):
                self._rest = data[at:]
                self._pause_reading()
                return
            messages = frames.feed(data[at : at + PIECE], self._now())
            at += PIECE
            if output := frames.output():
                self._transport.write(output)
            if self._state is State.OPEN and messages:
                self._messages.extend(messages)
                self._wake()
            if frames.failed:
                code, reason = frames.failure
                self._shared.refusals.count("websocket_failed", f"A WebSocket was closed with {code}: {reason}.")
                self._end(code, reason)
                return
            if frames.close is not None:
                self._finish(*frames.close)
                return
        self._heard = True
        if not frames.partial:
            self._message_deadline = inf
        elif self._message_deadline == inf:
            self._message_deadline = self._now() + self._shared.limits.body_timeout
            self.deadline = min(self.deadline, self._message_deadline)

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        """Read what waits, and then the socket, once the application has taken half of the messages."""
        if self._state is State.OPEN and (len(self._messages) > QUEUE // 2 or self._write_paused):
            return
        rest, self._rest = self._rest, b""
        if rest:
            self._read(rest)
        if not self._rest and not self._reading and self._state < State.CLOSED:
            self._reading = True
            # Its silence so far says nothing about the client.
            self._heard = True
            self._transport.resume_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Deadlines

    @property
    def stage(self) -> Stage:
        """It is served as long as it is held."""
        return Stage.SERVED

    def evict(self) -> None:
        """Never called for what is served."""

    def expire(self, now: float) -> None:
        """Ping, or end what is past its deadline at `now`: called by `Connections.sweep`."""
        if now >= self.write_deadline:
            self._expire_writing(now)
        elif self._state >= State.CLOSING:
            self.deadline = inf
            if self._transport.get_write_buffer_size():
                self._watch_writing()
            self._transport.close()
        elif now >= self._message_deadline and self._reading:
            self._frames.fail(1008, "the rest of a message did not arrive in time")
            self._transport.write(self._frames.output())
            self._shared.refusals.count("websocket_failed")
            self._end(*self._frames.failure)
        elif now >= self.deadline:
            self._ping(now)

    def _ping(self, now: float) -> None:
        if not self._heard and self._reading:
            self._shared.refusals.count("half_open", "A WebSocket's client is gone: it did not answer a ping.")
            self._transport.abort()
            return
        if not self._reading:
            self._message_deadline = inf  # the application is behind, not the client
        self._heard = False
        self.deadline = min(now + PING_INTERVAL, self._message_deadline)
        if not self._write_paused:
            self._frames.ping()
            self._transport.write(self._frames.output())

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

    # The end

    def _begin_close(self, code: int, reason: str) -> None:
        """Send a close frame and wait for the client's."""
        if self._state is not State.OPEN:
            return
        self._frames.send_close(code, _cut(reason))
        self._transport.write(self._frames.output())
        self._state = State.CLOSING
        self.deadline = self._now() + CLOSE_TIMEOUT
        self._depart(code, reason)
        if self._timer is not None:  # the server stops: nothing sweeps any more
            self._timer = self._loop.call_later(CLOSE_TIMEOUT, self._transport.abort)
        if not self._reading:
            self._resume_reading()

    def _finish(self, code: int, reason: str) -> None:
        """The client has sent its close frame, and has ours."""
        self._state = State.ENDING
        self.deadline = self._now() + CLOSE_TIMEOUT
        self._depart(code, reason)
        self._transport.close()

    def _end(self, code: int, reason: str) -> None:
        """Read nothing more, and close once the client had time to read what was written last."""
        self._state = State.ENDING
        self._rest = b""
        self.deadline = self._now() + LINGER
        self._depart(code, reason)
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _depart(self, code: int, reason: str) -> None:
        """Let the application know of the end."""
        if self._ended is None:
            self._ended = (code, reason)
        self._disconnect.happen()
        self._wake()
        self._wake_writers()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        """The connection was closed, by either side."""
        self._state = State.CLOSED
        self._rest = b""
        self.deadline = self.write_deadline = inf
        self._held.discard(self)
        self._shared.leave(self)
        if self._timer is not None:
            self._timer.cancel()
        self._depart(1006, "")

    def shutdown(self) -> None:
        """The server stops: let the application say why it closes, and close what it leaves open."""
        if self._state is State.OPENING:
            self._refuse(encode_response(Unavailable("This instance stops.", code="stopping")))
        if self._state is State.OPEN:
            self._timer = self._loop.call_later(SHUTDOWN_GRACE, self._begin_close, 1012, "the service stops")
        elif self._state < State.CLOSED:
            self._timer = self._loop.call_later(CLOSE_TIMEOUT, self._transport.abort)


def _binary(data: bytes) -> bytes:
    frame = bytearray(encode_text(data))
    frame[0] = 0x82  # RFC 6455, section 5.2: a binary message in one frame
    return bytes(frame)


def _cut(reason: str) -> str:
    """What of a reason fits into a close frame (RFC 6455, section 5.5: 125 bytes with the code)."""
    return reason.encode()[:123].decode("utf-8", "ignore")


def _expect(kind: str, expected: str) -> None:
    if kind != expected:
        raise RuntimeError(f"{expected} was expected, not {kind}.")


__all__ = ["PIECE", "PING_INTERVAL", "QUEUE", "State", "Upgrade", "WebSocketConnection"]
