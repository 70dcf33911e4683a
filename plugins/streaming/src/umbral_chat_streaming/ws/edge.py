"""The route `/v1/ws`: handshakes, and all sockets of this instance, which end together when it stops."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from litestar import get
from litestar.enums import ScopeType
from umbral_chat.errors import Unavailable
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.http_kit.websocket import WebSocketRoute, no_upgrade

from umbral_chat_streaming.ws.codes import ending
from umbral_chat_streaming.ws.handler import FrameHandler
from umbral_chat_streaming.ws.socket import Socket

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send
    from umbral_chat.context import Services, ToggleInfo

    from umbral_chat_streaming.hub import Hub
    from umbral_chat_streaming.settings import Streaming

log = logging.getLogger(__name__)

PATH = "/v1/ws"


class SocketEdge:
    """Every socket of this instance. Made once, before the service runs."""

    def __init__(self, services: Services, hub: Hub, settings: Streaming) -> None:
        self._services = services
        self._settings = settings
        self._handler = FrameHandler(services, hub)
        self._sockets: set[Socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        services.lifecycle.on_drain(self._drain)
        services.toggle.on_change(self._toggled)

    def __len__(self) -> int:
        return len(self._sockets)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, from its handshake on. Raises UpgradeRequired for a plain request, and Unavailable
        (`draining`)."""
        if scope["type"] != ScopeType.WEBSOCKET:
            raise no_upgrade()
        await receive()  # `websocket.connect`
        if self._services.lifecycle.draining.is_set():
            raise Unavailable("This instance stops: connect to another one.", code="draining")
        accept: Any = {"type": "websocket.accept", "subprotocol": None, "headers": []}
        await send(accept)
        socket = Socket(
            scope,
            receive,
            send,
            services=self._services,
            settings=self._settings,
            handler=self._handler,
            start=self._start,
        )
        self._sockets.add(socket)
        try:
            await socket.run()
        finally:
            self._sockets.discard(socket)

    def route(self) -> HotRoute:
        """The handler of the path."""

        async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
            await self.serve(scope, receive, send)

        opt = {"right": {"GET": "public"}, "documented_by": documented}
        return WebSocketRoute(PATH, copy_scope=False, opt=opt)(websocket)

    def _drain(self) -> None:
        for socket in list(self._sockets):
            # Drawn for each, so that also clients which wait exactly that long come back one by one.
            after = random.uniform(0, self._settings.drain_window)  # noqa: S311 - spreads load, guards nothing
            detail = "This instance stops. Come back: another one, or its successor, answers."
            socket.finish(ending("draining", detail, retry=after))

    def _toggled(self, state: ToggleInfo) -> None:
        if not state.enabled:
            for socket in list(self._sockets):
                socket.finish(ending("realtime_off", "Realtime was switched off: poll."))

    def _start(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine, name=f"streaming: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s ended: %s", task.get_name(), error, exc_info=error)


@get(
    PATH,
    operation_id="websocket",
    summary="Open a WebSocket",
    tags=["following"],
    status_code=101,
    opt={"right": "public", "problems": (403, 426, 503)},
)
async def documented() -> None:
    """Follow many conversations, and write to them, over one WebSocket. Its frames are in the AsyncAPI document at
    `/schema/asyncapi.json`. A browser's page must be of this service's origin, or of one in `core.cors_origins`
    (`origin_refused`); a request that does not ask for a WebSocket is answered 426 (`upgrade_required`)."""
    raise RuntimeError("documents the hot route and is never called")


__all__ = ["PATH", "SocketEdge", "documented"]
