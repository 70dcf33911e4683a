"""Selects the one provider of a kind, and refuses names that two plugins claim. Pure; errors name the setting to
change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from umbral_chat._core.settings.packages import missing_package
from umbral_chat._core.settings.suggestions import suggestion
from umbral_chat.errors import PluginError, SettingsError

T = TypeVar("T")
ClaimedName = tuple[str, str]
"""A plugin and the name that it claims."""


def refuse_duplicates(what: str, claims: Iterable[ClaimedName], taken: Iterable[str] = ()) -> None:
    """Raise PluginError when two plugins claim one name, or one claims a name that is the core's."""
    owners: dict[str, str] = {}
    reserved = frozenset(taken)
    for plugin, name in claims:
        if name in reserved:
            raise PluginError(
                f"Plugin {plugin!r} claims the {what} {name!r}, which is the core's own. {_without(plugin)}"
            )
        if name not in owners:
            owners[name] = plugin
        elif owners[name] == plugin:
            raise PluginError(f"Plugin {plugin!r} claims the {what} {name!r} twice. {_without(plugin)}")
        else:
            raise PluginError(
                f"Plugins {owners[name]!r} and {plugin!r} both claim the {what} {name!r}. "
                f"{_without(plugin)} or {_entry(owners[name])}"
            )


def select(
    what: str, setting: str, wanted: str | None, found: Sequence[tuple[str, str, T]], own: str | None = None
) -> T | None:
    """The provider that `setting` names, or the only one; None when there is none or the core's `own` is selected.

    `found` are (plugin, name, object). Raises SettingsError when there are several and none is selected, or the
    selected one does not exist.
    """
    refuse_duplicates(what, ((plugin, name) for plugin, name, _ in found), () if own is None else (own,))
    if wanted is None:
        if len(found) > 1:
            several = " and ".join(f"{name!r} (plugin {plugin!r})" for plugin, name, _ in found)
            names = " or ".join(f'"{name}"' for _, name, _ in found)
            raise SettingsError(
                f"Several {what} providers are configured, {several}, and none is selected: set {setting} to {names}."
            )
        return found[0][2] if found else None
    if wanted == own:
        return None
    for _, name, provider in found:
        if name == wanted:
            return provider
    if package := missing_package(wanted):
        raise SettingsError(
            f"{setting} is {wanted!r}, which {package.name} provides, and that is not installed: {package.install}"
        )
    known = [name for _, name, _ in found] + ([own] if own is not None else [])
    raise SettingsError(
        f"{setting} is {wanted!r}, and no active and configured plugin provides that {what}: "
        f"{suggestion(wanted, known, what='there is')} `umbral-chat plugins` shows which are active and why others are "
        "not."
    )


def _without(plugin: str) -> str:
    return f"Disable it: {_entry(plugin)}"


def _entry(plugin: str) -> str:
    return f'core.disabled_plugins = ["{plugin}"]'


__all__ = ["ClaimedName", "refuse_duplicates", "select"]
