"""What this plugin gives to Umbral Chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat import hookimpl

from umbral_chat_polling.edge import events_route
from umbral_chat_polling.offer import offer
from umbral_chat_polling.settings import Polling
from umbral_chat_polling.transport import PollingTransport

if TYPE_CHECKING:
    from litestar.handlers import ASGIRouteHandler
    from umbral_chat.context import Base, Services
    from umbral_chat.providers.edges import Offer
    from umbral_chat.providers.history import Storage


@hookimpl
def umbral_chat_settings() -> type[Polling]:
    """The section `polling`."""
    return Polling


@hookimpl
def umbral_chat_transport(base: Base, storage: Storage) -> PollingTransport:
    """The transport for several processes on one store."""
    return PollingTransport(storage, _settings(base), base.clock, queue=base.settings.realtime.hint_queue)


@hookimpl
def umbral_chat_routes(services: Services) -> list[ASGIRouteHandler]:
    """Poll and long poll."""
    return [events_route(services, _settings(services.base))]


@hookimpl
def umbral_chat_offers(services: Services, conversation: str) -> list[Offer]:
    """Polling is always there, and everything else is preferred."""
    settings = _settings(services.base)
    return [offer(conversation, settings, public_url=services.base.settings.core.public_url)]


def _settings(base: Base) -> Polling:
    return base.settings.section("polling", Polling)
