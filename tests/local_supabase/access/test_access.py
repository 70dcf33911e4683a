"""The break-in matrix: every person tries every verb on every table, sequence, function and topic of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.local_supabase.stack.api import Stack

from .attempts import Connection, attempt, furnish
from .catalog import Things, things
from .matrix import READABLE, Case, function_cases, sequence_cases, table_cases, topic_cases
from .page import text
from .people import PEOPLE

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "supabase-access.md"


@pytest.fixture
def furnished(supabase: Stack) -> Iterator[Connection]:
    """A superuser's connection inside a transaction that is rolled back, with something to steal in every table."""
    with psycopg.connect(supabase.admin_db_url) as connection:
        furnish(connection)
        yield connection
        connection.rollback()


@pytest.fixture
def ours(furnished: Connection) -> Things:
    return things(furnished)


def test_every_table_holds_something_to_steal(furnished: Connection, ours: Things) -> None:
    counts = {
        name: furnished.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("public", name))).fetchone()
        for name in ours.tables
    }
    assert [name for name, row in counts.items() if row == (0,)] == []


def test_tables(furnished: Connection, ours: Things) -> None:
    hold(furnished, list(table_cases(ours.tables)), least=len(PEOPLE) * len(ours.tables) * 5)


def test_sequences(furnished: Connection, ours: Things) -> None:
    hold(furnished, list(sequence_cases(ours.sequences)), least=len(PEOPLE) * 6 * 2)


def test_functions(furnished: Connection, ours: Things) -> None:
    hold(furnished, list(function_cases(ours.functions)), least=len(PEOPLE) * 40)


def test_topics(furnished: Connection) -> None:
    hold(furnished, list(topic_cases()), least=len(PEOPLE) * 9 * 3 * 2)


def hold(connection: Connection, cases: list[Case], *, least: int) -> None:
    """Make each attempt, and list every one that came out otherwise."""
    assert len(cases) >= least, "cases are missing"
    wrong = [
        f"{case.person.name}: {case.verb} {case.thing} (policies: {case.policies}) is {outcome!r}, not {case.outcome!r}"
        for case in cases
        if (outcome := attempt(connection, case)) != case.outcome
    ]
    assert not wrong, "\n".join(wrong)


def test_row_level_security_is_on_for_every_table(furnished: Connection) -> None:
    rows = furnished.execute(
        "select relname, relrowsecurity from pg_class where relnamespace = 'public'::regnamespace "
        "and relkind = 'r' and relname like 'umbral\\_chat\\_%'"
    ).fetchall()
    assert rows
    assert [name for name, on in rows if not on] == []


def test_policies_exist_for_what_members_read_alone(furnished: Connection) -> None:
    rows = furnished.execute(
        "select tablename, cmd, roles::text from pg_policies where schemaname = 'public' "
        "and tablename like 'umbral\\_chat\\_%'"
    ).fetchall()
    assert Counter(rows) == Counter((table, "SELECT", "{authenticated}") for table in READABLE)


def test_no_function_looks_for_names_where_a_caller_could_put_some(furnished: Connection) -> None:
    rows = furnished.execute(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and proname ~ '^_?umbral_chat_' "
        "and not 'search_path=pg_catalog, pg_temp' = any (coalesce(proconfig, '{}'))"
    ).fetchall()
    assert rows == []


def test_the_page_says_what_was_tried(furnished: Connection, ours: Things) -> None:
    assert PAGE.read_text("utf-8") == text(*ours), "write it anew: make reference"
