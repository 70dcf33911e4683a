"""The access matrix: every person tries every verb on every table, sequence, function and topic of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.local_supabase.stack.api import Stack

from .attempts import Connection, attempt, furnish
from .catalog import OurObjects, our_objects
from .matrix import READABLE, Case, function_cases, sequence_cases, table_cases, topic_cases
from .page import text
from .people import PEOPLE

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "supabase-access.md"


@pytest.fixture
def furnished(supabase: Stack) -> Iterator[Connection]:
    """A superuser's connection inside a transaction that is rolled back, with rows in every table."""
    with psycopg.connect(supabase.admin_db_url) as connection:
        furnish(connection)
        yield connection
        connection.rollback()


@pytest.fixture
def ours(furnished: Connection) -> OurObjects:
    return our_objects(furnished)


def test_every_table_has_rows(furnished: Connection, ours: OurObjects) -> None:
    counts = {
        name: furnished.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("public", name))).fetchone()
        for name in ours.tables
    }
    assert [name for name, row in counts.items() if row == (0,)] == []


def test_tables(furnished: Connection, ours: OurObjects) -> None:
    check_cases(furnished, list(table_cases(ours.tables)), least=len(PEOPLE) * len(ours.tables) * 5)


def test_sequences(furnished: Connection, ours: OurObjects) -> None:
    check_cases(furnished, list(sequence_cases(ours.sequences)), least=len(PEOPLE) * 6 * 2)


def test_functions(furnished: Connection, ours: OurObjects) -> None:
    check_cases(furnished, list(function_cases(ours.functions)), least=len(PEOPLE) * 40)


def test_topics(furnished: Connection) -> None:
    check_cases(furnished, list(topic_cases()), least=len(PEOPLE) * 9 * 3 * 2)


def check_cases(connection: Connection, cases: list[Case], *, least: int) -> None:
    """Make each attempt, and list those with another outcome than expected."""
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


def test_policies_exist_only_for_what_members_read(furnished: Connection) -> None:
    rows = furnished.execute(
        "select tablename, cmd, roles::text from pg_policies where schemaname = 'public' "
        "and tablename like 'umbral\\_chat\\_%'"
    ).fetchall()
    assert Counter(rows) == Counter((table, "SELECT", "{authenticated}") for table in READABLE)


def test_no_functions_search_path_can_be_shadowed_by_a_caller(furnished: Connection) -> None:
    rows = furnished.execute(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and proname ~ '^_?umbral_chat_' "
        "and not 'search_path=pg_catalog, pg_temp' = any (coalesce(proconfig, '{}'))"
    ).fetchall()
    assert rows == []


def test_the_page_is_up_to_date(furnished: Connection, ours: OurObjects) -> None:
    assert PAGE.read_text("utf-8") == text(*ours), "regenerate it: make reference"
