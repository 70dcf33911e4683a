"""Writing encoded bytes to a client's connection past ASGI: what is encoded once is written to many clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from litestar.types import Scope

RAW_WRITER = "umbral_chat.raw_writer"
"""Key of the scope's extensions under which our own server leaves the `RawWriter` of the connection."""


class RawWriter(Protocol):
    """Writes to the connection of one request, once its answer has begun: for a WebSocket after `websocket.accept`.

    What is written is complete: a WebSocket frame, or a chunk of a chunked body with its size. It is not checked.
    """

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
        """Wait until the connection is writable (True), or closed (False)."""
        ...


def raw_writer(scope: Scope) -> RawWriter | None:
    """The `RawWriter` of the request's connection; None under a server that has none."""
    extensions: Any = scope.get("extensions")
    found: RawWriter | None = extensions.get(RAW_WRITER) if extensions else None
    return found


__all__ = ["RAW_WRITER", "RawWriter", "raw_writer"]
