"""The hooks that this plugin implements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat import hookimpl

from umbral_chat_streaming.settings import Streaming

if TYPE_CHECKING:
    from litestar.handlers import ASGIRouteHandler
    from umbral_chat.context import Base, Services
    from umbral_chat.providers.edges import Offer


@hookimpl
def umbral_chat_settings() -> type[Streaming]:
    """The section `streaming`."""
    return Streaming


@hookimpl
def umbral_chat_routes(services: Services) -> list[ASGIRouteHandler]:
    """The WebSocket."""
    from umbral_chat_streaming.hub import Hub
    from umbral_chat_streaming.ws.edge import SocketEdge

    settings = _settings(services.base)
    hub = Hub(services, settings)
    return [SocketEdge(services, hub, settings).route()]


@hookimpl
def umbral_chat_offers(services: Services) -> list[Offer]:
    """The edge `websocket`, before all others that the service itself feeds."""
    from umbral_chat_streaming.ws.offer import websocket_offer

    return [websocket_offer(services.base.settings.core.public_url)]


def _settings(base: Base) -> Streaming:
    return base.settings.section("streaming", Streaming)
