"""The only module that uses pluggy's untyped API: registers plugins, lists what they implement, calls hooks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pluggy

import umbral_chat._core.plugins.hookspecs as hookspecs
from umbral_chat.errors import PluginError
from umbral_chat.markers import PROJECT_NAME

PREFIX = f"{PROJECT_NAME}_"


@cache
def specs() -> dict[str, tuple[str, ...]]:
    """Every hook with the names of its parameters."""
    marker = f"{PROJECT_NAME}_spec"
    found = {name: function for name, function in vars(hookspecs).items() if hasattr(function, marker)}
    return {name: tuple(inspect.signature(function).parameters) for name, function in found.items()}


@dataclass(frozen=True, slots=True)
class Implementation:
    """A function that a plugin marked as a hook."""

    hook: str
    function: Callable[..., object]
    wrapper: bool
    optional: bool


class Relay:
    """The registered plugins of one host."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT_NAME)
        self._manager.add_hookspecs(hookspecs)
        self._callers: dict[tuple[str, str], Any] = {}

    def implementations(self, plugin: object) -> list[Implementation]:
        """The functions that `plugin` marked with `@hookimpl`, including names that are no hooks."""
        found = []
        for attribute in dir(plugin):
            options = self._manager.parse_hookimpl_opts(plugin, attribute)
            if options is not None:
                found.append(
                    Implementation(
                        hook=options.get("specname") or attribute,
                        function=getattr(plugin, attribute),
                        wrapper=bool(options.get("wrapper") or options.get("hookwrapper")),
                        optional=bool(options.get("optionalhook")),
                    )
                )
        return found

    def register(self, name: str, plugin: object) -> None:
        """Register a plugin. Raises PluginError, and then nothing of it stays registered."""
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            raise PluginError(str(error)) from error
        self._callers.clear()

    def names(self) -> list[str]:
        """The registered plugins, in the order of their names."""
        return sorted(name for name, plugin in self._manager.list_name_plugin() if plugin is not None)

    def call(self, plugin: str, hook: str, arguments: dict[str, object]) -> Sequence[object]:
        """The results of this plugin's implementations of `hook`, without None. Raises what they raise."""
        caller = self._callers.get((plugin, hook))
        if caller is None:
            others = [one for name, one in self._manager.list_name_plugin() if name != plugin]
            caller = self._callers[plugin, hook] = self._manager.subset_hook_caller(hook, others)
        results: Sequence[object] = caller(**arguments)
        return results


__all__ = ["PREFIX", "Implementation", "Relay", "specs"]
