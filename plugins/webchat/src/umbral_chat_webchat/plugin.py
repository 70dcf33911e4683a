"""The hooks that this plugin implements."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from umbral_chat import hookimpl

from umbral_chat_webchat.settings import WebchatSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litestar.handlers import HTTPRouteHandler
    from umbral_chat.context import Services
    from umbral_chat.providers.edges import ConsumerSource

    from umbral_chat_webchat.demo import DemoAssistant


@hookimpl
def umbral_chat_settings() -> type[WebchatSettings]:
    """The section `webchat`."""
    return WebchatSettings


@hookimpl
def umbral_chat_routes(services: Services) -> list[HTTPRouteHandler]:
    """The client's files, and the pages."""
    from umbral_chat_webchat.assets import load
    from umbral_chat_webchat.front import front_route
    from umbral_chat_webchat.inbox_page import inbox_route
    from umbral_chat_webchat.pages import page_routes
    from umbral_chat_webchat.routes import asset_route

    settings = services.base.settings.section("webchat", WebchatSettings)
    assets, demo = load(), demo_of(services)
    front = front_route(assets, None if demo is None else demo.begin)
    return [asset_route(assets), *page_routes(assets, settings), inbox_route(assets, settings), front]


@hookimpl
def umbral_chat_consumers(services: Services) -> Sequence[ConsumerSource]:
    """The demo's assistant, which waits until its page is opened."""
    demo = demo_of(services)
    return [] if demo is None else [demo]


def demo_of(services: Services) -> DemoAssistant | None:
    """The one of this running service, for all hooks; None: it has keys, or the demo is switched off."""
    from umbral_chat_webchat.demo import DemoAssistant

    settings = services.base.settings
    if settings.core.keys or not settings.section("webchat", WebchatSettings).demo:
        return None
    key = id(services.lifecycle)
    found = _made.get(key)
    if found is None:
        found = _made[key] = DemoAssistant(services)
    return found


_made: WeakValueDictionary[int, DemoAssistant] = WeakValueDictionary()
"""By the id of its service's lifecycle, which it keeps alive; the route of its page keeps it alive in turn."""
