"""The packaged migrations."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Migration(NamedTuple):
    """One file. `version` is the number at the start of its name, as in the Supabase CLI."""

    version: str
    name: str
    file: str
    text: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Every migration, in order."""
    folder = files("umbral_chat_realtime_supabase") / "migrations"
    found = []
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".sql"):
            version, _, name = entry.name.removesuffix(".sql").partition("_")
            found.append(Migration(version, name, entry.name, entry.read_text("utf-8")))
    return tuple(found)


def newest() -> str:
    """The version of the last migration."""
    return migrations()[-1].version


def down_migration() -> str:
    """The SQL of the down migration, which removes everything."""
    return (files("umbral_chat_realtime_supabase") / "down" / "umbral_chat_down.sql").read_text("utf-8")


__all__ = ["Migration", "down_migration", "migrations", "newest"]
