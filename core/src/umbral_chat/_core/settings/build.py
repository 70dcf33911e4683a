"""Builds the validated Structs of the settings from given values and their origins. Every error names the setting."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from umbral_chat._core.settings.origin import Origin
from umbral_chat._core.settings.schema import Field, fields, leaves, plain
from umbral_chat._core.settings.secret import Secret
from umbral_chat._core.settings.suggestions import nearest, suggestion
from umbral_chat.errors import SettingsError

StructT = TypeVar("StructT", bound=msgspec.Struct)
GivenSettings = dict[str, tuple[Any, Origin]]
"""The given values by dotted key, each with its origin; the last one given counts."""
SectionTypes = Mapping[str, type[msgspec.Struct]]
"""The Structs of the sections by name."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

_UNTRIMMED = "holds a line break or another control character, or white space at an end"
"""Said of a secret: no header can carry it so, and other programs that use the secret have it without."""

SHOWN = 80
"""Characters of an invalid value that an error quotes: enough to recognize it."""


def flatten_section(kinds: SectionTypes, section: str, table: Any, origin: Origin, given: GivenSettings) -> None:
    """Put every setting of one section's table into `given`, replacing earlier values.

    Raises SettingsError for an unknown key.
    """
    _flatten(kinds, kinds[section], section, table, origin, given)


def _flatten(
    kinds: SectionTypes, kind: type[msgspec.Struct], prefix: str, table: Any, origin: Origin, given: GivenSettings
) -> None:
    if not isinstance(table, dict):
        raise SettingsError(f"[{prefix}] ({origin}) must be a table of settings, not {type(table).__name__}.")
    known = fields(kind)
    for key, value in table.items():
        field = known.get(key)
        if field is None:
            raise unknown_key(kinds, prefix, key, known, origin)
        if field.table is not None:
            _flatten(kinds, field.table, f"{prefix}.{key}", value, origin, given)
        else:
            given[f"{prefix}.{key}"] = (value, origin)


def unknown_key(
    kinds: SectionTypes, prefix: str, key: str, known: Mapping[str, Field], origin: Origin
) -> SettingsError:
    """The error for a key that its section does not have. The value is not quoted: it may be a secret."""
    message = f"Unknown setting {prefix}.{key} ({origin})"
    if found := nearest(key, known):
        return SettingsError(f"{message}: did you mean {prefix}.{found}?")
    if elsewhere := [dotted for name, one in kinds.items() for dotted, _ in leaves(one, name) if _last(dotted) == key]:
        return SettingsError(f"{message}: did you mean {elsewhere[0]}?")
    return SettingsError(f"{message}; {suggestion(key, known, what=f'[{prefix}] has')}")


def build(kind: type[StructT], prefix: str, given: GivenSettings) -> StructT:
    """The Struct of a section, with defaults where no value was given. Raises SettingsError."""
    arguments: dict[str, Any] = {}
    for key, field in fields(kind).items():
        dotted = f"{prefix}.{key}"
        if field.table is not None:
            arguments[field.attribute] = build(field.table, dotted, given)
        elif dotted in given:
            value, origin = given[dotted]
            arguments[field.attribute] = convert(value, field, dotted, origin)
        elif field.required:
            raise SettingsError(f"{dotted} must be set: {field.words}.")
    return _construct(kind, arguments, prefix, [origin for key, (_, origin) in given.items() if _inside(key, prefix)])


def convert(value: Any, field: Field, where: str, origin: Origin) -> Any:
    """`value` converted to the field's type. Raises SettingsError that says what would be valid."""
    if isinstance(field.info, inspect.ListType) and isinstance(value, list):
        item = plain(field.info.item_type)
        if isinstance(item, inspect.StructType):
            return [_row(item.cls, one, f"{where}[{index}]", origin) for index, one in enumerate(value)]
    if isinstance(field.info, inspect.DictType) and isinstance(value, dict):
        item = plain(field.info.value_type)
        if isinstance(item, inspect.StructType):
            return {name: _row(item.cls, one, f"{where}.{name}", origin) for name, one in value.items()}
    if _not_finite(value):
        raise _wrong(where, value, field, origin)
    try:
        return msgspec.convert(value, field.annotation, dec_hook=_decode)
    except msgspec.ValidationError as error:
        # "… - at `$[2]`" is the place inside a list or table.
        place = re.search(r" - at `\$([^`]*)`$", str(error))
        if _UNTRIMMED in str(error):
            at = where + (place.group(1) if place else "")
            raise SettingsError(
                f"{at} ({origin}) {_UNTRIMMED}, as text that was read from a file does. Give the secret alone, on one "
                'line: in a shell, "$(cat FILE)" drops the line break.'
            ) from None
        raise _wrong(where + (place.group(1) if place else ""), value, field, origin) from None


def _row(kind: type[msgspec.Struct], value: Any, where: str, origin: Origin) -> msgspec.Struct:
    """The Struct of one table in a list of tables, or in a table of them by name."""
    known = fields(kind)
    if not isinstance(value, dict):
        raise SettingsError(f"{where} ({origin}) must be a table with {', '.join(known)}.")
    arguments = {}
    for key, one in value.items():
        field = known.get(key)
        if field is None:
            raise SettingsError(f"Unknown key {key} in {where} ({origin}): {suggestion(key, known, what='it has')}")
        arguments[field.attribute] = convert(one, field, f"{where}.{key}", origin)
    for key, field in known.items():
        if field.required and key not in value:
            raise SettingsError(f"{where}.{key} ({origin}) is missing: it must be {field.words}.")
    return _construct(kind, arguments, where, [origin])


def _construct(kind: type[StructT], arguments: dict[str, Any], where: str, origins: list[Origin]) -> StructT:
    try:
        return kind(**arguments)
    except ValueError as error:  # raised by a section's own __post_init__ for a combination of values
        sources = "; ".join(dict.fromkeys(str(origin) for origin in origins)) or "defaults"
        raise SettingsError(f"[{where}] ({sources}): {error}") from error


def _wrong(where: str, value: Any, field: Field, origin: Origin) -> SettingsError:
    if field.secret:
        return SettingsError(f"{where} ({origin}) is not valid: it must be {field.words}.")
    text = repr(value)
    text = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return SettingsError(f"{where} is {text} ({origin}): it must be {field.words}.")


def _decode(kind: type, value: Any) -> Any:
    if kind is Secret:
        if isinstance(value, str):
            if value != value.strip() or _CONTROL.search(value):
                raise ValueError(_UNTRIMMED)
            return Secret(value)
        raise ValueError("Expected text")
    raise NotImplementedError(kind)


def _not_finite(value: Any) -> bool:
    """TOML and `float()` both accept inf and nan, which no setting can use."""
    return isinstance(value, float) and not math.isfinite(value)


def _inside(key: str, prefix: str) -> bool:
    return key.startswith(f"{prefix}.")


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


__all__ = ["GivenSettings", "SectionTypes", "build", "convert", "flatten_section", "unknown_key"]
