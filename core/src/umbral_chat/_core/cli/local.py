"""This machine's settings, plugins and storage, for the commands that work without a service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.core import ParameterSource

from umbral_chat._core.cli.service import Service, current_service
from umbral_chat.errors import StoreError, UmbralChatError

if TYPE_CHECKING:
    from umbral_chat._core.plugins import PluginHost
    from umbral_chat._core.settings.effective import Settings
    from umbral_chat.providers.history import Storage

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Settings file; without, the one that UMBRAL_CHAT_CONFIG names, else ./umbral-chat.toml if it is there.",
)


database_option = click.option(
    "--database", type=click.Path(dir_okay=False), metavar="FILE", help="SQLite file (core.database)."
)


def plugin_commands() -> dict[str, click.Command]:
    """The commands of the active plugins by name; none, and the reason on stderr, when they cannot be found."""
    from umbral_chat._core.cli.group import COMMANDS
    from umbral_chat._core.plugins.boot import load_plugins

    try:
        found = load_plugins().commands(taken=COMMANDS)
    except UmbralChatError as error:
        click.echo(f"Plugins' commands are missing: {error}", err=True)
        return {}
    return {str(command.name): command for command in found}


def open_local_storage(settings: Settings, plugins: PluginHost) -> Storage:
    """The storage that the settings select. Raises StoreError when its SQLite file is not there: a command that looks
    after a store must not make one."""
    from umbral_chat._core.settings.sections import Telemetry as TelemetrySettings
    from umbral_chat._core.sqlite import open_storage
    from umbral_chat.clock import SystemClock
    from umbral_chat.context import Base
    from umbral_chat.telemetry import Telemetry

    clock = SystemClock()
    base = Base(settings, Telemetry.create(TelemetrySettings(metrics=False)), clock)
    if storage := plugins.select_storage(base, settings.core.history):
        return storage
    path = Path(settings.core.database)
    if not path.is_file():
        origin = settings.origin("core.database")
        raise StoreError(f"There is no database {path} (core.database, {origin}). Name another with --database.")
    return open_storage(path, clock=clock)


def local_service(ctx: click.Context, settings: Settings) -> Service:
    """The service that these settings would start, with its first key, unless the caller named another."""
    named = current_service(ctx)
    root = ctx.find_root()
    if named.url != root.params.get("url") or root.get_parameter_source("url") != ParameterSource.DEFAULT:
        return named
    core = settings.core
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(core.host, core.host)  # noqa: S104  # where to ask, not to listen
    key = next((key.key.reveal() for key in core.keys if key.key is not None), None)
    return Service(f"http://{f'[{host}]' if ':' in host else host}:{core.port}", named.key or key)


__all__ = [
    "config_option",
    "database_option",
    "local_service",
    "open_local_storage",
    "plugin_commands",
]
