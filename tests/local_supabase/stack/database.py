"""Statements that the gateway itself runs, as the superuser."""

from __future__ import annotations

from typing import Any, cast

import psycopg

from .parts import Parts


async def execute(parts: Parts, statement: str, *values: Any) -> None:
    """Run a statement in a transaction of its own."""
    async with await psycopg.AsyncConnection.connect(parts.postgres.url()) as connection:
        await connection.execute(cast("Any", statement), values)


async def one(parts: Parts, statement: str, *values: Any) -> Any:
    """The only value of the only row; None without a row."""
    async with await psycopg.AsyncConnection.connect(parts.postgres.url()) as connection:
        row = await (await connection.execute(cast("Any", statement), values)).fetchone()
    return None if row is None else row[0]


__all__ = ["execute", "one"]
