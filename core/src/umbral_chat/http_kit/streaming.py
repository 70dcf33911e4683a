"""What a stream needs of its server beyond ASGI: to write bytes that were encoded once for many clients directly to a
connection, and to know whether it keeps up, without a task or a future for each write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from litestar.types import Scope

BODY_WRITER = "umbral_chat.body_writer"
"""Key of the scope's extensions under which our own server leaves the `BodyWriter` of the connection."""


class BodyWriter(Protocol):
    """Writes to the body of an answer that has begun, beside `send`. It is the connection's, for the answer that is
    under way, so nothing is written with it before the head was sent, nor after the end."""

    @property
    def chunked(self) -> bool:
        """Whether what is written has to be framed as `chunk` does: clients of HTTP/1.0 get it as it is."""
        ...

    def write(self, data: bytes) -> bool:
        """Write encoded bytes. Never waits, never raises. True: the next may follow at once. False: the client does not
        keep up, or is gone; the bytes are taken, and `drained` says when the next may follow."""
        ...

    async def drained(self) -> None:
        """Wait until the client has read enough for the next write. Raises ConnectionError when it is gone. It ends
        within the server's write time-out, past which a client that reads nothing is disconnected."""
        ...

    def abort(self) -> None:
        """End the connection at once, with what it holds unsent."""
        ...


def chunk(data: bytes) -> bytes:
    """A chunk of a chunked body (RFC 9112, section 7.1). `data` must not be empty, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def body_writer(scope: Scope) -> BodyWriter | None:
    """The `BodyWriter` of the request's connection; None under a server that has none."""
    extensions: Any = scope.get("extensions")
    found: BodyWriter | None = extensions.get(BODY_WRITER) if extensions else None
    return found


__all__ = ["BODY_WRITER", "BodyWriter", "body_writer", "chunk"]
