"""The fields of a section, with their types in words for errors and the reference page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from umbral_chat._core.settings.secret import Secret


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a section, or of a table inside it."""

    key: str
    """Its name in the file."""
    attribute: str
    """Its name in the Struct."""
    annotation: Any
    info: inspect.Type
    """The type, without its annotations."""
    description: str
    required: bool
    secret: bool
    """Whether the value is or contains a secret, so that no part of it is shown."""
    table: type[msgspec.Struct] | None
    """The Struct of a nested table, whose keys are settings of their own."""
    default: Any

    @property
    def words(self) -> str:
        """The valid values, in words."""
        return words(self.info)


@cache
def fields(kind: type[msgspec.Struct]) -> dict[str, Field]:
    """The keys of a Struct, in its order."""
    return {found.encode_name: _field(found) for found in msgspec.structs.fields(kind)}


def leaves(kind: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, Field]]:
    """Every setting of a section with its dotted key; keys of nested tables are included, items of lists are not."""
    for key, field in fields(kind).items():
        if field.table is None:
            yield f"{prefix}.{key}", field
        else:
            yield from leaves(field.table, f"{prefix}.{key}")


def _field(found: msgspec.structs.FieldInfo) -> Field:
    info = inspect.type_info(found.type)
    description, marked = "", False
    while isinstance(info, inspect.Metadata):
        description = description or str((info.extra_json_schema or {}).get("description", ""))
        marked = marked or bool((info.extra or {}).get("secret"))
        info = info.type
    default = found.default
    if default is NODEFAULT and found.default_factory is not NODEFAULT:
        default = found.default_factory()
    return Field(
        key=found.encode_name,
        attribute=found.name,
        annotation=found.type,
        info=info,
        description=description,
        required=found.required,
        secret=marked or _holds_secret(info),
        table=info.cls if isinstance(info, inspect.StructType) else None,
        default=default,
    )


def plain(info: inspect.Type) -> inspect.Type:
    """The type without annotations."""
    while isinstance(info, inspect.Metadata):
        info = info.type
    return info


def optional(info: inspect.Type) -> bool:
    """Whether the type allows None."""
    return isinstance(info, inspect.UnionType) and any(isinstance(one, inspect.NoneType) for one in info.types)


def variants(info: inspect.Type) -> list[inspect.Type]:
    """The alternatives of a union, without None; of any other type the type itself."""
    info = plain(info)
    if isinstance(info, inspect.UnionType):
        return [plain(one) for one in info.types if not isinstance(one, inspect.NoneType)]
    return [info]


def _holds_secret(info: inspect.Type) -> bool:
    match plain(info):
        case inspect.CustomType(cls=cls):
            return cls is Secret
        case inspect.UnionType(types=types):
            return any(_holds_secret(one) for one in types)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return _holds_secret(item)
        case inspect.DictType(value_type=value):
            return _holds_secret(value)
        case inspect.StructType(cls=cls):
            return any(field.secret for field in fields(cls).values())
        case _:
            return False


def words(info: inspect.Type) -> str:
    """A type in words: `a whole number from 0 to 65535`."""
    alternatives = " or ".join(_one(one) for one in variants(info))
    return f"{alternatives}, or unset" if optional(plain(info)) else alternatives


def _one(info: inspect.Type) -> str:
    match info:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _bounds(info)
        case inspect.FloatType():
            return "a number" + _bounds(info)
        case inspect.StrType(pattern=str(pattern)):
            return f"text that matches {pattern}"
        case inspect.StrType(min_length=low, max_length=high):
            return "text" + _span(low, high, "characters")
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(str(value) for value in values)
        case inspect.ListType(item_type=item, min_length=low, max_length=high):
            return f"a list of {_many(item)}" + _span(low, high, "items")
        case inspect.DictType() | inspect.StructType():
            return _table(info)
        case inspect.CustomType(cls=cls) if cls is Secret:
            return "text (secret)"
        case _:
            return type(info).__name__.removesuffix("Type").lower()


def _table(info: inspect.DictType | inspect.StructType) -> str:
    if isinstance(info, inspect.DictType) and isinstance(plain(info.value_type), inspect.StructType):
        return f"{_many(info.value_type)} by name"
    return "a table"


def _many(item: inspect.Type) -> str:
    match plain(item):
        case inspect.StructType(cls=cls):
            return f"tables ({', '.join(fields(cls))})"
        case inspect.StrType(min_length=None, max_length=None, pattern=None):
            return "texts"
        case inspect.CustomType(cls=cls) if cls is Secret:
            return "texts (secret)"
        case other:
            return f"({words(other)})"


def _bounds(info: inspect.IntType | inspect.FloatType) -> str:
    if info.ge is not None and info.le is not None:
        return f" from {info.ge} to {info.le}"
    bounds = [
        f"{word} {bound}"
        for word, bound in (("above", info.gt), ("at least", info.ge), ("below", info.lt), ("at most", info.le))
        if bound is not None
    ]
    return f" {' and '.join(bounds)}" if bounds else ""


def _span(low: int | None, high: int | None, unit: str) -> str:
    if low is not None and high is not None:
        return f" of {low} to {high} {unit}"
    if low is not None:
        return f" of at least {low} {unit}"
    return f" of at most {high} {unit}" if high is not None else ""


__all__ = ["Field", "fields", "leaves", "optional", "plain", "variants", "words"]
