"""The hooks that this plugin implements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from umbral_chat import hookimpl

from umbral_chat_streaming.settings import Streaming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litestar.handlers import BaseRouteHandler
    from umbral_chat.context import Base, Services
    from umbral_chat.providers.auth import Principal
    from umbral_chat.providers.edges import Offer

SSE_RANK = 50
"""Between polling (0) and the channels that cost this service nothing."""


@hookimpl
def umbral_chat_settings() -> type[Streaming]:
    """The section `streaming`."""
    return Streaming


@hookimpl
def umbral_chat_routes(services: Services) -> Sequence[BaseRouteHandler]:
    """Streams, the tickets for them, and the document of the WebSocket's frames."""
    from umbral_chat.http_kit.origins import OriginCheck

    from umbral_chat_streaming.hub import Hub
    from umbral_chat_streaming.sse.edge import stream_route
    from umbral_chat_streaming.sse.ticket_route import ticket_route
    from umbral_chat_streaming.tickets import Tickets
    from umbral_chat_streaming.ws.asyncapi import asyncapi_json
    from umbral_chat_streaming.ws.edge import SocketEdge

    core, settings = services.base.settings.core, _settings(services.base)
    hub, tickets = Hub(services, settings), Tickets(services)
    origins = OriginCheck(core.cors_origins, core.public_url)
    sockets = SocketEdge(services, hub, settings)
    sse = [stream_route(services, hub, tickets, origins), ticket_route(tickets, origins)]
    return [*sse, sockets.route(), asyncapi_json]


@hookimpl
def umbral_chat_offers(services: Services, conversation: str, principal: Principal) -> Sequence[Offer]:
    """The edge `sse`, with a ticket for clients that can send no header, and the edge `websocket`."""
    from umbral_chat.providers.edges import CompletedOffer

    from umbral_chat_streaming.sse.document import STREAM
    from umbral_chat_streaming.tickets import TTL, Tickets
    from umbral_chat_streaming.ws.offer import websocket_offer

    async def with_ticket() -> dict[str, Any]:
        ticket = await Tickets(services).issue(principal, conversation)
        return {"ticket": ticket.ticket, "ticket_expires_in": TTL}

    # Relative when the service does not know its public URL.
    base_url = (services.base.settings.core.public_url or "").rstrip("/")
    return [
        CompletedOffer(
            edge="sse",
            rank=SSE_RANK,
            url=base_url + STREAM.replace("{conversation:str}", conversation),
            parameters={"heartbeat_ms": round(1000 * _settings(services.base).heartbeat)},
            complete=with_ticket,
        ),
        websocket_offer(services.base.settings.core.public_url),
    ]


def _settings(base: Base) -> Streaming:
    return base.settings.section("streaming", Streaming)
