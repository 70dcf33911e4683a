"""A plugin with one route, which sends back what comes: only this lab mounts it."""

from __future__ import annotations

from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send
from umbral_chat import hookimpl
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.http_kit.websocket import WebSocketRoute, no_upgrade


@hookimpl
def umbral_chat_routes() -> list[HotRoute]:
    """`/echo`."""
    return [WebSocketRoute("/echo", copy_scope=False, opt={"right": "public"})(_echo)]


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == ScopeType.HTTP:
        raise no_upgrade()
    await receive()
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message.get("bytes"), "text": message.get("text")})
