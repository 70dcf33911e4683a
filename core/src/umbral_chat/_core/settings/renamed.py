"""Settings that moved to another section. The old names work until 0.3, each with a warning that names the new one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from umbral_chat._core.settings import environ as env
from umbral_chat._core.settings.origin import Origin

log = logging.getLogger(__name__)

RENAMED: Mapping[str, str] = {"polling.cache": "core.cache"}
"""Old dotted names of tables to new ones."""


def rename_variable(name: str, environ: Mapping[str, str]) -> str | None:
    """The variable to read `name` as: itself, or its new name. None: the new one is set too, and overrides it."""
    for old, new in RENAMED.items():
        prefix = env.variable(old) + "__"
        if name.startswith(prefix):
            renamed = env.variable(new) + "__" + name.removeprefix(prefix)
            _warn(name, renamed)
            return None if renamed in environ else renamed
    return name


def rename_tables(tables: dict[str, Any], origin: Origin) -> dict[str, Any]:
    """A file's tables with the old names replaced. A key that stands under both keeps its value of the new one."""
    for old, new in RENAMED.items():
        (section, key), (to_section, to_key) = old.split("."), new.split(".")
        table = tables.get(section)
        if not isinstance(table, dict) or not isinstance(moved := table.get(key), dict):
            continue
        _warn(f"[{old}] ({origin})", f"[{new}]")
        target = tables.get(to_section, {})
        given = target.get(to_key, {}) if isinstance(target, dict) else None
        if not isinstance(given, dict):
            continue  # reported as what it is, when the new name is read
        rest = {name: value for name, value in table.items() if name != key}
        tables = {**tables, section: rest, to_section: {**target, to_key: {**moved, **given}}}
    return tables


def _warn(old: str, new: str) -> None:
    log.warning("The setting %s is %s now; the old name works until 0.3.", old, new)


__all__ = ["RENAMED", "rename_tables", "rename_variable"]
