"""A WebSocket as the application sees it: the `receive` and `send` of ASGI, and its answer to the handshake.

Imported only where `websockets` is installed, which the core does not ask for.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from umbral_chat._core.http.problems import INTERNAL_ERROR
from umbral_chat._core.server.connections import Connections
from umbral_chat._core.server.handshake import accept_of
from umbral_chat._core.server.refusals import encode_head, encode_response
from umbral_chat._core.server.timed_websocket import TimedWebSocket
from umbral_chat._core.server.websocket_writer import State
from umbral_chat.errors import Forbidden
from umbral_chat.http_kit.asgi import DISCONNECT
from umbral_chat.http_kit.raw_writer import RAW_WRITER
from umbral_chat.http_kit.websocket import encode_text

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

log = logging.getLogger(__name__)


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


class WebSocketConnection(TimedWebSocket):
    """The WebSocket of one client, served by the application in a task."""

    __slots__ = ("_connect", "_held", "_key", "_refusal", "_task")

    def __init__(self, upgrade: Upgrade) -> None:
        super().__init__(upgrade.transport, upgrade.shared, upgrade.loop, write_paused=upgrade.write_paused)
        self._held = upgrade.held
        self._held.add(self)
        self._key = upgrade.key
        self._connect = True  # whether `websocket.connect` is still to be received
        self._refusal: tuple[int, list[tuple[bytes, bytes]], bytearray] | None = None
        scope = upgrade.scope
        scope["extensions"] = {"websocket.http.response": {}, DISCONNECT: self._disconnect, RAW_WRITER: self}
        self._task = upgrade.loop.create_task(self._run(upgrade.app, scope))
        upgrade.tasks.add(self._task)
        self._task.add_done_callback(upgrade.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection was closed, by either side."""
        self._held.discard(self)
        super().connection_lost(exc)

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
        self._open(encode_head(101, headers))


def _binary(data: bytes) -> bytes:
    frame = bytearray(encode_text(data))
    frame[0] = 0x82  # RFC 6455, section 5.2: a binary message in one frame
    return bytes(frame)


def _expect(kind: str, expected: str) -> None:
    if kind != expected:
        raise RuntimeError(f"{expected} was expected, not {kind}.")


__all__ = ["Upgrade", "WebSocketConnection"]
