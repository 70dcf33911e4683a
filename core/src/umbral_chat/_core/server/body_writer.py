"""The `RawWriter` of an answer's body: a stream's bytes on the shortest way to the transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from umbral_chat.http_kit.asgi import DISCONNECT, Disconnect
from umbral_chat.http_kit.raw_writer import RAW_WRITER

if TYPE_CHECKING:
    from umbral_chat._core.server.timed_connection import TimedConnection


class BodyWriter:
    """See `umbral_chat.http_kit.raw_writer.RawWriter`. One for each connection, made with it."""

    __slots__ = ("_connection",)

    def __init__(self, connection: TimedConnection) -> None:
        self._connection = connection

    @property
    def chunked(self) -> bool:
        """Whether the body is chunked."""
        return bool(self._connection.cycle.chunked_encoding)

    @property
    def writable(self) -> bool:
        """Whether the answer is under way and its client reads fast enough."""
        return self._open and not self._connection.flow.write_paused

    @property
    def _open(self) -> bool:
        cycle = self._connection.cycle
        return not (cycle.disconnected or cycle.response_complete)

    def write(self, data: bytes) -> bool:
        """Write encoded bytes; False: wait for `drained`."""
        connection = self._connection
        cycle = connection.cycle
        if cycle.disconnected or cycle.response_complete:
            return False
        connection.transport.write(data)
        return not connection.flow.write_paused

    async def drained(self) -> bool:
        """Wait until the client has read enough; False: it is gone, or the answer has ended."""
        await self._connection.flow.drain()
        return self._open

    def abort(self) -> None:
        """End the connection at once."""
        self._connection.transport.abort()


def extensions_of(connection: TimedConnection, disconnect: Disconnect) -> dict[str, Any]:
    """What our own server offers beyond ASGI, for the scopes of a connection's requests."""
    return {DISCONNECT: disconnect, RAW_WRITER: BodyWriter(connection)}


__all__ = ["BodyWriter", "extensions_of"]
