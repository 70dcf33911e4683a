"""pytest's way to the local Supabase: one stack a test run, started when the first test asks for it."""

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


@pytest.fixture(scope="session")
def supabase_stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Stack]:
    """A running stack, shared by the whole run. It is a process of its own, and ends with this one however it ends."""
    with stack_process(tmp_path_factory.mktemp("supabase"), fast=True, quick=True) as stack:
        if pytestconfig.getoption("--on-supabase"):
            # Those tests are no lesson in plans: together they say more in a minute than the Free one takes.
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
    """On Supabase, leave out what is about SQLite; the marker says why."""
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
    """Take out whatever a test before may have left."""
    with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' "
            "and relname like 'umbral\\_chat\\_%%' and not relname = any (%s)",
            (list(_KEPT),),
        ).fetchall()
        tables = [sql.Identifier("public", name) for (name,) in rows]
        tables += [sql.Identifier("auth", "users"), sql.Identifier("realtime", "messages")]
        truncate = sql.SQL("truncate {} cascade").format(sql.SQL(", ").join(tables))
        for left in range(5, -1, -1):
            try:
                connection.execute(truncate)
            except psycopg.errors.DeadlockDetected:
                # A call that the test before gave up still runs in the database.
                if not left:
                    raise
            else:
                break


__all__ = ["ROOT", "empty", "supabase", "supabase_stack"]
