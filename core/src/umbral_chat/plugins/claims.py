"""What a hook's result is and claims, looked at without importing what the slim command line does not need."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from umbral_chat.settings.sections import Section
from umbral_chat.settings.shape import fields

# As for plugins' names: a key is a part of a variable's name, where `__` separates.
_KEY = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")


def section_fault(kind: object) -> str | None:
    """What is wrong with a plugin's section, or None."""
    if not (inspect.isclass(kind) and issubclass(kind, Section)):
        shown = kind.__name__ if inspect.isclass(kind) else type(kind).__name__
        return f"it gives {shown}, which is no subclass of umbral_chat.settings.sections.Section."
    config = kind.__struct_config__
    if not (config.frozen and config.forbid_unknown_fields):
        return f"its section {kind.__name__} must be frozen and forbid unknown fields, as Section is."
    return _fault_of_keys(kind, kind.__name__)


def _fault_of_keys(kind: type[msgspec.Struct], name: str) -> str | None:
    for key, field in fields(kind).items():
        if not _KEY.match(key):
            return f"the setting {key!r} of {name} must be lower-case words joined by single _."
        if field.required:
            return f"the setting {key!r} of {name} has no default."
        if field.table is not None and (fault := _fault_of_keys(field.table, f"{name}.{key}")):
            return fault
    return None


def routes_of(route: Any) -> Iterator[str]:
    """`METHOD path` of each route that a plain handler serves. Controllers and routers are left to Litestar."""
    if inspect.isclass(route) or not hasattr(route, "paths"):
        return
    methods = sorted(str(getattr(one, "value", one)) for one in getattr(route, "http_methods", ())) or ["*"]
    for path in sorted(route.paths):
        for method in methods:
            yield f"{method} {path}"


def is_command(one: object) -> bool:
    """Whether it is a click command that can be called by a name."""
    import click

    return isinstance(one, click.Command) and bool(one.name)


__all__ = ["is_command", "routes_of", "section_fault"]
