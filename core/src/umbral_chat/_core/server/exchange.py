"""One request and its answer: the `receive` and `send` of the application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from umbral_chat._core.http.outer_middleware import FOR_BROWSERS
from umbral_chat._core.http.problems import INTERNAL_ERROR

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

JOINED_BYTES = 65_536
"""Bytes of a first piece up to which it is written together with the head: copying more costs as much as a write."""

FIELD_CACHE_SIZE = 128
"""Encoded header fields that are cached: most answers have the same few, which are checked once."""

_FIELDS: dict[tuple[bytes, bytes], bytes] = {}

_UNCACHED = frozenset(b"connection content-length transfer-encoding etag location poll-after-ms retry-after".split())
"""Fields that are not cached: those that this module acts on, and those that differ from answer to answer."""


class Exchange(RequestResponseCycle):
    """uvicorn's cycle, with one write for an answer's head and first piece, and answers that HTTP/1.0 clients can
    read."""

    _head = b""

    def start(self, loop: asyncio.AbstractEventLoop, app: ASGI3Application, tasks: set[asyncio.Task[None]]) -> None:
        """Run the application in a task, which `tasks` keeps."""
        task = loop.create_task(self.run_asgi(app))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def abandon(self) -> None:
        """Drop what the application still sends; its next `receive` is the disconnect."""
        self.disconnected = True
        self.message_event.set()

    async def receive(self) -> Any:
        """ASGI: the next piece of the body, or the disconnect."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            # Once the body is complete, further bytes belong to later requests, which wait unread for their turn.
            if self.more_body:
                self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Any) -> None:
        """ASGI: write a part of the answer. Waits only while the client does not read.

        Raises RuntimeError for messages that ASGI does not allow.
        """
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            _expect(message, "http.response.start")
            self.response_started = True
            self.waiting_for_100_continue = False
            head = self._encode_head(message)
            if self.chunked_encoding:
                # A stream's first piece may be much later, and its client waits for the head.
                self.transport.write(head)
            else:
                self._head = head
        elif not self.response_complete:
            _expect(message, "http.response.body")
            self._write_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} was sent after the answer was complete.")

    async def send_500_response(self) -> None:
        """Answer for an application that failed before it did."""
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(INTERNAL_ERROR)).encode()),
            *FOR_BROWSERS,
            (b"connection", b"close"),
        ]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": INTERNAL_ERROR, "more_body": False})

    def _encode_head(self, message: Any) -> bytes:
        status = message["status"]
        content = [STATUS_LINE[status]]
        closes = False
        for name, value in [*self.default_headers, *message.get("headers", ())]:
            line = _FIELDS.get((name, value))
            if line is not None:
                content.append(line)
                continue
            lower = name.lower()
            line = _encode_field(lower, value)
            if lower == b"content-length" and self.chunked_encoding is None:
                self.expected_content_length = int(value)
                self.chunked_encoding = False
            elif lower == b"transfer-encoding" and value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
            elif lower == b"connection" and b"close" in [token.strip() for token in value.lower().split(b",")]:
                self.keep_alive = False
                closes = True
            elif len(_FIELDS) < FIELD_CACHE_SIZE and lower not in _UNCACHED:
                _FIELDS[name, value] = line
            content.append(line)
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            if self.scope["http_version"] == "1.0":
                self.keep_alive = (
                    False  # such a client does not support chunks: the end of the connection ends the body
                )
                self.chunked_encoding = False
                self.expected_content_length = -1
            else:
                self.chunked_encoding = True
                content.append(b"transfer-encoding: chunked\r\n")
        if not self.keep_alive and not closes:
            content.append(b"connection: close\r\n")
        content.append(b"\r\n")
        return b"".join(content)

    def _write_body(self, body: bytes, *, more: bool) -> None:
        head, self._head = self._head, b""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            body = b""
        elif self.chunked_encoding:
            body = b"".join(((b"%x\r\n%b\r\n" % (len(body), body)) if body else b"", b"" if more else b"0\r\n\r\n"))
        elif self.expected_content_length >= 0:
            if len(body) > self.expected_content_length:
                raise RuntimeError("The body is longer than its Content-Length.")
            self.expected_content_length -= len(body)
        if head and len(body) <= JOINED_BYTES:
            self.transport.write(head + body)
        else:
            if head:
                self.transport.write(head)
            if body:
                self.transport.write(body)
        if not more:
            if self.expected_content_length > 0:
                raise RuntimeError("The body is shorter than its Content-Length.")
            self.response_complete = True
            self.message_event.set()
            self.on_response()


def _encode_field(name: bytes, value: bytes) -> bytes:
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    if HEADER_VALUE_RE.search(value):
        raise RuntimeError("Invalid HTTP header value.")
    return b"".join((name, b": ", value, b"\r\n"))


def _expect(message: Any, kind: str) -> None:
    if message["type"] != kind:
        raise RuntimeError(f"{kind} was expected, not {message['type']}.")


__all__ = ["JOINED_BYTES", "Exchange"]
