"""The edge `sse`: `GET /v1/conversations/{id}/stream`."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.disconnect import watched
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.http_kit.raw_writer import raw_writer
from umbral_chat.model.cursor import Cursor
from umbral_chat.providers.presence import DEVICE, check_name, person

from umbral_chat_streaming.sse.connection import connect
from umbral_chat_streaming.sse.document import STREAM, stream_documented
from umbral_chat_streaming.tickets import PARAMETERS

if TYPE_CHECKING:
    from litestar.handlers import ASGIRouteHandler
    from litestar.types import Receive, Scope, Send
    from umbral_chat.context import Services
    from umbral_chat.http_kit.origins import OriginCheck
    from umbral_chat.providers.auth import Principal

    from umbral_chat_streaming.hub import Hub, Opening
    from umbral_chat_streaming.tickets import Tickets

EDGE = "sse"

HEADERS: asgi.Headers = [
    (b"content-type", b"text/event-stream"),
    # Nothing on the way may keep it or change it: a proxy that compresses also gathers.
    (b"cache-control", b"no-cache, no-transform"),
    # nginx then passes on each event at once, without a setting of its own.
    (b"x-accel-buffering", b"no"),
]

_OFF: asgi.Headers = [(b"cache-control", b"no-store")]


class StreamRequest(NamedTuple):
    """One request."""

    principal: Principal
    conversation: str
    after: Cursor
    device: str

    @classmethod
    def of(cls, scope: Scope) -> StreamRequest:
        """The request that `scope` has. Raises InvalidRequest. Where a browser's EventSource comes back it sends the id
        of the last event that it got beside the URL that it began with: the former is newer."""
        query = asgi.query(scope, PARAMETERS)
        last = asgi.header(scope, b"last-event-id")
        after = Cursor.parse(last, field="Last-Event-ID") if last else Cursor.parse(query.get("after"))
        device = query.get("device")
        return cls(
            asgi.principal(scope),
            asgi.conversation(scope),
            after,
            DEVICE if device is None else check_name(device, field="device"),
        )


class SseEdge:
    """Answers with a stream. Of a client it keeps the open request, whose task sleeps until the end."""

    def __init__(self, services: Services, hub: Hub) -> None:
        self._hub = hub
        self._presence = services.presence
        self._write_timeout = services.base.settings.core.limits.write_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the RequestErrors of the query and of `Hub.open` before the stream begins; later
        ones are its last event."""
        request = StreamRequest.of(scope)
        if not self._hub.enabled:
            # An EventSource comes back for ever, except after this status (WHATWG HTML, section 9.2).
            await asgi.send_empty(send, 204, _OFF)
            return
        opening = await self._hub.open(request.principal, request.conversation, request.after, edge=EDGE)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            if asgi.is_head(scope):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            with self._holding(request):
                if (disconnect := asgi.server_disconnect(scope)) is not None:
                    await self._stream(opening, scope, send, disconnect)
                else:
                    async with watched(receive) as disconnect:
                        await self._stream(opening, scope, send, disconnect)
        finally:
            opening.close()

    async def _stream(self, opening: Opening, scope: Scope, send: Send, disconnect: asgi.Disconnect) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection = await connect(raw_writer(scope), send, over, self._write_timeout)
        disconnect.waiter = over
        if disconnect.happened:
            return
        subscription = opening.start(connection)
        try:
            await over
        finally:
            disconnect.waiter = None
            subscription.end()
        if not disconnect.happened:
            await connection.finish()

    def _holding(self, request: StreamRequest) -> AbstractContextManager[None]:
        if self._presence is None or not self._hub.settings.holds_presence:
            return nullcontext()
        return self._presence.holding(request.conversation, person(request.principal), request.device)


def stream_route(services: Services, hub: Hub, tickets: Tickets, origins: OriginCheck) -> ASGIRouteHandler:
    """The route."""
    return HotRoute(
        STREAM,
        copy_scope=False,
        opt={
            "right": {"GET": "read"},
            "documented_by": stream_documented,
            "query": "own",
            "authenticate": tickets.recognize,
            "origins": origins,
        },
    )(SseEdge(services, hub))


__all__ = ["EDGE", "HEADERS", "SseEdge", "stream_route"]
