"""The route of the widgets' WebSockets, `/chat`: the widget has its path fixed, at the root of the gateway's origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl

from litestar import get
from litestar.enums import ScopeType
from litestar.params import QueryParameter
from umbral_chat.errors import Forbidden, InvalidRequest, Unavailable
from umbral_chat.http_kit.hot_route import HotRoute
from umbral_chat.http_kit.websocket import WebSocketRoute, no_upgrade

from umbral_chat_n8n_bridge.push.socket import PushSocket
from umbral_chat_n8n_bridge.push.tickets import redeem

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send

    from umbral_chat_n8n_bridge.bridge import Bridge
    from umbral_chat_n8n_bridge.gateway.room import GatewayRoom
    from umbral_chat_n8n_bridge.gateway.visitor_messages import VisitorMessages

PATH = "/chat"


class PushEdge:
    """Opens the sockets of all chats that push."""

    def __init__(self, bridge: Bridge, rooms: Mapping[str, GatewayRoom], messages: VisitorMessages) -> None:
        self._services = bridge.services
        self._rooms = {name: room for name, room in rooms.items() if room.chat.settings.push}
        self._messages = messages

    def __bool__(self) -> bool:
        """Whether any chat pushes."""
        return bool(self._rooms)

    def check_origin(self, scope: Scope) -> None:
        """Raises Forbidden (`origin_refused`) for a page that no chat lists. That it may use the chat of its token is
        checked when that is known."""
        if not any(room.permits_page(scope) for room in self._rooms.values()):
            raise Forbidden("This page may not use the chat.", code="origin_refused")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, from its handshake on. Raises UpgradeRequired, InvalidRequest, Forbidden, TooManyRequests
        and Unavailable."""
        if scope["type"] != ScopeType.WEBSOCKET:
            raise no_upgrade()
        await receive()  # `websocket.connect`
        if self._services.lifecycle.draining.is_set():
            raise Unavailable("This instance stops: connect to another one.", code="draining")
        given = _query(scope)
        ticket = await redeem(self._services.storage.store, given.get("token", ""))
        room = self._rooms.get(ticket.chat)
        if room is None or room.chat.conversation_of(given.get("sessionId", "")) != ticket.conversation:
            raise Forbidden("The token is of another chat or session.")
        room.check_origin(scope)
        address = room.address(scope)
        room.addresses.check(address)
        with room.sockets(ticket.conversation, address):
            await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
            await PushSocket(self._services, room, ticket, address, self._messages, receive, send).run()

    def route(self) -> HotRoute:
        """The handler of the path."""

        async def push(scope: Scope, receive: Receive, send: Send) -> None:
            await self(scope, receive, send)

        opt = {
            "right": {"GET": "public"},
            "documented_by": push_documented,
            "origins": self.check_origin,
            "query": "own",  # a newer widget may say more
        }
        return WebSocketRoute(PATH, copy_scope=False, opt=opt)(push)


def _query(scope: Scope) -> dict[str, str]:
    try:
        return dict(parse_qsl(scope["query_string"].decode("ascii"), errors="strict", max_num_fields=16))
    except ValueError:
        raise InvalidRequest("The query is not percent-encoded UTF-8.", code="invalid_encoding") from None


@get(
    PATH,
    operation_id="n8nPush",
    summary="The WebSocket of n8n's chat widget",
    tags=["n8n"],
    status_code=101,
    opt={"right": "public", "problems": (403, 426, 429, 503)},
)
async def push_documented(
    session: Annotated[str, QueryParameter(name="sessionId", description="The widget's session.")],  # noqa: ARG001
    execution: Annotated[str, QueryParameter(name="executionId", description="Not looked at.")],  # noqa: ARG001
    token: Annotated[str, QueryParameter(description="The `resumeToken` of the POST's answer: it opens one socket.")],  # noqa: ARG001
    public: Annotated[str | None, QueryParameter(name="isPublic", description="Not looked at.")] = None,  # noqa: ARG001
) -> None:
    """n8n's chat widget opens it after a POST to a chat with `push`, and is sent each message of the conversation as a
    text frame. There is none unless a chat has `push`."""
    raise RuntimeError("documents the hot route and is never called")


__all__ = ["PATH", "PushEdge", "push_documented"]
