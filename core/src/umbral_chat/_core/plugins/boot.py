"""The start that all commands share: load the plugins that are not disabled, then the settings with their sections."""

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
    """The effective settings and the host of the active plugins. Raises SettingsError and PluginError."""
    host = load_plugins(path, environ, entry_points=entry_points)
    return load(path, environ, host.sections(), inactive=host.inactive, options=options), host


def load_plugins(
    path: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    entry_points: Iterable[EntryPoint] | None = None,
) -> PluginHost:
    """Load the plugins alone, which works even with other settings that are invalid. Raises SettingsError."""
    disabled, origin = disabled_plugins(path, environ)
    host = PluginHost.load(disabled, entry_points)
    names = {status.name for status in host.statuses}
    for name in disabled:
        # One list may serve several installations, so an unknown plugin is fine. A misspelt one is not: the plugin that
        # was meant would run.
        if name not in names and name not in PACKAGES and (meant := nearest(name, names)):
            raise SettingsError(f"core.disabled_plugins ({origin}) has {name!r}: did you mean {meant}?")
    return host


__all__ = ["boot", "load_plugins"]
