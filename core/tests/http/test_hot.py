"""A hot route asks every guard of every layer, those that decide from the scope alone and any other."""

from __future__ import annotations

from typing import Any

import httpx
from litestar import Litestar, Router
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Receive, Scope, Send
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.hot_route import HotRoute


class OfScope:
    """Decides from the scope alone."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        raise AssertionError("asked with a connection that it does not need")

    async def check(self, scope: Scope, handler: BaseRouteHandler) -> None:
        self.asked.append(f"{scope['path']} {handler.opt['right']}")


async def test_guards_of_all_layers_are_asked_in_their_order() -> None:
    of_scope, order = OfScope(), list[str]()

    async def of_connection(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        assert isinstance(handler, HotRoute)
        assert len(of_scope.asked) == len(order) + 1
        order.append(connection.url.path)
        if "closed" in connection.url.path:
            raise PermissionDeniedException

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await asgi.send_json(send, 200, b"{}")

    route = HotRoute(["/open", "/closed"], copy_scope=False, guards=[of_connection], opt={"right": "read"})(answer)
    app: Any = Litestar(
        [Router("/v1", route_handlers=[route])], guards=[of_scope], openapi_config=None, logging_config=None
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        assert [(await client.get(f"/v1/{name}")).status_code for name in ("open", "closed")] == [200, 403]
    assert of_scope.asked == ["/v1/open read", "/v1/closed read"]
    assert order == ["/v1/open", "/v1/closed"]
