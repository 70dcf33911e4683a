"""Settings from the environment: `UMBRAL_CHAT_SECTION__KEY[__SUBKEY]`, plain text, or JSON for lists and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from umbral_chat._core.settings.build import SectionTypes
from umbral_chat._core.settings.origin import Origin
from umbral_chat._core.settings.schema import Field, fields, leaves, optional, variants
from umbral_chat._core.settings.secret import Secret
from umbral_chat._core.settings.suggestions import nearest
from umbral_chat.errors import SettingsError
from umbral_chat.model.depth import DEPTH, is_deeper

PREFIX = "UMBRAL_CHAT_"
CONFIG = "UMBRAL_CHAT_CONFIG"
RESERVED = frozenset({CONFIG, "UMBRAL_CHAT_URL", "UMBRAL_CHAT_KEY"})
"""Variables that are not settings: the settings file, and the address and key of the command-line client."""

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})

# A Kubernetes Service named umbral-chat (or umbral-chat-…) sets these in every pod of its namespace; as unknown
# settings they would keep the service from starting there.
_KUBERNETES = re.compile(
    r"UMBRAL_CHAT_(?:[A-Z0-9_]+_)?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)\Z"
)
_KUBERNETES_PORT = re.compile(r"(?:tcp|udp|sctp)://")


def names(environ: Mapping[str, str]) -> list[str]:
    """The variables that are settings, tables before the keys inside them."""
    found = [name for name in environ if name.startswith(PREFIX) and name not in RESERVED]
    return sorted((name for name in found if not _injected(name, environ[name])), key=lambda name: (len(name), name))


def _injected(name: str, value: str) -> bool:
    if "__" in name:
        return False
    return bool(_KUBERNETES.match(name) or (name.endswith("_PORT") and _KUBERNETES_PORT.match(value)))


def variable(dotted: str) -> str:
    """The variable of a setting: `core.limits.page` is UMBRAL_CHAT_CORE__LIMITS__PAGE."""
    return PREFIX + dotted.upper().replace(".", "__")


def path_of(name: str) -> list[str]:
    """The section and keys of a variable's name."""
    return name.removeprefix(PREFIX).lower().split("__")


def table(kinds: SectionTypes, name: str, text: str) -> dict[str, Any]:
    """One variable as a table of its section, for `flatten_section`. Raises SettingsError."""
    section, *keys = path_of(name)
    kind: type[msgspec.Struct] | None = kinds[section]
    field: Field | None = None
    for depth, key in enumerate(keys):
        if kind is None or key not in (known := fields(kind)):
            within = ".".join([section, *keys[:depth]])
            if field is not None and kind is None:
                raise SettingsError(f"{name}: {within} has no keys inside; it must be {field.words}.")
            raise unknown_variable(kinds, name)
        field = known[key]
        kind = field.table
    if field is None:
        raise unknown_variable(kinds, name)
    return nested(keys, parse(field, text, ".".join([section, *keys]), name))


def nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """The nested table with `value` under these keys."""
    table = {keys[-1]: value}
    for key in reversed(keys[:-1]):
        table = {key: table}
    return table


def unknown_variable(kinds: SectionTypes, name: str) -> SettingsError:
    """The error for a variable that is not a setting. The value is not quoted: it may be a secret."""
    # Compared without the prefix, which would make all names similar.
    known = [
        variable(dotted).removeprefix(PREFIX) for section in kinds for dotted, _ in leaves(kinds[section], section)
    ]
    tail = name.removeprefix(PREFIX)
    found = next((one for one in known if one.endswith(f"__{tail}")), None) or nearest(tail, known)
    if found is None:
        return SettingsError(
            f"Unknown setting in the environment: {name}. Settings are named {PREFIX}SECTION__KEY; "
            f"sections: {', '.join(kinds)}."
        )
    dotted = found.lower().replace("__", ".")
    return SettingsError(f"Unknown setting in the environment: {name}: did you mean {PREFIX}{found} ({dotted})?")


def parse(field: Field, text: str, dotted: str, name: str) -> Any:
    """A variable's text as a value of its field's type. Bounds are checked later, as for values from the file."""
    kinds = variants(field.info)
    if not text and optional(field.info):
        return None
    for kind in kinds:
        match kind:
            case inspect.BoolType() if text.strip().lower() in _TRUE | _FALSE:
                return text.strip().lower() in _TRUE
            case inspect.IntType() | inspect.FloatType() if (number := _number(kind, text)) is not None:
                return number
            case inspect.StrType() | inspect.LiteralType():
                return text
            case inspect.CustomType(cls=cls) if cls is Secret:
                return text
    if all(isinstance(kind, inspect.BoolType | inspect.IntType | inspect.FloatType) for kind in kinds):
        shown = "is empty" if not text else f"is {text!r}"
        shown = "is not valid" if field.secret else shown
        raise SettingsError(f"{dotted} {shown} ({Origin('environment', name)}): it must be {field.words}.")
    if is_deeper(text, DEPTH):
        raise SettingsError(
            f"{dotted} ({Origin('environment', name)}) is nested deeper than {DEPTH} levels, which no setting is."
        )
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        example = "[…]" if isinstance(kinds[0], inspect.ListType) else "{…}"
        raise SettingsError(
            f"{dotted} ({Origin('environment', name)}) is not JSON ({error}): it must be {field.words}, as {example}"
        ) from None


def _number(kind: inspect.IntType | inspect.FloatType, text: str) -> int | float | None:
    try:
        return int(text) if isinstance(kind, inspect.IntType) else float(text)
    except ValueError:
        return None


__all__ = ["CONFIG", "PREFIX", "RESERVED", "names", "nested", "parse", "path_of", "table", "variable"]
