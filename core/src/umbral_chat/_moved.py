"""Modules of 0.1 that have moved: they answer until 0.3 and warn with the new name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def moved(old: str, new: str, renamed: Mapping[str, str] | None = None) -> Callable[[str], Any]:
    """The `__getattr__` of the module `old`, whose names are those of `new`; `renamed`: old names to new ones. With the
    same module twice it has these alone.

    Each use warns with a DeprecationWarning that names what to import instead.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 - becomes the module's own
        now = (renamed or {}).get(name, name)
        if name.startswith("__") or (old == new and now == name):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        value = getattr(import_module(new), now)
        warnings.warn(f"{old}.{name} is {new}.{now} now; the old name goes with 0.3.", DeprecationWarning, stacklevel=2)
        return value

    return __getattr__


__all__ = ["moved"]
