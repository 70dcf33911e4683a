"""Finds the hot route of a request before Litestar's routing, which takes a quarter of such a request's time.

Only what has no visible effect is skipped: `HotRoute` runs the guards of every layer itself, `OuterMiddleware` raises a
hot route's error again behind Litestar's own routing, so that one place answers all errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from litestar.routes import BaseRoute
from litestar.types import ASGIApp, Scope

from umbral_chat.http_kit.hot_route import HotRoute


class _Path(NamedTuple):
    """A path with one parameter: the text before and after it."""

    before: str
    after: str
    name: str
    handler: HotRoute
    template: str


class HotRouteLookup:
    """Finds hot routes whose path has one parameter, of type str. Routes with middleware are left to Litestar."""

    def __init__(self, routes: Iterable[BaseRoute], *, cors: bool) -> None:
        self._cors = cors
        self._paths = [path for route in routes if (path := _path(route)) is not None]

    def find(self, scope: Scope) -> ASGIApp | None:
        """The handler of the request; None: Litestar has to route it. Sets in `scope` what its routing would set.

        The scope's path has no empty segment and is percent-decoded.
        """
        text: str = scope["path"]
        for before, after, name, handler, template in self._paths:
            if text.startswith(before) and text.endswith(after):
                value = text[len(before) : -len(after)]
                if value and "/" not in value and not scope.get("root_path") and not self._is_cross_origin(scope):
                    given = cast("dict[str, Any]", scope)
                    if "state" not in given:
                        given["state"] = {}
                    given["path_template"] = template
                    given["path_params"] = {name: value}
                    given["route_handler"] = handler
                    return cast("ASGIApp", handler.fn)
        return None

    def _is_cross_origin(self, scope: Scope) -> bool:
        """Whether Litestar has to add CORS headers, for a page of another origin."""
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


__all__ = ["HotRouteLookup"]
