"""Types of the caller's own: a temporary domain named as one of PostgreSQL's, whose check runs the caller's function.

Where a function with its owner's rights finds that domain first, the caller's function runs as the owner.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.local_supabase.stack.api import Stack

from .attempts import Connection, attempt, become, furnish
from .matrix import function_cases
from .people import MEMBER, SERVICE, Person

_FROM_OURS = (
    " from pg_catalog.pg_proc where pronamespace = 'public'::pg_catalog.regnamespace and proname ~ '^_?umbral_chat_'"
)


class Attack:
    """A session of a person who may run SQL, inside a superuser's transaction that is rolled back."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.ran_as: set[str] = set()
        """Roles as which the person's own function ran, from its notices, which survive a rollback."""
        connection.add_notice_handler(self._on_notice)

    def _on_notice(self, notice: psycopg.errors.Diagnostic) -> None:
        if (notice.message_primary or "").startswith("ran as "):
            self.ran_as.add(str(notice.message_primary).removeprefix("ran as "))

    def arm(self, person: Person) -> None:
        """Make a temporary domain that shadows each of PostgreSQL's types."""
        types = self._column(
            "select typname from pg_catalog.pg_type where typnamespace = 'pg_catalog'::pg_catalog.regnamespace "
            "and typtype = 'b' and typcategory <> 'A' and typname <> 'char'"
        )
        assert {"text", "json", "jsonb", "uuid", "int8", "timestamptz"} <= set(types)
        become(self.connection, person)
        self.connection.execute(
            "create function pg_temp.note() returns pg_catalog.bool language plpgsql as $$ begin "
            "raise notice 'ran as %', current_user; return true; end $$"
        )
        for name in types:
            domain = sql.SQL("create domain pg_temp.{name} as pg_catalog.{name} check (pg_temp.note())")
            self.connection.execute(domain.format(name=sql.Identifier(name)))
        self.connection.execute("reset role")

    def ours(self) -> list[str]:
        """Names of our functions."""
        return self._column("select proname" + _FROM_OURS)

    def owners(self) -> set[str]:
        """Their owners."""
        return set(self._column("select pg_catalog.pg_get_userbyid(proowner)" + _FROM_OURS))

    def weaken(self) -> None:
        """Give each of them the empty search path of earlier versions."""
        for name in self._column("select oid::pg_catalog.regprocedure::pg_catalog.text" + _FROM_OURS):
            self.connection.execute(f"alter function {name} set search_path = ''".encode())

    def call_everything(self, person: Person) -> int:
        """Call each function that the person may call; how many there are."""
        if person is SERVICE:
            # The service's calls, with valid arguments.
            furnish(self.connection)
        cases = [case for case in function_cases(self.ours()) if case.person == person and case.outcome == "yes"]
        for case in cases:
            assert attempt(self.connection, case) == "yes"
        return len(cases)

    def _column(self, query: str) -> list[str]:
        return [value for (value,) in self.connection.execute(query.encode())]


@pytest.fixture
def attack(supabase: Stack) -> Iterator[Attack]:
    with psycopg.connect(supabase.admin_db_url) as connection:
        yield Attack(connection)
        connection.rollback()


PEOPLE = pytest.mark.parametrize(
    ("person", "least"), [(MEMBER, 2), (SERVICE, 30)], ids=["a signed-in user", "the service"]
)


@PEOPLE
def test_no_function_runs_what_a_caller_put_in_place_of_a_type(attack: Attack, person: Person, least: int) -> None:
    attack.arm(person)
    assert attack.call_everything(person) >= least
    assert attack.ran_as.isdisjoint(attack.owners()), attack.ran_as


@PEOPLE
def test_the_attack_succeeds_where_the_path_is_empty(attack: Attack, person: Person, least: int) -> None:
    attack.weaken()
    attack.arm(person)
    assert attack.call_everything(person) >= least
    assert attack.owners() <= attack.ran_as
