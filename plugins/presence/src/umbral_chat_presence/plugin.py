"""The hook implementations: settings, presence provider, routes and command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat import hookimpl

from umbral_chat_presence.settings import PresenceSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click
    from litestar.handlers import ASGIRouteHandler
    from umbral_chat.context import Base, Services
    from umbral_chat.providers.history import Storage
    from umbral_chat.providers.presence import Presence


@hookimpl
def umbral_chat_settings() -> type[PresenceSettings]:
    """The section `presence`."""
    return PresenceSettings


@hookimpl
def umbral_chat_presence(base: Base, storage: Storage) -> Presence:
    """The provider that `presence.provider` names: for this process, or for every instance on this store."""
    settings = _settings(base)
    if settings.provider == "memory":
        from umbral_chat_presence.memory import MemoryPresence

        return MemoryPresence(settings, base.clock, base.telemetry)
    from umbral_chat_presence.shared import SharedPresence

    return SharedPresence(storage.store, settings, base.clock, base.telemetry)


@hookimpl
def umbral_chat_routes(services: Services) -> Sequence[ASGIRouteHandler]:
    """Presence and typing over HTTP, for the selected presence provider, of whichever plugin."""
    if services.presence is None:
        return ()
    from umbral_chat_presence.http.routes import routes

    return routes(services, services.presence, _settings(services.base))


@hookimpl
def umbral_chat_commands() -> Sequence[click.Command]:
    """`umbral-chat who`."""
    from umbral_chat_presence.cli import who_command

    return [who_command]


def _settings(base: Base) -> PresenceSettings:
    return base.settings.section("presence", PresenceSettings)
