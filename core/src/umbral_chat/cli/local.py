"""This machine's settings, plugins and storage, for the commands that work without a service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.core import ParameterSource

from umbral_chat.cli.service import Service, current_service
from umbral_chat.errors import StoreError, UmbralChatError

if TYPE_CHECKING:
    from umbral_chat.plugins import PluginHost
    from umbral_chat.providers.history import Storage
    from umbral_chat.settings.effective import Settings

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False),
    envvar="UMBRAL_CHAT_CONFIG",
    show_envvar=True,
    metavar="FILE",
    help="Settings file; ./umbral-chat.toml without, if it is there.",
)


@dataclass(frozen=True, slots=True)
class Local:
    """What this machine is set up with."""

    plugins: PluginHost
    settings: Settings


def load_local(config: str | None, options: Mapping[str, Any] | None = None) -> Local:
    """Load the plugins that are not disabled, and the settings with their sections.

    `options` are dotted keys set on the command line. Raises SettingsError and PluginError.
    """
    from umbral_chat.settings.load import load

    plugins = load_plugins(config)
    sections = plugins.sections()
    dormant = {status.name for status in plugins.status} - sections.keys()
    return Local(plugins, load(config, os.environ, sections, dormant=dormant, options=options))


def load_plugins(config: str | None) -> PluginHost:
    """The plugin host, by nothing but `core.disabled_plugins`. Raises SettingsError when that cannot be read."""
    from umbral_chat.plugins import PluginHost
    from umbral_chat.settings.load import disabled_plugins

    disabled, _ = disabled_plugins(config, os.environ)
    return PluginHost.load(disabled=disabled)


def plugin_commands() -> dict[str, click.Command]:
    """The commands of the active plugins by name; none, and the reason on stderr, when they cannot be found."""
    try:
        found = load_plugins(None).commands()
    except UmbralChatError as error:
        click.echo(f"Plugins' commands are missing: {error}", err=True)
        return {}
    return {str(command.name): command for command in found}


def open_local_storage(local: Local) -> Storage:
    """The storage that the settings select. Raises StoreError when its SQLite file is not there: a command that looks
    after a store must not make one."""
    from umbral_chat.clock import SystemClock
    from umbral_chat.context import Base
    from umbral_chat.settings.sections import Telemetry as TelemetrySettings
    from umbral_chat.sqlite import open_storage
    from umbral_chat.telemetry import Telemetry

    clock = SystemClock()
    base = Base(local.settings, Telemetry.create(TelemetrySettings(metrics=False), {}), clock)
    if storage := local.plugins.select_storage(base, local.settings.core.history):
        return storage
    path = Path(local.settings.core.database)
    if not path.is_file():
        origin = local.settings.origin("core.database")
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
    "Local",
    "config_option",
    "load_local",
    "load_plugins",
    "local_service",
    "open_local_storage",
    "plugin_commands",
]
