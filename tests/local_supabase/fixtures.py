"""pytest fixtures for the local Supabase: one stack per test run, started when the first test needs it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.local_supabase.process import ROOT, stack_process
from tests.local_supabase.stack.api import Stack
from tests.stores import VARIABLE

_KEPT = ("umbral_chat_migrations", "umbral_chat_settings", "umbral_chat_counters")

_FILLED = """
select 'public', relname from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relname like 'umbral\\_chat\\_%%'
  and not relname = any (%s) and pg_relation_size(oid) > 0
union all select 'auth', 'users' where exists (select from auth.users)
union all select 'realtime', 'messages' where exists (select from realtime.messages)
"""
"""The tables that hold anything. To truncate one makes new files for it and all its indexes, filled or not, and there
are dozens."""


@pytest.fixture(scope="session")
def supabase_stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Stack]:
    """A running stack, shared by the whole run, in a process that ends with this one."""
    with stack_process(tmp_path_factory.mktemp("supabase"), fast=True, quick=True) as stack:
        if pytestconfig.getoption("--on-supabase"):
            # These tests are not about plans: together they send more messages than the Free plan allows.
            limits = httpx.post(f"{stack.url}/_control/realtime/limits", json={"events_per_second": 1e6}, timeout=60)
            limits.raise_for_status()
        yield stack


@pytest.fixture
def supabase(supabase_stack: Stack) -> Stack:
    """The stack, emptied: no conversation, no record, no user, no broadcast."""
    empty(supabase_stack)
    return supabase_stack


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--on-supabase", action="store_true", help="run whole-service tests on the local Supabase instead of SQLite"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --on-supabase, deselect tests that are about SQLite; their marker says why."""
    if not config.getoption("--on-supabase"):
        return
    left_out = [item for item in items if item.get_closest_marker("sqlite_only")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.config.getoption("--on-supabase"):
        stack: Stack = request.getfixturevalue("supabase")
        settings = {"SUPABASE__URL": stack.url, "SUPABASE__KEY": stack.secret_key}
        monkeypatch.setenv(VARIABLE, json.dumps(settings))


def empty(stack: Stack) -> None:
    """Delete everything that an earlier test may have left."""
    with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
        rows = connection.execute(_FILLED, (list(_KEPT),)).fetchall()
        if not rows:
            return
        tables = sql.SQL(", ").join(sql.Identifier(schema, name) for schema, name in rows)
        truncate = sql.SQL("truncate {} cascade").format(tables)
        for left in range(5, -1, -1):
            try:
                connection.execute(truncate)
            except psycopg.errors.DeadlockDetected:
                # A call that an earlier test abandoned still runs in the database.
                if not left:
                    raise
            else:
                break


__all__ = ["ROOT", "empty", "supabase", "supabase_stack"]
