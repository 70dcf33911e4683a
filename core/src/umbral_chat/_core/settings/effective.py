"""The effective settings, each with its origin."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import msgspec

from umbral_chat._core.settings import sections as own
from umbral_chat._core.settings.origin import DEFAULT, Origin
from umbral_chat._core.settings.schema import fields
from umbral_chat._core.settings.secret import Secret
from umbral_chat._core.settings.suggestions import suggestion
from umbral_chat.errors import SettingsError

S = TypeVar("S", bound=own.Section)

MASK = "********"
"""Shown in place of a secret, whatever its length."""


@dataclass(frozen=True, slots=True)
class Effective:
    """One effective setting, with secrets masked."""

    key: str
    value: Any
    """A JSON value; secrets are masked."""
    origin: Origin
    secret: bool


@dataclass(frozen=True)
class Settings:
    """All sections. They are read once and do not change afterwards."""

    core: own.Core = dataclasses.field(default_factory=own.Core)
    realtime: own.Realtime = dataclasses.field(default_factory=own.Realtime)
    runs: own.Runs = dataclasses.field(default_factory=own.Runs)
    telemetry: own.Telemetry = dataclasses.field(default_factory=own.Telemetry)
    plugins: Mapping[str, own.Section] = dataclasses.field(default_factory=dict)
    """Plugins' sections by entry-point name."""
    origins: Mapping[str, Origin] = dataclasses.field(default_factory=dict)
    """Origin by dotted key of each setting that is not a default."""
    file: Path | None = None
    """The settings file that was read, if there was one."""

    @overload
    def section(self, name: str) -> Any: ...
    @overload
    def section(self, name: str, kind: type[S]) -> S: ...
    def section(self, name: str, kind: type[own.Section] = own.Section) -> Any:
        """A plugin's section; with `kind`, typed as that. Raises SettingsError when no active plugin has it."""
        found = self.plugins.get(name)
        if found is None:
            raise SettingsError(f"There is no section [{name}]: {suggestion(name, self.plugins, what='sections')}")
        if not isinstance(found, kind):
            raise SettingsError(f"Section [{name}] is a {type(found).__name__}, not a {kind.__name__}.")
        return found

    def origin(self, key: str) -> Origin:
        """The origin of the setting with this dotted key (`core.port`)."""
        return self.origins.get(key, DEFAULT)

    def sections(self) -> dict[str, own.Section]:
        """Every section by name, the core's first."""
        own_sections = {"core": self.core, "realtime": self.realtime, "runs": self.runs, "telemetry": self.telemetry}
        return {**own_sections, **self.plugins}

    def effective(self) -> Iterator[Effective]:
        """Every setting with its value and origin; secrets are masked."""
        for name, section in self.sections().items():
            yield from self._effective(section, name)

    def _effective(self, struct: msgspec.Struct, prefix: str) -> Iterator[Effective]:
        for key, field in fields(type(struct)).items():
            dotted, value = f"{prefix}.{key}", getattr(struct, field.attribute)
            if field.table is not None:
                yield from self._effective(value, dotted)
            else:
                yield Effective(dotted, _part(field.secret, value), self.origin(dotted), field.secret)


def shown(value: Any) -> Any:
    """A value as JSON types, with every secret masked."""
    match value:
        case Secret():
            return MASK
        case msgspec.Struct():
            parts = ((field, getattr(value, field.attribute)) for field in fields(type(value)).values())
            return {field.key: _part(field.secret, part) for field, part in parts if part is not None}
        case list() | tuple() | set() | frozenset():
            return [shown(item) for item in value]
        case dict():
            return {str(key): shown(item) for key, item in value.items()}
        case _:
            return msgspec.to_builtins(value)


def _part(secret: bool, value: Any) -> Any:
    if secret and isinstance(value, str):
        return MASK
    if secret and isinstance(value, list):
        return [_part(secret, item) for item in value]
    return shown(value)


__all__ = ["MASK", "Effective", "Settings", "shown"]
