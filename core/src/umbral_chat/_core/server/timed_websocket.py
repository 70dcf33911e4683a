"""The transport of a WebSocket: messages in, frames out, its deadlines, and its end. The frames are read by `frames`.

Imported only where `websockets` is installed, which the core does not ask for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf

from umbral_chat._core.server.connections import Connections, Stage
from umbral_chat._core.server.frames import Frames
from umbral_chat._core.server.refusals import encode_response
from umbral_chat._core.server.timed_connection import DISCARD, LINGER
from umbral_chat._core.server.websocket_writer import State, WebSocketWriter
from umbral_chat.errors import Unavailable
from umbral_chat.http_kit.asgi import Disconnect

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


class TimedWebSocket(WebSocketWriter):
    """A connection that became a WebSocket, with deadlines for all that its client may delay.

    `Connections.sweep` calls `expire`: a timer for each socket would cost more than the socket.
    """

    __slots__ = (
        "_discarded",
        "_disconnect",
        "_ended",
        "_frames",
        "_message_deadline",
        "_messages",
        "_reading",
        "_received",
        "_rest",
        "_timer",
        "_waiter",
        "deadline",
        "since",
    )

    def __init__(
        self, transport: asyncio.Transport, shared: Connections, loop: asyncio.AbstractEventLoop, *, write_paused: bool
    ) -> None:
        super().__init__(transport, shared, loop, write_paused=write_paused)
        self._frames = Frames(shared.limits.body_bytes)
        self._ended: tuple[int, str] | None = None  # the end, as the application receives it
        self._messages: deque[str | bytes] = deque()
        self._rest = b""  # input that waits for the application to take messages
        self._reading = True
        self._discarded = 0
        self._waiter: asyncio.Future[None] | None = None
        self._disconnect = Disconnect()
        self._received = True
        self._message_deadline = inf
        self._timer: asyncio.TimerHandle | None = None
        self.deadline = inf
        self.since = self._now()
        shared.keep(self)

    def _open(self, answer: bytes) -> None:
        """Begin to read and write frames, after this answer to the handshake."""
        self._transport.write(answer)
        self._state = State.OPEN
        self.deadline = self._now() + PING_INTERVAL
        if not self._reading:
            self._resume_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if not self._reading:
            self._resume_reading()

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
        self._received = True
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
            self._received = True
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
        if not self._received and self._reading:
            self._shared.refusals.count("half_open", "A WebSocket's client is gone: it did not answer a ping.")
            self._transport.abort()
            return
        if not self._reading:
            self._message_deadline = inf  # the application is behind, not the client
        self._received = False
        self.deadline = min(now + PING_INTERVAL, self._message_deadline)
        if not self._write_paused:
            self._frames.ping()
            self._transport.write(self._frames.output())

    # The end

    def _refuse(self, answer: bytes) -> None:
        self._transport.write(answer)
        self._end(1006, "")

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


def _cut(reason: str) -> str:
    """What of a reason fits into a close frame (RFC 6455, section 5.5: 125 bytes with the code)."""
    return reason.encode()[:123].decode("utf-8", "ignore")


__all__ = ["CLOSE_TIMEOUT", "PIECE", "PING_INTERVAL", "QUEUE", "SHUTDOWN_GRACE", "TimedWebSocket"]
