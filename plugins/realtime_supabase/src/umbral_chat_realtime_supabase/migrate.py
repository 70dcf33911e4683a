"""Applies the migrations over a plain connection to the database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from umbral_chat.errors import NewerSchema, StoreError

from umbral_chat_realtime_supabase.migration_files import Migration, down_migration, migrations, newest

Connection = psycopg.Connection[TupleRow]

_LOCK = 7_386_201_123
"""Key of the advisory lock that makes concurrent runs wait for each other."""

_CONNECT, _LOCK_WAIT, _STATEMENT = 15, "10s", "10min"
"""Seconds to connect; how long a table's lock is waited for; how long one file may take."""


def migrate(db_url: str, *, dry_run: bool = False) -> Iterator[str]:
    """Apply the missing migrations; a line for each file when it is applied. Raises StoreError and NewerSchema."""
    with _connected(db_url) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        missing = _missing(connection)
        if not missing:
            yield f"Nothing to do: the database has every migration up to {newest()}."
            return
        for migration in missing:
            if dry_run:
                yield f"would apply {migration.file}"
                continue
            begun = time.monotonic()
            _apply(connection, migration.file, migration.text)
            yield f"applied {migration.file} ({time.monotonic() - begun:.2f} s)"
        if not dry_run:
            connection.execute("notify pgrst, 'reload schema'")
            yield "The API was notified to reload the schema."


def drop(db_url: str, *, sure: bool) -> Iterator[str]:
    """Remove everything; without `sure` only report what would be lost. Raises StoreError."""
    with _connected(db_url) as connection:
        if not _applied(connection):
            yield "There is nothing of Umbral Chat in this database."
            return
        row = connection.execute(
            "select (select count(*) from public.umbral_chat_conversations), "
            "(select count(*) from public.umbral_chat_entries)"
        ).fetchone()
        conversations, entries = row or (0, 0)
        if not sure:
            raise StoreError(
                f"{conversations} conversations with {entries} entries would be lost. Nothing was changed; --yes does "
                "it."
            )
        _apply(connection, "umbral_chat_down.sql", down_migration())
        yield f"{conversations} conversations with {entries} entries, and everything else of Umbral Chat, were removed."


def status(db_url: str, *, as_json: bool = False) -> Iterator[str]:
    """The state of the database: applied and missing migrations, the switch, and counters. Raises StoreError."""
    with _connected(db_url) as connection:
        applied = _applied(connection)
        state: Any = None
        if migrations()[-1].version in applied:
            row = connection.execute("select public.umbral_chat_state()").fetchone()
            state = row and row[0]
    if as_json:
        yield json.dumps({"applied": sorted(applied), "known": [each.version for each in migrations()], "state": state})
        return
    for each in migrations():
        yield f"{'applied' if each.version in applied else 'missing'}  {each.file}"
    for version in sorted(applied - {each.version for each in migrations()}):
        yield f"unknown  {version} (of a newer version of Umbral Chat)"
    if state is not None:
        yield f"realtime switched {'on' if state['realtime'] else 'off'}; broadcasts: " + ", ".join(
            f"{number} {name.replace('_', ' ')}" for name, number in state["broadcasts"].items()
        )


def write(folder: Path, *, force: bool = False) -> Iterator[str]:
    """Write the files into a Supabase CLI project's folder. Raises StoreError when one exists and differs."""
    differing = [
        each.file
        for each in migrations()
        if (folder / each.file).exists() and (folder / each.file).read_text("utf-8") != each.text
    ]
    if differing and not force:
        raise StoreError(f"{folder} has other files of these names: {', '.join(differing)}. --force replaces them.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in migrations():
            (folder / each.file).write_text(each.text, "utf-8")
            yield f"wrote {folder / each.file}"
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}.") from error
    yield "Next: supabase db push"


def _missing(connection: Connection) -> list[Migration]:
    applied = _applied(connection)
    if unknown := sorted(applied - {each.version for each in migrations()}):
        raise NewerSchema(
            f"The database has migrations that this version does not know ({', '.join(unknown)}). Upgrade "
            "umbral-chat-realtime-supabase; nothing was changed."
        )
    if connection.execute("select to_regclass('realtime.messages')").fetchone() == (None,):
        raise StoreError(
            "This is no Supabase database, or one without Realtime: it has no table realtime.messages. Nothing was "
            "changed."
        )
    return [each for each in migrations() if each.version not in applied]


def _applied(connection: Connection) -> set[str]:
    if connection.execute("select to_regclass('public.umbral_chat_migrations')").fetchone() == (None,):
        return set()
    return {version for (version,) in connection.execute("select version from public.umbral_chat_migrations")}


def _apply(connection: Connection, file: str, text: str) -> None:
    try:
        with connection.transaction():
            connection.execute(sql.SQL(text))
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreError(
            f"{file} was not applied: {_message(error)}. Connect as the project's `postgres`, which owns `public`. A "
            "hosted project lets it make policies on realtime.messages; on a Supabase of your own name that table in "
            "supautils.policy_grants, or make `postgres` its owner: alter table realtime.messages owner to postgres."
        ) from None
    except psycopg.errors.LockNotAvailable:
        raise StoreError(
            f"{file} was not applied: another transaction holds a lock that it needs. Try again when it is done."
        ) from None
    except psycopg.Error as error:
        raise StoreError(f"{file} was not applied: {_message(error)}.") from None


@contextmanager
def _connected(db_url: str) -> Iterator[Connection]:
    address = _address(db_url)
    try:
        connection = psycopg.connect(
            db_url,
            autocommit=True,
            connect_timeout=_CONNECT,
            # A pooler may execute a prepared statement in another session.
            prepare_threshold=None,
            application_name="umbral-chat",
        )
    except psycopg.Error as error:
        raise StoreError(f"{address} cannot be used: {_why(error, address)}") from None
    try:
        with connection:
            connection.execute(f"set lock_timeout = '{_LOCK_WAIT}'; set statement_timeout = '{_STATEMENT}'")
            yield connection
    except psycopg.OperationalError as error:
        raise StoreError(f"The connection to {address} broke: {_message(error)}.") from None


def _address(db_url: str) -> str:
    """Host, port and database, without user and password. Raises StoreError."""
    try:
        parts = conninfo_to_dict(db_url)
    except psycopg.Error:
        # The error quotes the string, which may contain a password.
        raise StoreError(
            "--db-url is no connection string. It is like postgresql://USER:PASSWORD@HOST:5432/postgres."
        ) from None
    if str(parts.get("port")) == "6543":
        raise StoreError(
            "--db-url is the transaction pooler's (port 6543), which changes sessions between transactions. Take the "
            "session pooler's: the same host with port 5432."
        )
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', 'postgres')}"


def _why(error: psycopg.Error, address: str) -> str:
    message = str(error)
    if "password authentication failed" in message or "no password supplied" in message:
        return "wrong user or password. The dashboard's Database settings reset the password."
    if "SSL" in message and "required" in message:
        return "it asks for SSL: add ?sslmode=require to the connection string."
    if address.startswith("db.") and ".supabase.co" in address:
        return (
            "it cannot be reached. The direct host speaks IPv6 only, which many networks lack: take the session "
            "pooler's connection string (dashboard → Connect)."
        )
    return "it cannot be reached. Is the host right, and the project awake?"


def _message(error: psycopg.Error) -> str:
    return (error.diag.message_primary or type(error).__name__).rstrip(".")


__all__ = ["drop", "migrate", "status", "write"]
