"""One connection of a client: reads its requests one after another, each within its bounds, and runs the app."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from umbral_chat._core.server.body_writer import extensions_of
from umbral_chat._core.server.chunks import Chunks
from umbral_chat._core.server.connections import Admission, Connections
from umbral_chat._core.server.exchange import Exchange
from umbral_chat._core.server.flow import Latch
from umbral_chat._core.server.framing import (
    after_empty_line,
    check_start,
    foreign_method,
    head_end,
    malformed,
    without_upgrade,
)
from umbral_chat._core.server.handshake import wants_websocket
from umbral_chat._core.server.refusals import FULL, encode_response
from umbral_chat._core.server.scopes import request_scope
from umbral_chat._core.server.timed_connection import DISCARD, Opener, Phase, TimedConnection
from umbral_chat.errors import RequestError

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

RESERVED_HEADER_TIMEOUT = 2.0
"""Seconds for the headers on a reserved connection: a health probe sends them at once."""

DISCARD_TIMEOUT = 5.0
"""Seconds for the rest of a body whose request was answered: a client that reads the answer stops or ends it soon."""


class _Upgrade(Exception):
    """Raised out of the parser, which would take what follows the head for another protocol."""


class Connection(TimedConnection):
    """A connection whose input is bounded before the parser sees it.

    - A head is passed to the parser when it is complete (`framing`), a chunked body never (`chunks`).
    - The next request is read when the one before it is answered; until then at most one read of the socket is
      buffered, however many requests were pipelined.
    """

    __slots__ = (
        "_admission", "_chunks", "_extensions", "_left", "_method", "_searched", "_skipped", "_used", "_websocket",
    )  # fmt: skip

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        shared: Connections,
        websocket: Opener | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, shared=shared)
        self._websocket = websocket  # None: offers to become one are ignored
        self._admission = Admission.WHOLE
        self._used = False  # whether a first request has begun
        self._skipped = False  # whether an empty line before the request was skipped
        self._searched = 0
        self._method: str | None = None
        self._chunks: Chunks | None = None
        self._left = 0  # bytes of a body with a Content-Length that are still to arrive
        self._extensions = extensions_of(self, self._disconnect)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Admit a new connection, or refuse it when there are too many."""
        super().connection_made(transport)
        self._admission = self._shared.admit(self)
        if self._admission is Admission.NONE:
            # Refused before its request is read: more of these would take the last file descriptors.
            self._shared.refusals.count(FULL.code, FULL.detail)
            transport.write(encode_response(FULL))
            self._close()
            return
        reserved = self._admission is Admission.OPERATIONS
        self.deadline = self._now() + (RESERVED_HEADER_TIMEOUT if reserved else self._limits.header_timeout)

    def data_received(self, data: bytes) -> None:
        """Handle bytes from the client, as the phase asks."""
        try:
            if self.phase <= Phase.HEAD:
                self._read_head(self._waiting + data if self._waiting else data)
            elif self.phase is Phase.BODY or self.phase is Phase.DISCARD:
                self._read_body(data)
            elif self.phase is Phase.ANSWER:
                self._waiting += data
                self.flow.pause_reading()
            else:
                self._drop(data)
        except RequestError as error:
            self.refuse(error)

    # Heads

    def _read_head(self, data: bytes) -> None:
        if self.phase is Phase.IDLE:
            if not self._skipped:
                rest = after_empty_line(data)
                if not rest:
                    self._waiting, self._skipped = (b"", True) if rest is not None else (data, False)
                    return
                data, self._skipped = rest, True
            check_start(data)
            self.phase = Phase.HEAD
            self._searched = 0
            if self._used:
                self.since = self._now()
                self.deadline = self.since + self._limits.header_timeout
            self._used = True
        end = head_end(data, self._searched, self._limits)
        if not end:
            self._waiting, self._searched = data, len(data)
            return
        self._waiting = b""
        head, rest = (data, b"") if end == len(data) else (data[:end], data[end:])
        self._begin(head, rest)
        if self.phase is Phase.CLOSING:
            return
        if self.phase is Phase.BODY and rest:
            self._read_body(rest)
        elif rest:
            self._waiting = rest
            self.flow.pause_reading()

    def _begin(self, head: bytes, rest: bytes) -> None:
        self._method = None
        foreign = foreign_method(head)
        if foreign is not None:
            self._method, head = foreign
        self._chunks, self._left = None, 0
        try:
            self._parse(head)
        except httptools.HttpParserUpgrade:
            self._become_websocket(cast("Opener", self._websocket), rest)

    def _parse(self, head: bytes) -> None:
        try:
            self.parser.feed_data(head)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, _Upgrade):
                # An offer of another protocol, such as h2c, may be ignored (RFC 9110, section 7.8). The parser would
                # take the body for that protocol, so it is given the head without the offer.
                self.parser = httptools.HttpRequestParser(self)
                self._parse(without_upgrade(head))
            elif isinstance(cause, RequestError):
                raise cause from None
            else:
                raise malformed("The request cannot be read.") from error
        except httptools.HttpParserError as error:
            raise malformed(f"The request is not well-formed HTTP/1.1: {error}.") from error

    def on_message_begin(self) -> None:
        """httptools: a request begins."""
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header field was parsed."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """httptools: the head is complete. Start the application."""
        method = self._method or self.parser.get_method().decode("ascii")
        version = self.parser.get_http_version()
        upgrade = self.parser.should_upgrade()
        if upgrade:
            offered = method == "GET" and self._method is None and version == "1.1"
            if self._websocket is None or not offered or not wants_websocket(self.headers):
                raise _Upgrade
        scope, self._left, chunked, self.expect_100_continue = request_scope(self, method, version, self._extensions)
        self.scope = cast("Any", scope)
        self._chunks = Chunks() if chunked else None
        if upgrade:
            if self._admission is Admission.OPERATIONS:
                raise FULL
            if self._left or chunked:
                raise malformed("The request for a WebSocket has a body.")
            return
        reserved = self._admission is Admission.OPERATIONS
        if reserved and scope["path"] != "/metrics" and not scope["path"].startswith("/health/"):
            raise FULL
        self.cycle = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=cast("asyncio.Event", Latch()),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version == "1.1" and not reserved and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if self._left or self._chunks is not None:
            self.phase = Phase.BODY
            self.deadline = self._now() + self._limits.body_timeout
        self.cycle.start(self.loop, self.app, self.tasks)

    # Bodies

    def on_message_complete(self) -> None:
        """httptools: the body is complete."""
        if self.parser.should_upgrade() or (self._chunks is not None and not self._chunks.done):
            return
        self.phase = Phase.ANSWER
        self.deadline = inf
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body to the application."""
        cycle = self.cycle
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def _read_body(self, data: bytes) -> None:
        if self._chunks is not None:
            content, rest = self._chunks.feed(data)
            whole = self._chunks.done
        else:
            content, rest = data[: self._left], data[self._left :]
            self._left -= len(content)
            whole = not self._left
        if self.phase is Phase.DISCARD:
            self._discarded += len(data)
            if self._discarded > DISCARD:
                self._linger()
            elif whole:
                self.parser = httptools.HttpRequestParser(self)  # the previous one still waits for the body
                self._waiting = rest
                self._next()
            return
        if self._chunks is None:
            self.parser.feed_data(content)
        else:
            if content:
                self.on_body(content)
            if whole:
                self.parser = httptools.HttpRequestParser(self)
                self.on_message_complete()
        if rest:
            self._waiting = rest
            self.flow.pause_reading()

    # The answer

    def on_response_complete(self) -> None:
        """The answer is complete: read the next request, discard the rest of the body, or close."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        whole = self.phase is not Phase.BODY
        if not self.cycle.keep_alive:
            self._close() if whole and not self._waiting else self._linger()
        elif whole:
            self._next()
        else:
            self.phase = Phase.DISCARD
            self.since = self._now()
            self.deadline = min(self.deadline, self.since + DISCARD_TIMEOUT)
            self._discarded = 0
            self.flow.resume_reading()

    def _next(self) -> None:
        self.phase = Phase.IDLE
        self._skipped = False
        self.since = self._now()
        self.deadline = self.since + self._limits.keep_alive
        data, self._waiting = self._waiting, b""
        if data:
            self.data_received(data)
        if not self._waiting or self.phase is not Phase.ANSWER:
            self.flow.resume_reading()


__all__ = ["Connection"]
