"""May this caller read or write a topic? Asked as the real server does: with a probe row, under the caller's role, in a
transaction that is rolled back."""

from __future__ import annotations

import json
from typing import Literal

import psycopg
from psycopg import sql

from .tokens import Claims

Verb = Literal["read", "write"]

_PROBE = (
    "insert into realtime.messages (topic, extension, event, payload, private, inserted_at) "
    "values (%s, %s, 'probe', '{}', true, now()) returning id"
)


async def allowed(url: str, topic: str, claims: Claims, verb: Verb, extension: str = "broadcast") -> bool:
    """Whether policies let the claims' role do it. Raises psycopg.Error when that cannot be told."""
    async with (
        await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection,
        connection.transaction(force_rollback=True),
    ):
        row = None
        if verb == "read":
            row = await (await connection.execute(_PROBE, (topic, extension))).fetchone()
        await connection.execute("select set_config('realtime.topic', %s, true)", (topic,))
        await connection.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),))
        await connection.execute(sql.SQL("set local role {}").format(sql.Identifier(str(claims["role"]))))
        try:
            if row is None:
                await connection.execute(_PROBE.removesuffix(" returning id"), (topic, extension))
                return True
            seen = await connection.execute("select 1 from realtime.messages where id = %s", (row[0],))
            return await seen.fetchone() is not None
        except psycopg.errors.InsufficientPrivilege:
            return False


__all__ = ["Verb", "allowed"]
