"""Mends for what a hosted project's `postgres` may not change: first what works there, then a statement that works."""

from __future__ import annotations

import re

import psycopg
import pytest
from umbral_chat_realtime_supabase.doctor import database_checks

from plugins.realtime_supabase.tests.doctor.conftest import Connection, project_of
from plugins.realtime_supabase.tests.doctor.faults import statements
from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

PUBLICATION = "supabase_realtime_messages_publication"
MADE = f"create publication {PUBLICATION} for table realtime.messages"

STATEMENTS = [
    (f"drop publication {PUBLICATION}", "is missing, though a client has joined", MADE),
    (
        f"alter publication {PUBLICATION} set (publish = 'update, delete')",
        "leaves inserts out",
        f"alter publication {PUBLICATION} set (publish = 'insert')",
    ),
    (
        f"alter publication {PUBLICATION} drop table realtime.messages",
        "leaves realtime.messages out",
        f"alter publication {PUBLICATION} add table realtime.messages",
    ),
    (
        "alter table realtime.messages disable row level security",
        "no row level security on realtime.messages",
        "alter table realtime.messages enable row level security",
    ),
]


@pytest.mark.parametrize(("broken", "detail", "statement"), STATEMENTS, ids=[detail for _, detail, _ in STATEMENTS])
async def test_what_works_on_a_hosted_project_comes_first_and_the_statement_mends(
    stack: Stack, admin: Connection, broken: str, detail: str, statement: str
) -> None:
    # Realtime, which would make the publication itself, is not connected.
    await command(stack, "realtime/fresh")
    line, project = database_checks.rights if "security" in broken else database_checks.publication, project_of(stack)
    back = (
        f"drop publication if exists {PUBLICATION}; {MADE}; alter table realtime.messages enable row level security; "
        "select realtime.stand_in_partitions()"
    )
    async with statements(MADE, back)(stack):
        assert (await line(project)).ok
        admin.execute(broken.encode())
        found = await line(project)
        assert not found.ok
        assert detail in found.detail
        hosted, _, own = (found.mend or "").partition("On a Supabase of your own, as a superuser: ")
        assert "On a hosted project" in hosted
        assert "ask Supabase's support" in hosted
        assert ("restart the project" in hosted) == (line is database_checks.publication)
        # Pasting the migrations does not mend this.
        assert "umbral-chat supabase sql" not in hosted
        assert re.findall("`([^`]+)`", own) == [statement]
        with psycopg.connect(stack.db_url) as hosted_one, pytest.raises(psycopg.errors.InsufficientPrivilege):
            hosted_one.execute(statement.encode())
        admin.execute(statement.encode())
        assert (await line(project)).ok


@pytest.mark.parametrize(
    "name", ["broadcast on public.umbral_chat_entries", "move on public.umbral_chat_conversations"]
)
async def test_a_trigger_is_enabled_by_who_runs_the_migrations(stack: Stack, admin: Connection, name: str) -> None:
    trigger, _, table = f"umbral_chat_{name}".partition(" on ")
    back = f"alter table {table} enable trigger {trigger}"
    async with statements(f"alter table {table} disable trigger {trigger}", back)(stack):
        found = await database_checks.trigger(project_of(stack))
        assert not found.ok
        with psycopg.connect(stack.db_url) as hosted_one:
            hosted_one.execute((found.mend or "").encode())
        assert (await database_checks.trigger(project_of(stack))).ok


async def test_a_policy_of_others_is_dropped_by_who_runs_the_migrations(stack: Stack) -> None:
    broad = "broad on public.umbral_chat_entries"
    async with statements(
        f"create policy {broad} for select to authenticated using (true)", f"drop policy if exists {broad}"
    )(stack):
        found = await database_checks.rights(project_of(stack))
        assert broad in found.detail
        assert found.mend == "`drop policy NAME on TABLE` for what opens Umbral Chat's tables to others."
        with psycopg.connect(stack.db_url) as hosted_one:
            hosted_one.execute(f"drop policy {broad}".encode())
        assert (await database_checks.rights(project_of(stack))).ok
