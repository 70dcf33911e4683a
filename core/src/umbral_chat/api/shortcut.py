"""The way of a request to a hot route past Litestar's routing, which takes a quarter of such a request's time.

Only what changes nothing that can be seen is passed over: the guards are asked as ever (`HotRoute` asks those of every
layer by itself), and an error is raised again behind Litestar's own routing, so that one place answers all errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from litestar.routes import BaseRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from umbral_chat.hot import RAISED, HotRoute


class _Path(NamedTuple):
    """A path with one parameter: what stands before and after it."""

    before: str
    after: str
    name: str
    handler: HotRoute
    template: str


class Shortcut:
    """Takes requests of hot routes whose path has one parameter of text; `app` is asked for all others. With middleware
    around the whole app it is given no routes."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], *, cors: bool) -> None:
        self._app = app
        self._cors = cors
        self._paths = [path for route in routes if (path := _path(route)) is not None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, whose path has no empty segment and is percent-decoded."""
        text: str = scope["path"]
        for path in self._paths:
            if text.startswith(path.before) and text.endswith(path.after):
                value = text[len(path.before) : -len(path.after)]
                if value and "/" not in value and not scope.get("root_path") and not self._crosses(scope):
                    await self._call(path, value, scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _call(self, path: _Path, value: str, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        given = cast("dict[str, Any]", scope)
        given.setdefault("state", {})
        given["path_template"] = path.template
        given["path_params"] = {path.name: value}
        given["route_handler"] = path.handler
        try:
            await path.handler.fn(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            given["state"][RAISED] = error
            await self._app(scope, receive, send)

    def _crosses(self, scope: Scope) -> bool:
        """Whether Litestar has to add headers for a page of another origin."""
        return self._cors and any(name == b"origin" for name, _ in scope["headers"])


def _path(route: BaseRoute) -> _Path | None:
    handler = getattr(route, "route_handler", None)
    if not isinstance(handler, HotRoute) or handler.middleware:
        return None
    parameters = [part for part in route.path_components if not isinstance(part, str)]
    if len(parameters) != 1 or parameters[0].type is not str:
        return None
    at = route.path_components.index(parameters[0])
    before = "".join(f"/{part}" for part in route.path_components[:at]) + "/"
    after = "".join(f"/{part}" for part in route.path_components[at + 1 :])
    return _Path(before, after, parameters[0].name, handler, route.path_format) if after else None


__all__ = ["Shortcut"]
