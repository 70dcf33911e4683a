"""What policies let a caller read or write on a topic. Like the real server, it inserts a probe row under the caller's
role, in a transaction that is rolled back."""

from __future__ import annotations

import json
from dataclasses import dataclass
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
    """Whether policies let the claims' role do it. Raises psycopg.Error for other failures."""
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


class Unavailable(Exception):
    """The database could not answer; the text is the reason with which the server refuses."""


@dataclass(frozen=True)
class ReadRights:
    """What a channel may receive. `presence` None: not checked, since the channel was joined without presence."""

    broadcast: bool
    presence: bool | None


async def read_rights(url: str, topic: str, claims: Claims, *, presence: bool) -> ReadRights:
    """The rights on a private topic. Raises Unavailable."""
    try:
        broadcast = await allowed(url, topic, claims, "read")
        return ReadRights(broadcast, await allowed(url, topic, claims, "read", "presence") if presence else None)
    except psycopg.errors.QueryCanceled as error:
        raise Unavailable(f"QueryCanceled: {error}") from None
    except psycopg.OperationalError:
        words = "Realtime was unable to connect to the project database"
        raise Unavailable(f"UnableToConnectToProject: {words}") from None
    except psycopg.Error as error:
        if "no partition" in str(error):
            words = "Realtime was unable to find the expected messages partition"
            raise Unavailable(f"MissingPartition: {words}") from None
        # Any other error of policies or the role is a refusal.
        return ReadRights(broadcast=False, presence=False if presence else None)


__all__ = ["ReadRights", "Unavailable", "Verb", "allowed", "read_rights"]
