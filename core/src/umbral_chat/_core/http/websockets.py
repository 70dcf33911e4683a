"""WebSockets in front of Litestar: finds the route of a handshake, and answers what it refuses with problem details.

Litestar's own way would turn every error into a close code, which a client cannot distinguish from a lost connection: a
browser reports both as 1006.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, cast

from litestar.routes import BaseRoute
from litestar.types import Receive, Send, WebSocketScope

from umbral_chat._core.http.problems import INTERNAL_ERROR, of_status, send_problem
from umbral_chat.errors import RequestError
from umbral_chat.http_kit.websocket import WebSocketRoute

log = logging.getLogger(__name__)

DENIAL = "websocket.http.response"
"""ASGI's extension by which a handshake is answered with an HTTP response."""


class WebSocketRoutes:
    """The routes that take WebSockets. `check_path` raises InvalidRequest for a path that no route may see; `complete`
    adds to the head of a refusal what every answer has; `count` counts problems by code."""

    def __init__(
        self,
        routes: Iterable[BaseRoute],
        *,
        check_path: Callable[[bytes], None],
        complete: Callable[[Any, Any], None],
        count: Any,
    ) -> None:
        self._check_path = check_path
        self._complete = complete
        self._count = count
        self._handlers: dict[str, tuple[WebSocketRoute, str]] = {}
        for route in routes:
            handler = getattr(route, "route_handler", None)
            if isinstance(handler, WebSocketRoute):
                self._handlers[route.path] = (handler, route.path_format)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._handlers)

    async def __call__(self, scope: WebSocketScope, receive: Receive, send: Send) -> None:
        """Handle one handshake and what follows, as ASGI has it."""
        begun = False

        async def watched(message: Any) -> None:
            nonlocal begun
            begun = begun or message["type"] == "websocket.accept"
            await send(message)

        try:
            await self._route(scope, receive, watched)
        except RequestError as error:
            if begun:
                raise
            self._count.labels(error.code).value += 1
            await self._deny(scope, send, error)
        except Exception:
            if begun:
                raise
            log.exception("The WebSocket %s failed before it was open", scope["path"])
            await self._deny(scope, send, None)

    async def _route(self, scope: WebSocketScope, receive: Receive, send: Send) -> None:
        self._check_path(scope.get("raw_path") or b"")
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        found = self._handlers.get(path)
        if found is None:
            raise of_status(404, "There is no WebSocket here.")
        given = cast("dict[str, Any]", scope)
        given.setdefault("state", {})
        given["route_handler"], given["path_template"] = found
        given["path_params"] = {}
        await cast("Any", found[0].fn)(scope, receive, send)

    async def _deny(self, scope: WebSocketScope, send: Send, error: RequestError | None) -> None:
        if DENIAL not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1011 if error is None else 1008, "reason": ""})
            return

        async def denied(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._complete(message, scope)
            response: Any = {**message, "type": f"websocket.{message['type']}"}
            await send(response)

        if error is not None:
            headers = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
            await send_problem(cast("Send", denied), error, headers)
            return
        head: Any = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(INTERNAL_ERROR))]
        await denied({"type": "http.response.start", "status": 500, "headers": head})
        await denied({"type": "http.response.body", "body": INTERNAL_ERROR, "more_body": False})


__all__ = ["DENIAL", "WebSocketRoutes"]
