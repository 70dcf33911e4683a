"""`POST /v1/conversations/{id}/tickets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.hot_route import HotRoute

from umbral_chat_streaming.sse.document import TICKETS, ticket_documented

if TYPE_CHECKING:
    from litestar.handlers import ASGIRouteHandler
    from litestar.types import Receive, Scope, Send
    from umbral_chat.http_kit.origins import OriginCheck

    from umbral_chat_streaming.tickets import Tickets

_NOT_KEPT = [(b"cache-control", b"no-store")]


def ticket_route(tickets: Tickets, origins: OriginCheck) -> ASGIRouteHandler:
    """The route."""

    async def issue(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - it takes no body
        asgi.query(scope, frozenset())
        ticket = await tickets.issue(asgi.principal(scope), asgi.conversation(scope))
        await asgi.send_json(send, 201, msgspec.json.encode(ticket), _NOT_KEPT)

    return HotRoute(
        TICKETS,
        copy_scope=False,
        opt={
            "right": {"POST": "read"},
            "rate": "connects",
            "documented_by": ticket_documented,
            "origins": origins,
        },
    )(issue)


__all__ = ["ticket_route"]
