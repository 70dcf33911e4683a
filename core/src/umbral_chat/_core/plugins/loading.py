"""Entry points to plugins, one by one: what is wrong with one is its own status, and the others go on."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable
from importlib.metadata import EntryPoint, entry_points

from umbral_chat._core.plugins.hook_validation import vet
from umbral_chat._core.plugins.relay import Relay
from umbral_chat._core.plugins.requirements import CORE, unmet
from umbral_chat._core.plugins.status import PluginStatus, State, disabling
from umbral_chat._core.settings.load import CORE_SECTIONS
from umbral_chat.errors import PluginError
from umbral_chat.markers import PROJECT_NAME

log = logging.getLogger(__name__)

# The name is the section's in the settings, and a part of variables' names, where `__` separates.
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")


def installed() -> list[EntryPoint]:
    """The entry points of the plugins that are installed."""
    return list(entry_points(group=PROJECT_NAME))


def load_all(
    relay: Relay, found: Iterable[EntryPoint], disabled: Collection[str], core_version: str
) -> list[PluginStatus]:
    """Load what is not disabled into `relay`; a status for each entry point, in the order of their names."""
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
    requirement = unmet(point.dist.requires or (), core_version) if point.dist is not None else None
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
    except (Exception, SystemExit) as error:  # whatever a foreign module does, the others go on
        log.debug("plugin %s cannot be imported", point.name, exc_info=True)
        said = f"Importing {point.value} failed: {type(error).__name__}: {error}"
        return _status(point, "broken", said, _mend_of_import(point, error))
    try:
        provides = vet(relay, plugin)
        relay.register(point.name, plugin)
    except PluginError as error:
        return _status(point, "broken", f"{point.value}: {error}", f"Mend the plugin. {disabling(point.name)}")
    except Exception as error:  # noqa: BLE001 - looking at a foreign object may run its code
        said = f"{point.value} cannot be looked at: {type(error).__name__}: {error}"
        return _status(point, "broken", said, f"Mend the plugin. {disabling(point.name)}")
    return _status(point, "active", provides=provides)


def _mend_of_import(point: EntryPoint, error: BaseException) -> str:
    package = _distribution(point)
    again = f"Reinstall it: pip install --force-reinstall {package}. " if package else ""
    if isinstance(error, ModuleNotFoundError) and error.name and not f"{point.module}.".startswith(f"{error.name}."):
        again = f"Something that it needs is missing: {error.name}. " + again
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


__all__ = ["installed", "load_all"]
