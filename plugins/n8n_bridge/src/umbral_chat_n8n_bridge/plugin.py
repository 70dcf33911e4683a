"""The hooks that this plugin implements."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from umbral_chat import hookimpl

from umbral_chat_n8n_bridge.settings import BridgeSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litestar.handlers import BaseRouteHandler
    from umbral_chat.context import Services
    from umbral_chat.providers.edges import Check, ConsumerSource

    from umbral_chat_n8n_bridge.bridge import Bridge


@hookimpl
def umbral_chat_settings() -> type[BridgeSettings]:
    """The section `n8n`."""
    return BridgeSettings


@hookimpl
def umbral_chat_routes(services: Services) -> Sequence[BaseRouteHandler]:
    """The gateway of the widgets."""
    from umbral_chat_n8n_bridge.gateway.route import gateway_routes

    return list(gateway_routes(bridge_of(services)))


@hookimpl
def umbral_chat_consumers(services: Services) -> Sequence[ConsumerSource]:
    """What runs a consumer for each chat."""
    return [bridge_of(services)]


@hookimpl
def umbral_chat_checks(services: Services) -> Sequence[Check]:
    """Checks of the access to n8n's executions."""
    from umbral_chat_n8n_bridge.chats import chats_of
    from umbral_chat_n8n_bridge.executions.checks import checks

    settings = services.base.settings.section("n8n", BridgeSettings)
    return checks(chats_of(settings).values(), services)


def bridge_of(services: Services) -> Bridge:
    """The one of this running service, for all hooks."""
    from umbral_chat_n8n_bridge.bridge import Bridge

    key = id(services.lifecycle)
    found = _made.get(key)
    if found is None:
        settings = services.base.settings.section("n8n", BridgeSettings)
        found = _made[key] = Bridge(services, settings)
    return found


_made: WeakValueDictionary[int, Bridge] = WeakValueDictionary()
"""By the id of its service's lifecycle, which it keeps alive; the consumers keep it alive in turn."""
