"""The migrations, as they are packaged."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Migration(NamedTuple):
    """One file. `version` is what its name begins with, as the Supabase CLI has it."""

    version: str
    name: str
    file: str
    text: str


@cache
def migrations() -> tuple[Migration, ...]:
    """All of them, in their order."""
    folder = files("umbral_chat_realtime_supabase") / "migrations"
    found = []
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".sql"):
            version, _, name = entry.name.removesuffix(".sql").partition("_")
            found.append(Migration(version, name, entry.name, entry.read_text("utf-8")))
    return tuple(found)


def newest() -> str:
    """Version of the newest one."""
    return migrations()[-1].version


def way_down() -> str:
    """What takes everything away again."""
    return (files("umbral_chat_realtime_supabase") / "down" / "umbral_chat_down.sql").read_text("utf-8")


__all__ = ["Migration", "migrations", "newest", "way_down"]
