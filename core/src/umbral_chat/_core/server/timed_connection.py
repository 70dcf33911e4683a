"""How a connection ends: its deadlines, eviction in favour of a new one, refusals, closing, or as a WebSocket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from math import inf
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from umbral_chat._core.server.connections import Connections, Stage
from umbral_chat._core.server.exchange import Exchange
from umbral_chat._core.server.flow import Flow
from umbral_chat._core.server.handshake import read_key
from umbral_chat._core.server.refusals import FULL, encode_response
from umbral_chat._core.server.scopes import websocket_scope
from umbral_chat._core.server.write_progress import PROGRESS, unacknowledged, unread
from umbral_chat.errors import RequestError, RequestTimeout
from umbral_chat.http_kit.asgi import Disconnect

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from umbral_chat._core.server.websocket import Upgrade, WebSocketConnection

LINGER = 1.0
"""Seconds in which a refused client may read the answer: closing while it still sends would discard it (RFC 9112,
section 9.6)."""

DISCARD = 1_048_576
"""Bytes of a body that are read and dropped after an early answer."""


Opener = Callable[["Upgrade"], "WebSocketConnection"]
"""Makes the WebSocket of a connection that becomes one."""


_NO_PIPELINE: deque[Any] = deque(maxlen=0)
"""uvicorn's queue of further requests, one for all connections: here they wait unread."""


class Phase(IntEnum):
    """What a connection waits for."""

    IDLE = 0
    """A request to begin."""
    HEAD = 1
    """The rest of the headers."""
    BODY = 2
    """The rest of the body."""
    ANSWER = 3
    """The application."""
    DISCARD = 4
    """The rest of a body whose request was answered."""
    CLOSING = 5
    """The client, to read the last answer and to close."""


class TimedConnection(HttpToolsProtocol):
    """uvicorn's protocol over httptools, which has no deadlines of its own, with deadlines for every phase.

    `Connections.sweep` calls `expire` for what takes longer than it may.
    """

    # With all of these beside uvicorn's in one dictionary, that one would be too large to share its keys, which makes a
    # connection 1 KiB larger.
    __slots__ = (
        "_discarded",
        "_disconnect",
        "_limits",
        "_now",
        "_shared",
        "_unread",
        "_waiting",
        "deadline",
        "phase",
        "since",
        "write_deadline",
    )

    cycle: Exchange
    """The newest request and its answer; set in every phase from BODY on, except in CLOSING."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        shared: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.pipeline = _NO_PIPELINE
        self.phase = Phase.IDLE
        self.deadline = inf
        self.write_deadline = inf
        self.since = shared.clock.monotonic()
        self._shared = shared
        self._limits = shared.limits
        self._now = shared.clock.monotonic
        self._waiting = b""  # received bytes that are not read yet, or are a part of a head
        self._discarded = 0
        self._unread = 0
        self._disconnect = Disconnect()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """The connection was made."""
        super().connection_made(transport)
        self.flow = Flow(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection was closed, by either side."""
        self._shared.leave(self)
        self._waiting = b""
        self.deadline = self.write_deadline = inf
        self._disconnect.happen()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads too slowly: start the write timeout."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """The client reads again: stop the write timeout."""
        super().resume_writing()
        if self.phase is not Phase.CLOSING:
            self.write_deadline = inf

    def refuse(self, error: RequestError) -> None:
        """Answer with problem details in place of the application, and close."""
        self._shared.refusals.count(error.code, error.detail)
        if self.phase is Phase.DISCARD:
            self._linger()
            return
        if self.phase is Phase.BODY:
            self.cycle.abandon()
            self._disconnect.happen()
            if self.cycle.response_started:
                self.transport.abort()
                return
        if self.transport.is_closing():
            return
        self.transport.write(encode_response(error))
        if error is FULL:
            self._close()  # lingering would keep a reserved place from others
        else:
            self._linger()

    @property
    def stage(self) -> Stage:
        """What would be lost if the connection were closed now."""
        if self.phase is Phase.ANSWER:
            return Stage.SERVED
        if self.phase is Phase.BODY:
            return Stage.SERVED if self.cycle.response_started else Stage.ARRIVING
        return Stage.WAITING

    def evict(self) -> None:
        """Close, to make room for a new connection."""
        self._shared.refusals.count(
            "gave_way",
            "A connection that was idle, or whose request was incomplete, was closed in favour of a new one: the limit "
            "is reached (core.limits.connections).",
        )
        if self.phase is Phase.BODY:
            self.refuse(FULL)
        elif self.phase is Phase.CLOSING:
            self.transport.abort()
        else:
            self._close()

    def expire(self, now: float) -> None:
        """End what is past its deadline at `now`: called by `Connections.sweep`."""
        if self.phase is Phase.CLOSING or now >= self.write_deadline:
            self._expire_writing(now)
        elif self.phase is Phase.IDLE:
            self._shared.refusals.count("idle")
            self.transport.abort() if self.transport.get_write_buffer_size() else self._close()
        elif self.phase is Phase.DISCARD:
            self._linger()
        elif self.phase is Phase.HEAD:
            self.refuse(_too_slow("headers", "header_timeout", self._limits.header_timeout))
        else:
            self.refuse(_too_slow("body", "body_timeout", self._limits.body_timeout))

    def _expire_writing(self, now: float) -> None:
        left = self.transport.get_write_buffer_size()
        if left:
            left += unacknowledged(self.transport)
        if not left:
            self.deadline = self.write_deadline = inf
            if self.phase is Phase.CLOSING:
                self.transport.close()
        elif left <= self._unread - PROGRESS:
            self._unread = left
            self.deadline = inf
            self.write_deadline = now + self._limits.write_timeout
        elif now >= self.write_deadline:
            self._shared.refusals.count("unread", "A client did not read its answer (core.limits.write_timeout).")
            self.transport.abort()
        else:
            self.deadline = inf  # lingered long enough; unread answers have the write deadline

    def shutdown(self) -> None:
        """The server drains: close now if idle, else after the answer."""
        if self.phase is Phase.BODY or self.phase is Phase.ANSWER:
            self.cycle.keep_alive = False
        elif self.phase is not Phase.CLOSING:
            self._close()

    def _become_websocket(self, opener: Opener, rest: bytes) -> None:
        """Hand the transport, and what the client sent after the head, to a WebSocket."""
        from umbral_chat._core.server.websocket import Upgrade

        upgrade = Upgrade(
            transport=self.transport,
            scope=websocket_scope(self.scope),
            key=read_key(self.headers),
            app=self.app,
            shared=self._shared,
            held=self.connections,
            tasks=self.tasks,
            loop=self.loop,
            write_paused=self.flow.write_paused,
        )
        self._shared.leave(self)
        self.connections.discard(self)
        self.phase = Phase.CLOSING  # this object is done; the transport is not
        self.deadline = self.write_deadline = inf
        websocket = opener(upgrade)
        self.transport.set_protocol(websocket)
        if rest:
            websocket.data_received(rest)
        self.parser = None  # type: ignore[assignment]  # it refers to this connection, which nothing needs any more

    def _close(self) -> None:
        self.phase = Phase.CLOSING
        self.deadline = inf
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._watch_writing()

    def _linger(self) -> None:
        self.phase = Phase.CLOSING
        self.since = self._now()
        self.deadline = self.since + LINGER
        self._watch_writing()
        self._waiting = b""
        self._discarded = 0
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _drop(self, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > DISCARD:
            self.flow.pause_reading()

    def _watch_writing(self) -> None:
        self._unread = unread(self.transport)
        self.write_deadline = self._now() + self._limits.write_timeout


def _too_slow(part: str, setting: str, limit: float) -> RequestTimeout:
    return RequestTimeout(
        f"The {part} did not arrive within {limit:g} seconds (core.limits.{setting}).", field=part, limit=limit
    )


__all__ = ["DISCARD", "Opener", "Phase", "TimedConnection"]
