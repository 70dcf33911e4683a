"""The origin of a setting's value."""

from __future__ import annotations

from typing import Literal

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """The source of a value. `where` is the file's path, the variable's name or the option; None for a default."""

    kind: Literal["default", "file", "environment", "option"]
    where: str | None = None

    def __str__(self) -> str:
        return self.kind if self.where is None else f"{self.kind} {self.where}"


DEFAULT = Origin("default")

__all__ = ["DEFAULT", "Origin"]
