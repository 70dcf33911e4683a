"""The hooks that this plugin implements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat import hookimpl
from umbral_chat.providers.edges import Offer

from umbral_chat_polling.answer import PATH
from umbral_chat_polling.settings import Polling
from umbral_chat_polling.transport import PollingTransport

if TYPE_CHECKING:
    from litestar.handlers import ASGIRouteHandler
    from umbral_chat.context import Base, Services
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
    from umbral_chat_polling.edge import events_route

    return [events_route(services, _settings(services.base))]


@hookimpl
def umbral_chat_offers(services: Services, conversation: str) -> list[Offer]:
    """The edge `poll`, of rank 0: it is always there, and every other edge is preferred."""
    settings = _settings(services.base)
    # Relative when the service does not know its public URL.
    base_url = (services.base.settings.core.public_url or "").rstrip("/")
    return [
        Offer(
            edge="poll",
            rank=0,
            url=base_url + PATH.replace("{conversation:str}", conversation),
            parameters={
                "wait": settings.long_poll_timeout,
                "batch_size": settings.batch_size,
                "poll_after_ms": round(1000 * settings.interval),
                "min_poll_after_ms": round(1000 * settings.min_interval),
                "max_poll_after_ms": round(1000 * settings.max_interval),
                "sync_strategy": settings.sync_strategy,
            },
        )
    ]


def _settings(base: Base) -> Polling:
    return base.settings.section("polling", Polling)
