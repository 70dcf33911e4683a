"""Makes path parameters work in `@asgi` handlers.

Litestar (2.25) keeps an `@asgi` route's path parameters under the key `asgi` and looks them up under the request's
method, so such a route without `is_mount` answers 500 (KeyError in `parse_path_to_route`). A mount is no way out: it
takes every path below it. So the lookup is completed once, after the app was made. The test of this module fails as
soon as Litestar does it itself; then this module can be removed.
"""

from __future__ import annotations

from typing import Any

from litestar import Litestar

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def complete(app: Litestar) -> None:
    """Have every `@asgi` route find its path parameters whatever the method."""
    nodes: list[Any] = [app.asgi_router.root_route_map_node]
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children.values())
        if node.is_asgi and "asgi" in node.path_parameters:
            for method in _METHODS:
                node.path_parameters.setdefault(method, node.path_parameters["asgi"])


__all__ = ["complete"]
