"""The hooks that this plugin implements."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from umbral_chat import hookimpl

from umbral_chat_subscriptions.settings import SubscriptionsSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click
    from litestar.handlers import BaseRouteHandler
    from umbral_chat.context import Base, Services
    from umbral_chat.providers.edges import ConsumerSource

    from umbral_chat_subscriptions.service import SubscriptionService


@hookimpl
def umbral_chat_settings() -> type[SubscriptionsSettings]:
    """The section `subscriptions`."""
    return SubscriptionsSettings


@hookimpl
def umbral_chat_routes(services: Services) -> Sequence[BaseRouteHandler]:
    """Making, showing, changing and deleting subscriptions, and claims."""
    from umbral_chat_subscriptions.http.routes import routes

    return routes(services, _service(services), _settings(services.base))


@hookimpl
def umbral_chat_consumers(services: Services) -> Sequence[ConsumerSource]:
    """What runs the subscriptions, each as a consumer."""
    return [_service(services)]


@hookimpl
def umbral_chat_commands() -> Sequence[click.Command]:
    """`umbral-chat subscriptions`."""
    from umbral_chat_subscriptions.cli import subscriptions

    return [subscriptions]


def _settings(base: Base) -> SubscriptionsSettings:
    return base.settings.section("subscriptions", SubscriptionsSettings)


def _service(services: Services) -> SubscriptionService:
    """The one of this running service, for both hooks."""
    from umbral_chat_subscriptions.service import SubscriptionService

    key = id(services.lifecycle)
    found = _made.get(key)
    if found is None:
        found = _made[key] = SubscriptionService(services, _settings(services.base))
    return found


_made: WeakValueDictionary[int, SubscriptionService] = WeakValueDictionary()
"""By the id of its service's lifecycle, which it keeps alive; the routes keep it alive in turn."""
