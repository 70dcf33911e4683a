"""Fixtures that run the doctor's checks on the local Supabase and assert that nothing is left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow
from umbral_chat._core.http.operations import run_check
from umbral_chat.clock import Clock, SystemClock
from umbral_chat.providers.edges import CheckResult
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat_realtime_supabase.doctor import checks, project
from umbral_chat_realtime_supabase.settings import Supabase

from tests.local_supabase.people import command, sign_up
from tests.local_supabase.stack.api import Stack

Connection = psycopg.Connection[TupleRow]
Found = dict[str, CheckResult]
Examine = Callable[..., Awaitable[Found]]

LONG_TIMEOUT = 60.0
"""Seconds that a busy machine may take for one answer: the access checks make dozens of calls at once."""

_COUNTS = ("failed", "unpartitioned", "head_only", "unerased")
_SUPABASE_TABLES = (
    ("auth", "users"),
    ("auth", "sessions"),
    ("auth", "refresh_tokens"),
    ("auth", "identities"),
    ("realtime", "messages"),
)


@pytest.fixture
async def stack(supabase: Stack) -> AsyncIterator[Stack]:
    """The stack without clients, faults, or failed broadcasts."""
    await command(supabase, "realtime/reset")
    with psycopg.connect(supabase.admin_db_url, autocommit=True) as connection:
        for name in _COUNTS:
            connection.execute("select setval(%s, 0, false)", (f"public.umbral_chat_broadcasts_{name}",))
        connection.execute("select realtime.stand_in_partitions()")
    yield supabase
    await command(supabase, "realtime/reset")
    with psycopg.connect(supabase.admin_db_url, autocommit=True) as connection:
        connection.execute("select realtime.stand_in_partitions()")  # which a test may have dropped


@pytest.fixture(autouse=True)
def _long_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "TIMEOUT", LONG_TIMEOUT)


@pytest.fixture
def admin(stack: Stack) -> Iterator[Connection]:
    """A superuser's connection; each statement is a transaction of its own."""
    with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def examine(stack: Stack) -> Examine:
    """Run every check, in order and within its seconds, as `umbral-chat doctor` does."""

    async def examined(clock: Clock | None = None, **settings: Any) -> Found:
        given: dict[str, Any] = {
            "url": stack.url,
            "key": Secret(stack.secret_key),
            "publishable_key": stack.publishable_key,
            "timeout": LONG_TIMEOUT,
        }
        section = Supabase(**(given | settings))
        given_checks = checks(section, clock or SystemClock(), Telemetry(None))
        return {check.name: await run_check(check) for check in given_checks}

    return examined


def project_of(stack: Stack) -> project.Project:
    """The local Supabase as the parameter of a single check."""
    key = Secret(stack.secret_key)
    settings = Supabase(url=stack.url, key=key, publishable_key=stack.publishable_key, timeout=LONG_TIMEOUT)
    return project.Project(settings, SystemClock(), Telemetry(None))


def failures(found: Found) -> set[str]:
    """Names of the checks that failed, without the word that all begin with."""
    return {name.removeprefix("supabase ") for name, result in found.items() if not result.ok}


def skips(found: Found) -> set[str]:
    """Names of the checks that were skipped, without that word."""
    return {name.removeprefix("supabase ") for name, result in found.items() if result.skipped}


def everything(connection: Connection) -> dict[str, list[str]]:
    """Every row of every table of ours, of Auth's users, and of Realtime's messages."""
    ours = connection.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' "
        "and relname like 'umbral\\_chat\\_%' order by relname"
    ).fetchall()
    tables = [("public", name) for (name,) in ours] + list(_SUPABASE_TABLES)
    found = {}
    for schema, table in tables:
        rows = connection.execute(
            sql.SQL("select to_jsonb(t)::text from {} t order by 1").format(sql.Identifier(schema, table))
        ).fetchall()
        found[f"{schema}.{table}"] = [row for (row,) in rows]
    return found


@pytest.fixture
async def nothing_left(stack: Stack, admin: Connection) -> AsyncIterator[None]:
    """Every table has rows before the test, and exactly those after it."""
    await sign_up(stack)
    _furnish(admin)
    before = everything(admin)
    assert [table for table, rows in before.items() if not rows and table not in _EMPTY] == []
    yield
    after = everything(admin)
    assert {table: rows for table, rows in after.items() if rows != before[table]} == {}


@pytest.fixture
async def never_joined(stack: Stack, admin: Connection) -> AsyncIterator[None]:
    """No client has ever joined, so there is no publication and no partition; the test changes no other rows."""
    await sign_up(stack)
    await command(stack, "realtime/fresh")
    before = everything(admin)
    yield
    assert everything(admin) == before


_EMPTY = {"public.umbral_chat_doomed"}
"""Tables that are empty once a deleted log was swept."""


def _furnish(connection: Connection) -> None:
    message = '{"kind":"message","sender":{"role":"user"},"message_id":"m","content":"said"}'
    members = '{"kind":"update","sender":{"role":"system"},"changes":{"members":[{"subject":"u"}]}}'
    for statement in (
        f"umbral_chat_append('room', '{message}', 'u', 'k', '00')",
        f"umbral_chat_update('room', '{members}', 'desk')",
        "umbral_chat_mark_read('room', 'u', 1)",
        "umbral_chat_ensure('gone')",
        "umbral_chat_delete('gone')",
        "umbral_chat_sweep()",
        "umbral_chat_record_put('ns', 'room', 'c2VjcmV0')",
        "umbral_chat_lease_acquire('lease', 'holder', 600)",
        "umbral_chat_signal_post('topic', 'c2VjcmV0')",
    ):
        connection.execute(f"select public.{statement}".encode())
