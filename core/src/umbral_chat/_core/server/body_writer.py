"""The `BodyWriter` of a connection: a stream's bytes on the shortest way to the transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from umbral_chat.http_kit.asgi import DISCONNECT, Disconnect
from umbral_chat.http_kit.streaming import BODY_WRITER

if TYPE_CHECKING:
    from umbral_chat._core.server.timed_connection import TimedConnection


class ConnectionBodyWriter:
    """See `umbral_chat.http_kit.streaming.BodyWriter`. One for each connection, made with it."""

    __slots__ = ("_connection",)

    def __init__(self, connection: TimedConnection) -> None:
        self._connection = connection

    @property
    def chunked(self) -> bool:
        """Whether the body is chunked."""
        return bool(self._connection.cycle.chunked_encoding)

    def write(self, data: bytes) -> bool:
        """Write encoded bytes; False: wait for `drained`."""
        connection = self._connection
        cycle = connection.cycle
        if cycle.disconnected or cycle.response_complete:
            return False
        connection.transport.write(data)
        return not connection.flow.write_paused

    async def drained(self) -> None:
        """Wait until the client has read enough."""
        connection = self._connection
        await connection.flow.drain()
        if connection.cycle.disconnected:
            raise ConnectionResetError("the client is gone")

    def abort(self) -> None:
        """End the connection at once."""
        self._connection.transport.abort()


def extensions_of(connection: TimedConnection, disconnect: Disconnect) -> dict[str, Any]:
    """What our own server offers beyond ASGI, for the scopes of a connection's requests."""
    return {DISCONNECT: disconnect, BODY_WRITER: ConnectionBodyWriter(connection)}


__all__ = ["ConnectionBodyWriter", "extensions_of"]
