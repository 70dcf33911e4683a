"""What a session of a signed-in user puts into its own temporary schema is not what our functions use."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from plugins.realtime_supabase.tests.database.conftest import Connection
from tests.local_supabase.stack.api import Stack

BAIT = """
create temporary table caught (who pg_catalog.text);
grant insert on caught to public;
create function pg_temp.caught(given pg_catalog.text) returns boolean language plpgsql as $$
begin
  insert into pg_temp.caught values (current_user);
  return true;
end $$;
create domain pg_temp.text as pg_catalog.text check (pg_temp.caught(value));
"""
"""A type that is called like the one that functions name without a schema, and notes as whom it is checked."""

VICTIM = """
create function public.victim() returns pg_catalog.text language plpgsql security definer {} as $$
declare
  said text := 'hello';
begin
  return said;
end $$;
grant execute on function public.victim() to authenticated;
"""


@pytest.fixture
def session(supabase: Stack) -> Iterator[Connection]:
    """A signed-in user's, with the bait; what it does is rolled back."""
    with psycopg.connect(supabase.admin_db_url) as connection:
        yield connection
        connection.rollback()


def bait(session: Connection) -> None:
    session.execute("set local role authenticated")
    session.execute(BAIT.encode())


def caught(session: Connection) -> set[str]:
    return {who for (who,) in session.execute("select who from pg_temp.caught").fetchall()} - {"authenticated"}


@pytest.mark.parametrize(
    ("path", "falls"),
    [("set search_path = ''", True), ("set search_path = pg_catalog, pg_temp", False)],
    ids=["empty", "ours"],
)
def test_an_empty_search_path_falls_for_it_and_ours_does_not(session: Connection, path: str, falls: bool) -> None:
    session.execute(VICTIM.format(path).encode())
    bait(session)
    session.execute("select public.victim()")
    assert bool(caught(session)) is falls
