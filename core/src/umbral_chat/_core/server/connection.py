"""One connection of a client: its requests one after another, each within bounds and deadlines."""

from __future__ import annotations

import asyncio
import sys
import urllib.parse
from enum import IntEnum
from math import inf
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from umbral_chat._core.server.chunks import Chunks
from umbral_chat._core.server.connections import Admission, Connections, Stage
from umbral_chat._core.server.exchange import Exchange
from umbral_chat._core.server.framing import after_empty_line, check_start, foreign_method, head_end, malformed
from umbral_chat._core.server.refusals import FULL, encode_response
from umbral_chat.errors import RequestError, RequestTimeout
from umbral_chat.http_kit.asgi import DISCONNECT, Disconnect

if sys.platform != "win32":
    import fcntl
    import termios

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

LINGER = 1.0
"""Seconds in which a refused client may read the answer: closing while it still sends would take it away (RFC 9112,
section 9.6)."""

RESERVED_HEADER_TIMEOUT = 2.0
"""Seconds for the headers of a connection of the reserve: who asks for health sends them at once."""

PROGRESS = 16_384
"""Bytes that a client must take within the write timeout: what asyncio calls low water."""

DISCARD = 1_048_576
"""Bytes that are read and dropped after an answer that did not wait for them."""

DISCARD_TIMEOUT = 5.0
"""Seconds in which they have to come: a client that reads its answer has stopped, or ends its body soon."""


_READ = frozenset((b"content-length", b"transfer-encoding", b"host", b"expect"))


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
    """The client, to take the last answer and to close."""


class _Upgrade(Exception):
    """The parser would take what follows the head for another protocol."""


class Connection(HttpToolsProtocol):
    """uvicorn's protocol over httptools, which has no bounds of its own, with bounds around it.

    - A head goes to the parser when it is whole (`framing`), a chunked body not at all (`chunks`).
    - The next request is looked at when the one before is answered; until then at most one read of the socket waits
      in memory, however many requests were pipelined.
    - `Connections.sweep` ends what takes longer than it may.
    """

    cycle: Exchange
    """The last one that began; there is one in every phase from BODY on, but in CLOSING."""

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
        self.phase = Phase.IDLE
        self.deadline = inf
        self.write_deadline = inf
        self.since = shared.clock.monotonic()
        self._shared = shared
        self._limits = shared.limits
        self._now = shared.clock.monotonic
        self._admission = Admission.WHOLE
        self._used = False  # a first request has begun
        self._skipped = False  # an empty line before the request
        self._waiting = b""  # what arrived and was not looked at, or is a part of a head
        self._searched = 0
        self._method: str | None = None
        self._chunks: Chunks | None = None
        self._left = 0  # bytes of a body with a Content-Length
        self._discarded = 0
        self._unread = 0
        self._disconnect = Disconnect()
        self._extensions: dict[str, Any] = {DISCONNECT: self._disconnect}

    # The transport's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._admission = self._shared.admit(self)
        if self._admission is Admission.NONE:
            # No time for its request: more of these would take the last descriptors.
            self._shared.refusals.count(FULL.code, FULL.detail)
            transport.write(encode_response(FULL))
            self._close()
            return
        reserved = self._admission is Admission.OPERATIONS
        self.deadline = self._now() + (RESERVED_HEADER_TIMEOUT if reserved else self._limits.header_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whichever side."""
        self._shared.leave(self)
        self._waiting = b""
        self.deadline = self.write_deadline = inf
        self._disconnect.happen()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
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

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        if self.phase is not Phase.CLOSING:
            self.write_deadline = inf

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
        self._begin(head)
        if self.phase is Phase.CLOSING:
            return
        if self.phase is Phase.BODY and rest:
            self._read_body(rest)
        elif rest:
            self._waiting = rest
            self.flow.pause_reading()

    def _begin(self, head: bytes) -> None:
        self._method = None
        foreign = foreign_method(head)
        if foreign is not None:
            self._method, head = foreign
        self._chunks, self._left = None, 0
        try:
            self._parse(head)
        except httptools.HttpParserUpgrade:
            self._shared.leave(self)
            self.deadline = inf
            self.handle_websocket_upgrade()

    def _parse(self, head: bytes) -> None:
        try:
            self.parser.feed_data(head)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, _Upgrade):
                # An offer of another protocol, such as h2c, may be passed over (RFC 9110, section 7.8). The parser
                # would take the body for that protocol, so it is shown the head without the offer.
                self.parser = httptools.HttpRequestParser(self)
                self._parse(_without_upgrade(head))
            elif isinstance(cause, RequestError):
                raise cause from None
            else:
                raise malformed("The request cannot be read.") from error
        except httptools.HttpParserError as error:
            raise malformed(f"The request is not well-formed HTTP/1.1: {error}.") from error

    def on_message_begin(self) -> None:
        """The parser has a request."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": "http",
            "root_path": self.root_path,
            "headers": self.headers,
            "state": self.app_state.copy(),
            "extensions": self._extensions,
        }  # type: ignore[typeddict-item]  # the rest comes with the whole head

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser has read a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The parser has read the head."""
        scope = self.scope
        scope["method"] = self._method or self.parser.get_method().decode("ascii")
        if self.parser.should_upgrade():
            if self._method is None and scope["method"] == "GET" and self._should_upgrade():
                return
            raise _Upgrade
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise malformed(f"HTTP {version} is not spoken here, but 1.1 and 1.0.")
        scope["http_version"] = version
        self._read_target()
        self._read_headers(version)
        reserved = self._admission is Admission.OPERATIONS
        if reserved and scope["path"] != "/metrics" and not scope["path"].startswith("/health/"):
            raise FULL
        self.cycle = Exchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version == "1.1" and not reserved and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if self._left or self._chunks is not None:
            self.phase = Phase.BODY
            self.deadline = self._now() + self._limits.body_timeout
        self.cycle.start(self.loop, self.app, self.tasks)

    def _read_target(self) -> None:
        if b"#" in self.url:
            # The parser would drop what follows as a fragment, and no request has one (RFC 9112, section 3.2).
            raise malformed("The path holds a '#', which is written %23, and in an id ~23.")
        try:
            if self.url[:1] == b"/":
                target, _, query = self.url.partition(b"?")
            else:
                parsed = httptools.parse_url(self.url)
                target, query = parsed.path or b"/", parsed.query or b""
            path = target.decode("ascii")
        except (httptools.HttpParserInvalidURLError, UnicodeDecodeError) as error:
            raise malformed("The path is none: it is ASCII, with everything else percent-encoded.") from error
        scope = self.scope
        scope["raw_path"] = target
        scope["path"] = self.root_path + (urllib.parse.unquote(path) if "%" in path else path)
        scope["query_string"] = query

    def _read_headers(self, version: str) -> None:
        hosts = 0
        for name, value in self.headers:
            if name not in _READ:
                continue
            if name == b"content-length":
                self._left = int(value)  # digits, and once: the parser has seen to it
            elif name == b"transfer-encoding":
                if version == "1.0" or value.strip().lower() != b"chunked" or self._chunks is not None:
                    raise malformed("A Transfer-Encoding other than one `chunked` of HTTP/1.1 is not taken.")
                self._chunks = Chunks()
            elif name == b"host":
                hosts += 1
            elif name == b"expect":
                self.expect_100_continue = version == "1.1" and value.lower() == b"100-continue"
        if hosts != 1 and (hosts or version == "1.1"):
            raise malformed("The header Host is missing, or was sent twice.")

    # Bodies

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.parser.should_upgrade() or (self._chunks is not None and not self._chunks.done):
            return
        self.phase = Phase.ANSWER
        self.deadline = inf
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
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
                self.parser = httptools.HttpRequestParser(self)  # the other one still waits for the body
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
        """The application has answered."""
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

    # The end

    def refuse(self, error: RequestError) -> None:
        """Answer with a problem in the application's stead, and close."""
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
            self._close()  # one who waits for more of this client would keep the reserve from others
        else:
            self._linger()

    @property
    def stage(self) -> Stage:
        """What would be lost if it were closed."""
        if self.phase is Phase.ANSWER:
            return Stage.SERVED
        if self.phase is Phase.BODY:
            return Stage.SERVED if self.cycle.response_started else Stage.ARRIVING
        return Stage.WAITING

    def evict(self) -> None:
        """Close in favour of a newcomer."""
        self._shared.refusals.count(
            "gave_way",
            "A connection that was idle, or whose request was not whole, was closed in favour of a new one: there are "
            "as many as there may be (core.limits.connections).",
        )
        if self.phase is Phase.BODY:
            self.refuse(FULL)
        elif self.phase is Phase.CLOSING:
            self.transport.abort()
        else:
            self._close()

    def expire(self, now: float) -> None:
        """A deadline is over: see `Connections.sweep`."""
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
            left += self._unacknowledged()
        if not left:
            self.deadline = self.write_deadline = inf
            if self.phase is Phase.CLOSING:
                self.transport.close()
        elif left <= self._unread - PROGRESS:
            self._unread = left
            self.deadline = inf
            self.write_deadline = now + self._limits.write_timeout
        elif now >= self.write_deadline:
            self._shared.refusals.count("unread", "A client did not take its answer (core.limits.write_timeout).")
            self.transport.abort()
        else:
            self.deadline = inf  # lingered long enough; the answer has its own time

    def shutdown(self) -> None:
        """The server drains: end what is idle, and the others after their answer."""
        if self.phase is Phase.BODY or self.phase is Phase.ANSWER:
            self.cycle.keep_alive = False
        elif self.phase is not Phase.CLOSING:
            self._close()

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
        self._unread = self.transport.get_write_buffer_size() + self._unacknowledged()
        self.write_deadline = self._now() + self._limits.write_timeout

    def _unacknowledged(self) -> int:
        # The socket takes more only when a third of its buffer is free, which may be a megabyte: what a slow client
        # reads shows in the socket first.
        if sys.platform == "win32":
            return 0
        socket = self.transport.get_extra_info("socket")
        try:
            return int.from_bytes(fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        except (OSError, AttributeError):  # closed in the meantime, or a platform that does not tell
            return 0


def _too_slow(part: str, setting: str, limit: float) -> RequestTimeout:
    return RequestTimeout(
        f"The {part} did not arrive within {limit:g} seconds (core.limits.{setting}).", field=part, limit=limit
    )


def _without_upgrade(head: bytes) -> bytes:
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if line[:8].lower() != b"upgrade:")


__all__ = ["Connection", "Phase"]
