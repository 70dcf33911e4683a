"""The route, and its description for the OpenAPI document: Litestar leaves `@asgi` handlers out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import post
from litestar.params import FromPath, JSONBody
from umbral_chat.http_kit.hot_route import HotRoute

from umbral_chat_n8n_bridge.gateway.edge import GatewayEdge
from umbral_chat_n8n_bridge.push.edge import PushEdge

if TYPE_CHECKING:
    from litestar.handlers import ASGIRouteHandler

    from umbral_chat_n8n_bridge.bridge import Bridge

PATH = "/n8n/{chat:str}/chat"


@post(
    PATH,
    operation_id="n8nChat",
    summary="A message of n8n's chat widget",
    tags=["n8n"],
    status_code=200,
    opt={
        "right": "public",
        "problems": (403, 404, 413, 415, 429, 503),
        "error_content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["message"],
                    "properties": {"message": {"type": "string", "description": "What the widget shows."}},
                }
            }
        },
    },
)
async def gateway_documented(
    chat: FromPath[str],  # noqa: ARG001 - the signature is what is documented
    data: JSONBody[dict[str, Any]],  # noqa: ARG001
) -> dict[str, Any]:
    """What n8n's chat widget sends to a webhook, with this as its `webhookUrl`: `action` (`sendMessage` or
    `loadPreviousSession`), `sessionId`, `chatInput` and `metadata`.

    With `Accept: text/plain` the answer is a stream of lines, each a JSON object: `begin`, `item` and `end` for each
    message as it grows, `keepalive`, and `error`. Otherwise it is `{"output": …}`, or `{"message": …}` for an error.
    Errors are in the form that the widget shows, and not problem details.

    A chat with `files` as `pass` also takes `multipart/form-data` with the same fields, `metadata` as JSON, and with
    files in the field `files`, which may be repeated.
    """
    raise RuntimeError("documents the hot route and is never called")


def gateway_routes(bridge: Bridge) -> list[ASGIRouteHandler]:
    """The routes: that of the requests, and that of the WebSockets where a chat pushes."""
    edge = GatewayEdge(bridge)
    push = PushEdge(bridge, edge.rooms, edge.messages)
    route = HotRoute(
        PATH,
        copy_scope=False,
        opt={
            "right": {"POST": "public"},
            "documented_by": gateway_documented,
            "preflight": edge.preflight,
        },
    )(edge)
    return [route, push.route()] if push else [route]


__all__ = ["PATH", "gateway_documented", "gateway_routes"]
