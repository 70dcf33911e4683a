"""The outermost middleware. Before routing it checks the form of the path and answers HEAD, OPTIONS and methods that no
route takes; to every answer it adds the headers that keep a browser from interpreting it.

A router drops empty segments of a path, so a URL with an empty variable would reach the route of the parent resource.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import quote, unquote_to_bytes

from litestar.config.cors import CORSConfig
from litestar.enums import ScopeType
from litestar.routes import BaseRoute
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send, WebSocketScope

from umbral_chat._core.http.hot_route_lookup import HotRouteLookup
from umbral_chat._core.http.problems import of_status, send_problem
from umbral_chat._core.http.websockets import WebSocketRoutes
from umbral_chat.errors import InvalidRequest, RequestError
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.hot_route import RAISED
from umbral_chat.telemetry import Telemetry

_WEBSOCKET = ScopeType.WEBSOCKET  # to look a member of an enumeration up takes longer than to compare it

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""The methods that a route may take, in the order in which `Allow` names them."""

_ROUTED = frozenset(METHODS) - {"HEAD", "OPTIONS"}

POLICY = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The content security policy of every answer that does not set one."""

_NOSNIFF = (b"x-content-type-options", b"nosniff")
FOR_BROWSERS = (_NOSNIFF, (b"content-security-policy", POLICY), (b"x-frame-options", b"DENY"))
"""The headers that are added to every answer that sets no policy of its own."""


class _RoutePattern(NamedTuple):
    """A route's path: a segment that is None is a parameter; with `rest` any further segments match, too."""

    segments: tuple[str | None, ...]
    rest: bool
    methods: frozenset[str]
    preflight: Callable[[HTTPScope], asgi.Headers | None] | None = None
    """Answers CORS preflights by itself: the headers, or None for one that may not pass (`opt={"preflight": …}`)."""

    def matches(self, segments: Sequence[str]) -> bool:
        if len(segments) < len(self.segments) if self.rest else len(segments) != len(self.segments):
            return False
        return all(one is None or one == given for one, given in zip(self.segments, segments, strict=False))


class OuterMiddleware:
    """Wraps `app`, whose routes these are. Called by the server with each HTTP request and WebSocket."""

    def __init__(
        self, app: ASGIApp, routes: Sequence[BaseRoute], *, cors: CORSConfig | None, telemetry: Telemetry
    ) -> None:
        self._app = app
        self._hot_routes = HotRouteLookup(routes, cors=cors is not None)
        self._cors = cors
        self._count = telemetry.counter("umbral_chat.http.problems")
        self.websockets = WebSocketRoutes(
            routes, check_path=_check_unusual_path, complete=self._complete, count=self._count
        )
        # Literal segments match before parameters, as in the router.
        self._patterns = sorted(map(_pattern, routes), key=lambda one: sum(part is None for part in one.segments))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Handle one request or WebSocket, as ASGI has it."""
        # No coroutine around another: a poll takes 70 µs in all.
        if scope["type"] == _WEBSOCKET:
            return self.websockets(cast("WebSocketScope", scope), receive, send)
        return self._handle(cast("HTTPScope", scope), receive, send)

    async def _handle(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = False

        async def finished(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._complete(message, scope)
            await send(message)

        raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        try:
            _check_unusual_path(raw)
        except InvalidRequest as error:
            await self._refuse(error, scope, finished)
            return
        method: str = scope["method"]
        if method == "OPTIONS" and (headers := self._own_preflight(scope)) is not None:
            await asgi.send_empty(finished, 204, headers)
        elif method in _ROUTED or (method == "OPTIONS" and self._cors is not None and _is_preflight(scope)):
            hot = self._hot_routes.find(scope)
            if hot is None:
                await self._app(scope, receive, finished)
                return
            try:
                await hot(scope, receive, finished)
            except Exception as error:
                if started:
                    raise
                scope["state"][RAISED] = error
                await self._app(scope, receive, finished)
        elif method == "HEAD":
            state = {**scope.get("state", {}), asgi.HEAD: True}
            await self._app({**scope, "method": "GET", "state": state}, receive, _without_body(finished))
        else:
            await self._of_no_route(method, scope, finished)

    def _own_preflight(self, scope: HTTPScope) -> asgi.Headers | None:
        """The answer of a route that lets pages of its own choice call it; None: CORS is the service's."""
        found = self._find(scope) if _is_preflight(scope) else None
        return None if found is None or found.preflight is None else found.preflight(scope)

    def _complete(self, message: Any, scope: HTTPScope) -> None:
        """Add the headers that every answer has to the head of this one."""
        given = message.get("headers", ())
        for name, _ in given:
            if name == b"content-security-policy":
                message["headers"] = [*given, _NOSNIFF]
                break
        else:
            message["headers"] = [*given, *FOR_BROWSERS]
        if message["status"] == 405:
            message["headers"] = self._with_allow(scope, message["headers"])

    async def _of_no_route(self, method: str, scope: HTTPScope, send: Send) -> None:
        allowed = self.allowed(scope)
        if allowed is None:
            await self._refuse(of_status(404, "There is no such route here."), scope, send)
        elif method == "OPTIONS":
            await asgi.send_empty(send, 204, [(b"allow", allowed)])
        else:
            await self._refuse(of_status(405, f"The route takes {allowed.decode()}."), scope, send)

    async def _refuse(self, error: RequestError, scope: HTTPScope, send: Send) -> None:
        self._count.labels(error.code).value += 1
        headers: asgi.Headers = []
        origin = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), None)
        if origin is not None and self._cors is not None and self._cors.is_origin_allowed(origin):
            # A page that may call the API may read why its request is refused.
            headers = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        await send_problem(_without_body(send) if scope["method"] == "HEAD" else send, error, headers)

    def allowed(self, scope: HTTPScope) -> bytes | None:
        """The methods of the path's route, for `Allow`; None: there is no such route."""
        found = self._find(scope)
        if found is None:
            return None
        return ", ".join(method for method in METHODS if method in found.methods).encode()

    def _find(self, scope: HTTPScope) -> _RoutePattern | None:
        path: str = scope["path"]
        if root := scope.get("root_path", ""):
            path = path.removeprefix(root)
        segments = path.strip("/").split("/") if path.strip("/") else []
        return next((one for one in self._patterns if one.matches(segments)), None)

    def _with_allow(self, scope: HTTPScope, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of a 405 with the whole `Allow`: the handler that answered may know only some of the methods."""
        allowed = self.allowed(scope)
        if allowed is None:
            return list(headers)
        return [*((name, value) for name, value in headers if name != b"allow"), (b"allow", allowed)]


def _check_unusual_path(raw: bytes) -> None:
    """What `_check_path` does, at once for the usual path."""
    if b"//" in raw or b"%" in raw or b"/." in raw or raw.endswith(b"/"):
        _check_path(raw)


def _check_path(raw: bytes) -> None:
    """Raises InvalidRequest: `empty_path_segment`, `invalid_path_segment`."""
    if raw == b"/":
        return
    for segment in raw.removeprefix(b"/").split(b"/"):
        if not segment:
            raise InvalidRequest(
                "The path has an empty segment, or ends with a slash. Check that no variable in the URL is empty.",
                code="empty_path_segment",
                field="path",
            )
        plain = unquote_to_bytes(segment)
        if plain in {b".", b".."} or b"/" in plain or not _is_text(plain):
            raise InvalidRequest(
                "A segment of the path is '.' or '..', holds an encoded slash (in an id it is ~2F), or is not UTF-8.",
                code="invalid_path_segment",
                field="path",
            )


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_preflight(scope: HTTPScope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names


def _without_body(send: Send) -> Send:
    """A `send` that drops bodies: HEAD is answered as GET, without the body."""

    async def bare(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return bare


def _pattern(route: BaseRoute) -> _RoutePattern:
    parts = route.path_components
    segments = tuple(part if isinstance(part, str) else None for part in parts)
    handler = getattr(route, "route_handler", None)
    rest = bool(getattr(handler, "is_mount", False)) or any(
        not isinstance(part, str) and part.type.__name__ == "Path" for part in parts
    )
    methods = {str(method) for method in route.methods}
    preflight = None
    if handler is not None:
        preflight = handler.opt.get("preflight")
        right = handler.opt.get("right")
        methods = set(right) if isinstance(right, dict) else set(METHODS)
    methods |= {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return _RoutePattern(segments, rest, frozenset(methods), preflight)


__all__ = ["FOR_BROWSERS", "METHODS", "POLICY", "OuterMiddleware"]
