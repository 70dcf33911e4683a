"""The attempts: each is made on the database, as the caller's role with the caller's claims, and rolled back."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from .matrix import Case, Outcome
from .people import AGENT_ID, BEFORE, FORMER_ID, MEMBER_ID, NOW, OTHER_ID, OURS, THEIRS, Person

Connection = psycopg.Connection[TupleRow]

_LISTEN = "select count(*) from realtime.messages where topic = %s"
_SEND = "insert into realtime.messages (topic, extension, event, payload, private) values (%s, %s, 'x', '{}', true)"


def furnish(connection: Connection) -> None:
    """Two conversations with members, entries, markers, records, leases and signals, made through the functions that
    the service calls. Rolled back with everything else."""
    connection.execute("set local role service_role")
    for conversation, members in ((OURS, (MEMBER_ID, AGENT_ID, FORMER_ID)), (THEIRS, (OTHER_ID,))):
        _members(connection, conversation, members)
        for number in range(3):
            _call(
                connection,
                "umbral_chat_append",
                conversation,
                f'{{"kind":"message","sender":{{"role":"user"}},"message_id":"m{number}","content":"said"}}',
                "somebody",
                f"k{number}",
                "00",
            )
        _call(connection, "umbral_chat_mark_read", conversation, "somebody", 1)
    _audience(connection, BEFORE)
    _members(connection, OURS, (MEMBER_ID, AGENT_ID))
    _audience(connection, NOW)
    _call(connection, "umbral_chat_record_put", "ns", "key", "c2VjcmV0")
    _call(connection, "umbral_chat_lease_acquire", "lease", "holder", 60)
    _call(connection, "umbral_chat_ensure", "gone")
    _call(connection, "umbral_chat_delete", "gone")
    # Last: a deletion drops what signals there are.
    _call(connection, "umbral_chat_signal_post", "topic", "c2VjcmV0")
    connection.execute("reset role")


def attempt(connection: Connection, case: Case) -> Outcome:
    """Make the attempt; its outcome."""
    with connection.transaction(force_rollback=True):
        try:
            return _attempt(connection, case)
        except psycopg.errors.InsufficientPrivilege:
            return "no"
        except (psycopg.errors.IntegrityError, psycopg.errors.DataError, psycopg.errors.FeatureNotSupported):
            # The access checks passed, and the data was wrong.
            return "yes"


def _attempt(connection: Connection, case: Case) -> Outcome:
    match case.kind:
        case "table":
            become(connection, case.person)
            return _on_table(connection, case)
        case "sequence":
            become(connection, case.person)
            name = sql.Identifier("public", case.thing)
            if case.verb == "nextval":
                connection.execute("select nextval(%s)", (f"public.{case.thing}",))
            else:
                connection.execute(sql.SQL("select last_value from {}").format(name))
            return "yes"
        case "function":
            return _on_function(connection, case)
        case "topic":
            return _on_topic(connection, case)


def become(connection: Connection, person: Person) -> None:
    """Switch to this person's role and claims until the transaction ends, as PostgREST does for each request."""
    connection.execute("select set_config('request.jwt.claims', %s, true)", (person.claims,))
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(person.role)))


def _on_table(connection: Connection, case: Case) -> Outcome:
    table = sql.Identifier("public", case.thing)
    match case.verb:
        case "select":
            rows = connection.execute(sql.SQL("select to_json(t) from {} t").format(table)).fetchall()
            if not rows:
                return "nothing"
            named = {row.get("conversation", row.get("id")) for (row,) in rows}
            return "own" if named == {OURS} else "yes"
        case "insert":
            connection.execute(sql.SQL("insert into {} default values").format(table))
        case "update":
            column = _column(connection, case.thing)
            connection.execute(sql.SQL("update {} set {c} = {c}").format(table, c=sql.Identifier(column)))
        case "delete":
            connection.execute(sql.SQL("delete from {}").format(table))
        case "truncate":
            connection.execute(sql.SQL("truncate {}").format(table))
    return "yes"


def _on_function(connection: Connection, case: Case) -> Outcome:
    # All arguments are null: a permitted call succeeds, or fails because of them.
    found = connection.execute(
        "select oid, array(select format_type(t, null) from unnest(proargtypes) t), prorettype = 'trigger'::regtype "
        "from pg_proc where proname = %s and pronamespace = 'public'::regnamespace",
        (case.thing,),
    ).fetchall()
    ((function, types, trigger),) = found
    become(connection, case.person)
    if trigger:
        # It cannot be called directly, so its privilege is looked up.
        row = connection.execute("select has_function_privilege(%s::oid, 'execute')", (function,)).fetchone()
        return "yes" if row and row[0] else "no"
    nulls = sql.SQL(", ").join(sql.SQL(f"null::{name}") for name in types)
    connection.execute(sql.SQL("select {}({})").format(sql.Identifier("public", case.thing), nulls))
    return "yes"


def _on_topic(connection: Connection, case: Case) -> Outcome:
    """Check like Realtime: the server inserts a row of the topic, and the caller tries to read it or to insert one."""
    if case.policies != "none":
        connection.execute("create policy broad on realtime.messages for all using (true) with check (true)")
    extension = "presence" if case.verb == "presence" else "broadcast"
    connection.execute(_SEND, (case.thing, extension))
    connection.execute("select set_config('realtime.topic', %s, true)", (case.thing,))
    become(connection, case.person)
    if case.verb == "send":
        connection.execute(_SEND, (case.thing, extension))
        return "yes"
    row = connection.execute(_LISTEN + " and extension = %s", (case.thing, extension)).fetchone()
    return "yes" if row and row[0] else "no"


def _column(connection: Connection, table: str) -> str:
    row = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
        "and attidentity = '' order by attnum limit 1",
        (f"public.{table}",),
    ).fetchone()
    assert row is not None
    return str(row[0])


def _members(connection: Connection, conversation: str, subjects: tuple[str, ...]) -> None:
    members = ",".join(f'{{"subject":"{subject}"}}' for subject in subjects)
    entry = f'{{"kind":"update","sender":{{"role":"system"}},"changes":{{"members":[{members}]}}}}'
    _call(connection, "umbral_chat_update", conversation, entry, "desk")


def _audience(connection: Connection, audience: str) -> None:
    """Replace the random audiences, since the page shows their topics."""
    connection.execute("reset role")
    connection.execute("update public.umbral_chat_conversations set audience = %s", (audience,))
    connection.execute("set local role service_role")


def _call(connection: Connection, function: str, *arguments: Any) -> None:
    values = sql.SQL(", ").join(sql.Literal(value) for value in arguments)
    connection.execute(sql.SQL("select {}({})").format(sql.Identifier("public", function), values))


__all__ = ["Connection", "attempt", "become", "furnish"]
