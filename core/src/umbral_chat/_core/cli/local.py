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
    help="Settings file. Default: the one that UMBRAL_CHAT_CONFIG names, else ./umbral-chat.toml if it exists.",
)

database_option = click.option(
    "--database", type=click.Path(dir_okay=False), metavar="FILE", help="SQLite file (core.database)."
)


def plugin_commands() -> dict[str, click.Command]:
    """The commands of the active plugins by name. If they cannot be loaded: none, and the reason on stderr."""
    from umbral_chat._core.cli.group import COMMANDS
    from umbral_chat._core.plugins.boot import load_plugins

    try:
        found = load_plugins().commands(taken=COMMANDS)
    except UmbralChatError as error:
        click.echo(f"The plugins' commands cannot be loaded: {error}", err=True)
        return {}
    return {str(command.name): command for command in found}


def open_local_storage(settings: Settings, plugins: PluginHost) -> Storage:
    """The storage that the settings select. Raises StoreError if its SQLite file does not exist: a maintenance command
    must not create one."""
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
        raise StoreError(f"Database {path} does not exist (core.database, {origin}). Pass another with --database.")
    return open_storage(path, clock=clock)


def local_service(ctx: click.Context, settings: Settings) -> Service:
    """The service that these settings would start, with its first key; the one of --url instead if that is given."""
    named = current_service(ctx)
    root = ctx.find_root()
    if named.url != root.params.get("url") or root.get_parameter_source("url") != ParameterSource.DEFAULT:
        return named
    core = settings.core
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(core.host, core.host)  # noqa: S104  # an address to connect to, not to listen on
    key = next((key.key.reveal() for key in core.keys if key.key is not None), None)
    return Service(f"http://{f'[{host}]' if ':' in host else host}:{core.port}", named.key or key)


__all__ = [
    "config_option",
    "database_option",
    "local_service",
    "open_local_storage",
    "plugin_commands",
]
