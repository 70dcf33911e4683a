"""The status of an installed plugin."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["active", "disabled", "broken", "incompatible"]


class PluginStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of one entry point of the group `umbral_chat`."""

    name: str
    """The name of the entry point, which is also that of the section in the settings."""
    distribution: str | None
    """The package that installed it."""
    version: str | None
    state: State
    reason: str | None = None
    """Why it is not active."""
    mend: str | None = None
    """What to do about the reason."""
    provides: tuple[str, ...] = ()
    """Kinds of hooks that it implements: `transport`, `routes` …"""
    faults: tuple[str, ...] = ()
    """What its hooks have raised since the start."""

    @property
    def well(self) -> bool:
        """Active and without a fault, or disabled on purpose."""
        return self.state in {"active", "disabled"} and not self.faults

    @property
    def label(self) -> str:
        """The plugin and its package, for messages."""
        return f"{self.name!r}" if self.distribution is None else f"{self.name!r} ({self.distribution} {self.version})"


def disabling(name: str) -> str:
    """The sentence that says how to disable a plugin."""
    return f'To go on without it: core.disabled_plugins = ["{name}"].'


__all__ = ["PluginStatus", "State", "disabling"]
