"""The start that every command shares: what is disabled, then the plugins, then the settings with their sections."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from umbral_chat._core.plugins.host import PluginHost
from umbral_chat._core.settings.effective import Settings
from umbral_chat._core.settings.load import disabled_plugins, load
from umbral_chat._core.settings.packages import PACKAGES
from umbral_chat._core.settings.suggestions import nearest
from umbral_chat.errors import SettingsError


def boot(
    path: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    options: Mapping[str, Any] | None = None,
    entry_points: Iterable[EntryPoint] | None = None,
) -> tuple[Settings, PluginHost]:
    """The plugins that are to be active and the effective settings. Raises SettingsError and PluginError."""
    host = load_plugins(path, environ, entry_points=entry_points)
    return load(path, environ, host.sections(), inactive=host.inactive, options=options), host


def load_plugins(
    path: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    entry_points: Iterable[EntryPoint] | None = None,
) -> PluginHost:
    """The plugins alone: works whatever the other settings are."""
    disabled, origin = disabled_plugins(path, environ)
    host = PluginHost.load(disabled, entry_points)
    names = {status.name for status in host.statuses}
    for name in disabled:
        # One list may serve several installations, so a plugin that is not here is fine; a misspelt one is not, since
        # the one that was meant would run.
        if name not in names and name not in PACKAGES and (meant := nearest(name, names)):
            raise SettingsError(f"core.disabled_plugins ({origin}) has {name!r}: did you mean {meant}?")
    return host


__all__ = ["boot", "load_plugins"]
