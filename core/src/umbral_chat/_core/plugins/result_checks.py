"""Checks of hook results. Heavy modules are imported only when needed: the slim command line does without them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from umbral_chat._core.plugins.interface_checks import call_fault, type_in_words
from umbral_chat._core.settings.schema import fields
from umbral_chat._core.settings.sections import Section

# As for plugins' names: a key is part of a variable's name, in which `__` is the separator.
_KEY = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*\Z")


def section_fault(kind: object) -> str | None:
    """What is wrong with a plugin's section, or None."""
    if not (inspect.isclass(kind) and issubclass(kind, Section)):
        shown = kind.__name__ if inspect.isclass(kind) else type(kind).__name__
        return f"it returns {shown}, which is not a subclass of umbral_chat._core.settings.sections.Section."
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


def command_fault(one: object) -> str | None:
    """Why it, or a command in its group, cannot be run by its name, as the end of a sentence; or None."""
    import click

    if not isinstance(one, click.Command) or not one.name:
        return f"{type_in_words(one)}, which is not a click command with a name."
    if inspect.iscoroutinefunction(one.callback):
        return f"the command {one.name!r}, which is async and would not be run: decorate it with run_async."
    for inner in one.commands.values() if isinstance(one, click.Group) else ():
        if fault := command_fault(inner):
            return fault
    return None


def route_fault(one: object) -> str | None:
    """Why it is not a route handler, as the end of a sentence; or None."""
    from litestar import Controller, Router
    from litestar.handlers import BaseRouteHandler

    if isinstance(one, BaseRouteHandler | Router) or (inspect.isclass(one) and issubclass(one, Controller)):
        return None
    return f"{type_in_words(one)}, which is not a route handler: decorate it, as with litestar.get."


def offer_fault(one: object) -> str | None:
    """Why it is not a valid Offer, as the end of a sentence; or None."""
    from umbral_chat.providers.edges import Offer

    if not isinstance(one, Offer):
        return f"{type_in_words(one)}, which is not an Offer."
    return _struct_fault(one, Offer, "an Offer")


def check_fault(one: object) -> str | None:
    """Why it is not a valid Check, as the end of a sentence; or None."""
    from umbral_chat.providers.edges import Check

    if not isinstance(one, Check):
        return f"{type_in_words(one)}, which is not a Check."
    if fault := _struct_fault(one, Check, "a Check"):
        return fault
    fault = call_fault(one.run)
    return None if fault is None else f"the check {one.name!r}, whose `run` {fault}"


def _struct_fault(one: object, kind: type[msgspec.Struct], what: str) -> str | None:
    """The first field of a wrong type: msgspec checks decoded values, not those that are constructed in Python."""
    for field in msgspec.structs.fields(kind):
        value = getattr(one, field.name)
        if field.name == "run":  # a function, which msgspec cannot convert
            continue
        try:
            msgspec.convert(value, field.type)
        except (msgspec.ValidationError, TypeError) as error:
            return f"{what} whose {field.name} is {value!r:.60}: {error}."
    return None


__all__ = ["check_fault", "command_fault", "offer_fault", "route_fault", "routes_of", "section_fault"]
