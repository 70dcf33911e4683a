"""`umbral-chat supabase` on a real database: repeated and concurrent runs, and upgrades, lose nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from umbral_chat._core.cli import cli
from umbral_chat_realtime_supabase import migrate
from umbral_chat_realtime_supabase.migration_files import down_migration, migrations

from tests.local_supabase.stack.api import Stack


@pytest.fixture
def fresh(supabase_stack: Stack) -> Iterator[str]:
    """The URL of a new project's database without our schema, as the role that runs a project's migrations."""
    name = "fresh"
    with psycopg.connect(supabase_stack.admin_db_url, autocommit=True) as admin:
        _drop(admin, name)
        admin.execute(sql.SQL("create database {} owner postgres").format(sql.Identifier(name)))
    folder = Path(__file__).parents[4] / "tests" / "local_supabase" / "stack" / "sql"
    with psycopg.connect(_of(supabase_stack.admin_db_url, name)) as admin:
        # Roles belong to the whole cluster, and exist.
        privileges = folder.joinpath("1_roles.sql").read_text().partition("alter database")[2].partition("\n")[2]
        admin.execute(privileges.encode())
        for file in ("2_auth.sql", "3_realtime.sql", "5_policy_grants.sql", "after/auth_functions.sql"):
            admin.execute(folder.joinpath(file).read_bytes())
    yield _of(supabase_stack.db_url, name)
    with psycopg.connect(supabase_stack.admin_db_url, autocommit=True) as admin:
        _drop(admin, name)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["supabase", *arguments], env={"UMBRAL_CHAT_CONFIG": "", "COLUMNS": "200"})


def test_a_fresh_project_is_migrated_once_and_then_left_alone(fresh: str) -> None:
    assert "would apply" in run("migrate", "--db-url", fresh, "--dry-run").output
    assert _tables(fresh) == 0
    first = run("migrate", "--db-url", fresh)
    assert first.exit_code == 0, first.output
    assert [line.split()[1] for line in first.output.splitlines() if line.startswith("applied")] == [
        each.file for each in migrations()
    ]
    _append_message(fresh)
    again = run("migrate", "--db-url", fresh)
    assert "Nothing to do" in again.output
    assert _entries(fresh) == 1


WAYS = {
    "policy grants": "select 1",
    "owner": "delete from stand_in.policy_grants; alter table realtime.messages owner to postgres",
}
"""Ways in which `postgres` may be allowed to make policies on `realtime.messages`."""


@pytest.mark.parametrize("way", WAYS)
def test_they_are_applied_dropped_and_applied_again_without_the_owners_role(
    fresh: str, supabase_stack: Stack, way: str
) -> None:
    with psycopg.connect(_of(supabase_stack.admin_db_url, "fresh")) as admin:
        admin.execute(WAYS[way].encode())
    for _ in range(2):
        assert run("migrate", "--db-url", fresh).exit_code == 0
        _append_message(fresh)
        assert _policies(fresh) == 6
        # Run once more by hand, as pasted into the editor, they change nothing.
        with psycopg.connect(fresh, autocommit=True) as connection:
            connection.execute(run("sql").output.encode())
        assert (_entries(fresh), _policies(fresh)) == (1, 6)
        dropped = run("drop", "--db-url", fresh, "--yes")
        assert dropped.exit_code == 0, dropped.output
        assert (_tables(fresh), _policies(fresh)) == (0, 0)
    with psycopg.connect(fresh) as connection:
        assert connection.execute("select pg_has_role('supabase_realtime_admin', 'member')").fetchone() == (False,)


def test_where_postgres_may_make_no_policies_the_error_names_both_ways(fresh: str, supabase_stack: Stack) -> None:
    with psycopg.connect(_of(supabase_stack.admin_db_url, "fresh")) as admin:
        admin.execute("delete from stand_in.policy_grants")
    refused = run("migrate", "--db-url", fresh)
    assert refused.exit_code != 0
    text = " ".join(refused.output.split())
    assert "umbral_chat_policies.sql was not applied: must be owner of" in text
    assert "supautils.policy_grants" in text
    assert "alter table realtime.messages owner to postgres" in text
    assert "supabase_realtime_admin" not in text


def test_files_pasted_twice_into_the_editor_lose_nothing(fresh: str) -> None:
    pasted = run("sql").output
    with psycopg.connect(fresh, autocommit=True) as connection:
        connection.execute(pasted.encode())
    _append_message(fresh)
    with psycopg.connect(fresh, autocommit=True) as connection:
        connection.execute(pasted.encode())
    assert _entries(fresh) == 1
    assert "Nothing to do" in run("migrate", "--db-url", fresh).output


def test_a_file_that_runs_again_alone_removes_no_right(fresh: str) -> None:
    run("migrate", "--db-url", fresh)
    before = _rights(fresh)
    for each in migrations():
        with psycopg.connect(fresh, autocommit=True) as connection:
            connection.execute(each.text.encode())
        assert _rights(fresh) == before, each.file


def test_an_older_database_gets_what_it_lacks(fresh: str) -> None:
    with psycopg.connect(fresh, autocommit=True) as connection:
        for each in migrations()[:3]:
            connection.execute(each.text.encode())
    output = run("migrate", "--db-url", fresh).output
    assert [line.split()[1] for line in output.splitlines() if line.startswith("applied")] == [
        each.file for each in migrations()[3:]
    ]


def test_who_waits_in_conversations_of_before_is_known_after_an_upgrade(fresh: str) -> None:
    before = [each for each in migrations() if each.version < "20261129000040"]
    with psycopg.connect(fresh, autocommit=True) as connection:
        for each in before:
            connection.execute(each.text.encode())
        for conversation, roles in (("asked", ["assistant", "user"]), ("answered", ["user", "assistant"])):
            for number, role in enumerate(roles):
                entry = f'{{"kind":"message","sender":{{"role":"{role}"}},"message_id":"m{number}","content":"hello"}}'
                connection.execute("select public.umbral_chat_append(%s, %s, 'u1')", (conversation, entry))
        connection.execute("select public.umbral_chat_ensure('empty')")
    for _ in range(2):
        assert run("migrate", "--db-url", fresh).exit_code == 0
        with psycopg.connect(fresh, autocommit=True) as connection:
            found = connection.execute("select public.umbral_chat_search('{\"waiting\": true}', 9)").fetchone()
            assert found is not None
            assert [one["id"] for one in found[0]["conversations"]] == ["asked"]
            # By hand, as pasted into the editor: nothing changes.
            connection.execute(next(each for each in migrations() if each not in before).text.encode())


def test_concurrent_runs_do_no_harm(fresh: str) -> None:
    outputs: list[list[str]] = []
    threads = [threading.Thread(target=lambda: outputs.append(list(migrate.migrate(fresh)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(len(lines) for lines in outputs) == [1, len(migrations()) + 1]


def test_a_newer_database_is_left_alone(fresh: str) -> None:
    run("migrate", "--db-url", fresh)
    with psycopg.connect(fresh) as connection:
        connection.execute("insert into public.umbral_chat_migrations values ('29990101000000', 'later')")
    refused = run("migrate", "--db-url", fresh)
    assert refused.exit_code != 0
    assert "29990101000000" in refused.output
    assert "unknown  29990101000000" in run("status", "--db-url", fresh).output


def test_dropping_shows_what_is_lost_and_requires_yes(fresh: str) -> None:
    run("migrate", "--db-url", fresh)
    _append_message(fresh)
    refused = run("drop", "--db-url", fresh)
    assert refused.exit_code != 0
    assert "1 conversations with 1 entries" in refused.output
    assert _entries(fresh) == 1
    assert run("drop", "--db-url", fresh, "--yes").exit_code == 0
    assert _tables(fresh) == 0
    assert "nothing of Umbral Chat" in run("drop", "--db-url", fresh, "--yes").output
    with psycopg.connect(fresh) as connection:
        left = connection.execute(
            "select (select count(*) from pg_proc where proname like '%umbral\\_chat%') + "
            "(select count(*) from pg_policies where policyname like 'umbral%') + "
            "(select count(*) from pg_class where relname like '%umbral\\_chat%')"
        ).fetchone()
        assert left == (0,)
        connection.execute(down_migration().encode())
    assert run("migrate", "--db-url", fresh).exit_code == 0


def test_the_status_lists_migrations_and_broadcasts(fresh: str) -> None:
    assert run("status", "--db-url", fresh).output.count("missing") == len(migrations())
    run("migrate", "--db-url", fresh)
    output = run("status", "--db-url", fresh).output
    assert output.count("applied") == len(migrations())
    assert "0 failed" in output
    assert '"realtime": true' in run("status", "--db-url", fresh, "--json").output


def test_a_database_that_is_not_supabases_is_left_alone(supabase_stack: Stack) -> None:
    url = _of(supabase_stack.db_url, "template1")
    refused = run("migrate", "--db-url", url)
    assert refused.exit_code != 0
    assert "realtime.messages" in " ".join(refused.output.split())


def test_a_role_without_the_right_gets_an_error_that_names_the_right_one(supabase_stack: Stack) -> None:
    with psycopg.connect(supabase_stack.admin_db_url, autocommit=True) as admin:
        admin.execute("drop role if exists somebody")
        admin.execute("create role somebody login")
        _drop(admin, "bare")
        admin.execute("create database bare")
    url = _of(supabase_stack.db_url, "bare").replace("postgres@", "somebody@")
    try:
        with psycopg.connect(_of(supabase_stack.admin_db_url, "bare")) as admin:
            admin.execute("create schema realtime; create table realtime.messages (id int)")
            admin.execute("grant usage on schema realtime to somebody")
        refused = run("migrate", "--db-url", url)
        assert refused.exit_code != 0
        assert "project's `postgres`" in " ".join(refused.output.split())
    finally:
        with psycopg.connect(supabase_stack.admin_db_url, autocommit=True) as admin:
            _drop(admin, "bare")
            admin.execute("drop role somebody")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url with hush-hush", "no connection string"),
        ("postgresql://postgres:hush-hush@127.0.0.1:1/postgres", "cannot be reached"),
        ("postgresql://postgres.ref:hush-hush@pooler.supabase.com:6543/postgres", "transaction pooler"),
        ("postgresql://postgres:hush-hush@db.ref.invalid:5432/postgres", "cannot be reached"),
    ],
)
def test_connection_errors_do_not_contain_the_password(url: str, message: str) -> None:
    refused = run("migrate", "--db-url", url)
    assert refused.exit_code != 0
    assert message in " ".join(refused.output.split())
    assert "hush-hush" not in refused.output


def test_the_files_are_written_for_the_supabase_cli(tmp_path: Path) -> None:
    folder = tmp_path / "supabase" / "migrations"
    assert run("sql", "--out", str(folder)).exit_code == 0
    assert {each.name: each.read_text() for each in folder.iterdir()} == {each.file: each.text for each in migrations()}
    assert run("sql", "--out", str(folder)).exit_code == 0
    changed = folder / migrations()[0].file
    changed.write_text("-- mine")
    assert run("sql", "--out", str(folder)).exit_code != 0
    assert changed.read_text() == "-- mine"
    assert run("sql", "--out", str(folder), "--force").exit_code == 0


def test_every_migration_ends_with_its_record_and_the_schemas_reload() -> None:
    assert [each.version for each in migrations()] == sorted({each.version for each in migrations()})
    for each in migrations():
        assert each.version.isdigit()
        assert len(each.version) == len("20261123000001")
        assert each.text.rstrip().endswith("notify pgrst, 'reload schema';")
        assert f"values ('{each.version}', '{each.name}') on conflict (version) do nothing" in each.text


def _of(url: str, database: str) -> str:
    return url.rpartition("/")[0] + "/" + database


def _drop(admin: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _append_message(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("set role service_role")
        connection.execute(
            "select public.umbral_chat_append('room', %s, 'u')",
            ('{"kind":"message","sender":{"role":"user"},"message_id":"m","content":"c"}',),
        )


def _entries(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from public.umbral_chat_entries").fetchone()
    assert row is not None
    return int(row[0])


def _tables(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select count(*) from pg_class where relname like 'umbral\\_chat\\_%'").fetchone()
    assert row is not None
    return int(row[0])


def _policies(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select count(*) from pg_policies where tablename = 'messages' and policyname like 'umbral%'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _rights(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select relname, relacl::text, relrowsecurity::text from pg_class where relname like 'umbral\\_chat\\_%' "
            "union all select proname, proacl::text, '' from pg_proc where proname ~ '^_?umbral_chat_' "
            "union all select policyname, roles::text, coalesce(qual, '') from pg_policies "
            "where policyname like 'umbral%' "
            "order by 1, 2, 3"
        ).fetchall()
