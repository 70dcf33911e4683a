"""What pluggy takes in silence and then does wrong: refused before a plugin is registered."""

from __future__ import annotations

import inspect

from umbral_chat._core.plugins.relay import PREFIX, Implementation, Relay, specs
from umbral_chat._core.settings.nearest import mend
from umbral_chat.errors import PluginError


def vet(relay: Relay, plugin: object) -> tuple[str, ...]:
    """The kinds of hooks that `plugin` provides. Raises PluginError with the first thing that is wrong with it."""
    if plugin is None or inspect.isclass(plugin):
        shown = "nothing" if plugin is None else f"the class {plugin.__name__}"
        raise PluginError(f"the entry point gives {shown}: it must name a module or an instance.")
    found = relay.implementations(plugin)
    for implementation in found:
        _check(implementation)
    marked = {one.hook for one in found}
    for hook in specs():
        if hook not in marked and inspect.isroutine(inspect.getattr_static(plugin, hook, None)):
            raise PluginError(f"{hook} is not marked with @umbral_chat.hookimpl, so it would never be called.")
    return tuple(hook.removeprefix(PREFIX) for hook in specs() if hook in marked)


def _check(implementation: Implementation) -> None:
    hook, function = implementation.hook, implementation.function
    if hook not in specs():
        if implementation.optional:
            return
        raise PluginError(f"{hook} is no hook: {mend(hook, specs(), what='hooks')}")
    if implementation.wrapper:
        raise PluginError(f"{hook} is a hook wrapper: hooks here return objects, and nothing wraps another plugin's.")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PluginError(
            f"{hook} is async: hooks are synchronous; what is asynchronous are the methods of what they return."
        )
    for parameter in inspect.signature(function).parameters.values():
        _check_parameter(hook, parameter)


def _check_parameter(hook: str, parameter: inspect.Parameter) -> None:
    name, takes = parameter.name, ", ".join(specs()[hook]) or "nothing"
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        raise PluginError(f"{hook} takes {name!r} by keyword only, which fails when it is called: drop the `*`.")
    if parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        raise PluginError(f"{hook} takes {parameter}, which would stay empty: name what it needs of: {takes}.")
    if parameter.default is not inspect.Parameter.empty:
        raise PluginError(f"{hook} has a default for {name!r}, so it would never be given a value: drop the default.")
    if name not in specs()[hook]:
        raise PluginError(f"{hook} is not given {name!r}: {mend(name, specs()[hook], what='it is given')}")


__all__ = ["vet"]
