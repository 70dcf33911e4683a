"""`umbral-chat supabase`: the database's migrations from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click


def commands() -> Sequence[click.Command]:
    """The group."""
    from umbral_chat_realtime_supabase.cli.group import supabase

    return [supabase]


__all__ = ["commands"]
