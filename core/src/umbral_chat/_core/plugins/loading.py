"""Loads the plugins' entry points one by one, and validates their hooks. A broken plugin does not affect the others."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Collection, Iterable
from importlib.metadata import EntryPoint, entry_points

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from umbral_chat._core.plugins.relay import PREFIX, Implementation, Relay, specs
from umbral_chat._core.plugins.status import PluginStatus, State, disabling
from umbral_chat._core.settings.load import CORE_SECTIONS
from umbral_chat._core.settings.suggestions import suggestion
from umbral_chat.errors import PluginError
from umbral_chat.markers import PROJECT_NAME

log = logging.getLogger(__name__)

CORE = "umbral-chat-core"

# It is also the name of the section, and part of variables' names, in which `__` is the separator.
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")


def installed() -> list[EntryPoint]:
    """The entry points of the plugins that are installed."""
    return list(entry_points(group=PROJECT_NAME))


def load_all(
    relay: Relay, found: Iterable[EntryPoint], disabled: Collection[str], core_version: str
) -> list[PluginStatus]:
    """Load the plugins that are not disabled into `relay`; the status of each entry point, by the order of names."""
    points = sorted(found, key=lambda point: (point.name, _distribution(point) or ""))
    return [_load(relay, point, points, disabled, core_version) for point in points]


def _load(
    relay: Relay, point: EntryPoint, points: list[EntryPoint], disabled: Collection[str], core_version: str
) -> PluginStatus:
    if point.name in disabled:
        return _status(point, "disabled", "core.disabled_plugins names it.", "Take it out of core.disabled_plugins.")
    twins = [_distribution(other) or other.value for other in points if other.name == point.name]
    if len(twins) > 1:
        both = " and ".join(twins)
        return _status(point, "broken", f"{both} both claim the plugin name {point.name!r}.", "Uninstall one of them.")
    if not _NAME.match(point.name) or point.name in CORE_SECTIONS:
        taken = "the core's own" if point.name in CORE_SECTIONS else "not lower-case words joined by single _"
        return _status(
            point, "broken", f"The entry point's name is {taken}, and it names the section.", "Rename the entry point."
        )
    requirement = unmet_requirement(point.dist.requires or (), core_version) if point.dist is not None else None
    if requirement is not None:
        return _status(
            point,
            "incompatible",
            f"It needs core {requirement.specifier}, and this is {core_version}.",
            f"pip install '{CORE}{requirement.specifier}', or another version of {_distribution(point)}.",
        )
    return _import(relay, point)


def _import(relay: Relay, point: EntryPoint) -> PluginStatus:
    try:
        plugin = point.load()
    except (Exception, SystemExit) as error:  # whatever this module does, the others are loaded
        log.debug("plugin %s cannot be imported", point.name, exc_info=True)
        reason = f"Importing {point.value} failed: {type(error).__name__}: {error}"
        return _status(point, "broken", reason, _mend_of_import(point, error))
    try:
        provides = validate_hooks(relay, plugin)
        relay.register(point.name, plugin)
    except PluginError as error:
        return _status(point, "broken", f"{point.value}: {error}", f"Mend the plugin. {disabling(point.name)}")
    except Exception as error:  # noqa: BLE001 - inspecting the object may run its code
        reason = f"{point.value} cannot be inspected: {type(error).__name__}: {error}"
        return _status(point, "broken", reason, f"Mend the plugin. {disabling(point.name)}")
    return _status(point, "active", provides=provides)


def _mend_of_import(point: EntryPoint, error: BaseException) -> str:
    package = _distribution(point)
    again = f"Reinstall it: pip install --force-reinstall {package}. " if package else ""
    if isinstance(error, ModuleNotFoundError) and error.name and not f"{point.module}.".startswith(f"{error.name}."):
        again = f"A module that it needs is missing: {error.name}. " + again
    return again + disabling(point.name)


def _status(
    point: EntryPoint,
    state: State,
    reason: str | None = None,
    mend: str | None = None,
    provides: tuple[str, ...] = (),
) -> PluginStatus:
    return PluginStatus(
        name=point.name,
        distribution=_distribution(point),
        version=point.dist.version if point.dist is not None else None,
        state=state,
        reason=reason,
        mend=mend,
        provides=provides,
    )


def _distribution(point: EntryPoint) -> str | None:
    return point.dist.name if point.dist is not None else None


def unmet_requirement(requires: Iterable[str], core_version: str) -> Requirement | None:
    """The requirement on the core that `core_version` does not meet, or None."""
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if canonicalize_name(requirement.name) != CORE:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        # Developers of the core run pre-releases, which satisfy any plugin's requirement.
        if not requirement.specifier.contains(core_version, prereleases=True):
            return requirement
    return None


def validate_hooks(relay: Relay, plugin: object) -> tuple[str, ...]:
    """The kinds of hooks that `plugin` provides. Raises PluginError for the first mistake that pluggy does not
    report."""
    if plugin is None or inspect.isclass(plugin):
        shown = "nothing" if plugin is None else f"the class {plugin.__name__}"
        raise PluginError(f"the entry point names {shown}: it must name a module or an instance.")
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
        raise PluginError(f"{hook} is not a hook: {suggestion(hook, specs(), what='hooks')}")
    if implementation.wrapper:
        raise PluginError(
            f"{hook} is a hook wrapper, which is not supported: hooks return objects, and no plugin wraps another's."
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PluginError(
            f"{hook} is async: hooks are synchronous; only the methods of what they return are asynchronous."
        )
    for parameter in inspect.signature(function).parameters.values():
        _check_parameter(hook, parameter)


def _check_parameter(hook: str, parameter: inspect.Parameter) -> None:
    name, takes = parameter.name, ", ".join(specs()[hook]) or "nothing"
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        raise PluginError(f"{hook} takes {name!r} by keyword only, which fails when it is called: drop the `*`.")
    if parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        raise PluginError(
            f"{hook} takes {parameter}, which would stay empty: name the parameters that it needs, of: {takes}."
        )
    if parameter.default is not inspect.Parameter.empty:
        raise PluginError(f"{hook} has a default for {name!r}, so it would never be given a value: drop the default.")
    if name not in specs()[hook]:
        raise PluginError(f"{hook} is not given {name!r}: {suggestion(name, specs()[hook], what='it is given')}")


__all__ = ["CORE", "installed", "load_all", "unmet_requirement", "validate_hooks"]
