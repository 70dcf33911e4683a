"""Writing encoded bytes to a client's connection past ASGI: what is encoded once is written to many clients, without a
task or a future for each write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from litestar.types import Scope

RAW_WRITER = "umbral_chat.raw_writer"
"""Key of the scope's extensions under which our own server leaves the `RawWriter` of the connection."""


class RawWriter(Protocol):
    """Writes to the connection of one request, beside `send`, once its answer has begun: for a WebSocket after
    `websocket.accept`, for a body after its head was sent, and until its end.

    What is written is complete: WebSocket frames, or a piece of a body as `chunked` asks for. It is not checked.
    """

    @property
    def chunked(self) -> bool:
        """Whether what is written has to be framed as `chunk` does: the body of an answer of HTTP/1.1. Clients of
        HTTP/1.0 get it as it is."""
        ...

    @property
    def writable(self) -> bool:
        """Whether the connection is open and its client reads fast enough: less than the transport's high-water mark
        is unsent."""
        ...

    def write(self, data: bytes) -> bool:
        """Write `data` now; whether the connection is `writable` after it. What is written to one that is open is
        sent, in order, also when the answer is False; what is written to a closed one is dropped. Never waits, never
        raises."""
        ...

    async def drained(self) -> bool:
        """Wait until the connection is writable (True), or closed (False): at the latest after the server's write
        timeout, past which a client that reads nothing is disconnected."""
        ...

    def abort(self) -> None:
        """End the connection at once, with what it holds unsent."""
        ...


def chunk(data: bytes) -> bytes:
    """A chunk of a chunked body (RFC 9112, section 7.1). `data` must not be empty, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def raw_writer(scope: Scope) -> RawWriter | None:
    """The `RawWriter` of the request's connection; None under a server that has none."""
    extensions: Any = scope.get("extensions")
    found: RawWriter | None = extensions.get(RAW_WRITER) if extensions else None
    return found


__all__ = ["RAW_WRITER", "RawWriter", "chunk", "raw_writer"]
