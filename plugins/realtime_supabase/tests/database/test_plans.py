"""How the database answers on a million entries: by indexes, touching little more than it answers with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import psycopg
import pytest
from psycopg.sql import SQL, Composed, Literal

from tests.local_supabase.access.people import MEMBER, STRANGER, Person
from tests.local_supabase.stack.api import Stack

from .conftest import Connection

pytestmark = pytest.mark.slow

ENTRIES, CONVERSATIONS = 1_000_000, 10_000
PER_CONVERSATION = ENTRIES // CONVERSATIONS
MINE = 20
"""Conversations that the member belongs to."""

FILL = """
set session_replication_role = replica;
insert into public.umbral_chat_conversations (id, epoch, head, created_at, last_activity)
  select 'c' || n, 'aaaaaaaaaa', {per}, now(), now() - n * interval '1 second'
  from generate_series(1, {conversations}) n;
insert into public.umbral_chat_entries (log, seq, conversation, kind, at, message_id, entry)
  select log, n, id, 'message', now(), 'm' || n, json_build_object(
    'seq', n, 'at', '2026-01-01T00:00:00Z', 'kind', 'message', 'sender', json_build_object('role', 'user'),
    'message_id', 'm' || n, 'content', 'some words that somebody said')
  from public.umbral_chat_conversations, generate_series(1, {per}) n;
insert into public.umbral_chat_writes (log, seq, kind, author)
  select log, seq, kind, 'u' || seq % 2 from public.umbral_chat_entries;
insert into public.umbral_chat_members (log, subject, conversation)
  select log, 'somebody' || n, id from public.umbral_chat_conversations, generate_series(1, 2) n;
insert into public.umbral_chat_members (log, subject, conversation)
  select log, {member}, id from public.umbral_chat_conversations order by log limit {mine};
update public.umbral_chat_conversations set user_last = log % 200 = 0, title = 'Order number ' || log;
update public.umbral_chat_conversations set assignee = 'desk' where log % 1000 = 0;
set session_replication_role = origin;
"""


@pytest.fixture(scope="module")
def full(supabase_stack: Stack) -> Iterator[Connection]:
    """A superuser's connection to a database with a million entries, emptied afterwards."""
    with psycopg.connect(supabase_stack.admin_db_url, autocommit=True) as connection:
        _empty(connection)
        connection.execute(
            SQL(FILL).format(
                per=Literal(PER_CONVERSATION),
                conversations=Literal(CONVERSATIONS),
                member=Literal(MEMBER.subject),
                mine=Literal(MINE),
            )
        )
        connection.execute("vacuum analyze")
        yield connection
        _empty(connection)


QUERIES = [
    # What a client of ours asks, what a curious one asks, and a stranger: statement, person, most rows, most pages.
    (
        "select entry from public.umbral_chat_entries where log = {log} and seq > 50 order by seq limit 50",
        MEMBER,
        50,
        60,
    ),
    ("select seq, entry from public.umbral_chat_entries limit 100", MEMBER, 100, 150),
    ("select count(*) from public.umbral_chat_entries", MEMBER, MINE * PER_CONVERSATION, 2_500),
    ("select count(*) from public.umbral_chat_entries", STRANGER, 1, 30),
    ("select * from public.umbral_chat_conversations order by last_activity desc limit 50", MEMBER, MINE, 400),
    ("select * from public.umbral_chat_conversations where id = 'c3'", MEMBER, 1, 30),
    ("select * from public.umbral_chat_conversations", STRANGER, 1, 30),
]


@pytest.mark.parametrize(("statement", "person", "rows", "pages"), QUERIES)
def test_what_users_ask_is_answered_by_indexes(
    full: Connection, statement: str, person: Person, rows: int, pages: int
) -> None:
    plan = explained(full, statement, person)
    nodes = list(_nodes(plan))
    scans = [node for node in nodes if node.get("Relation Name", "").startswith("umbral_chat_")]
    assert scans, "no table of ours was read"
    assert all("Seq Scan" not in node["Node Type"] for node in scans), json.dumps(plan, indent=1)
    # The memberships are looked up once a statement and not once a row.
    lookups = [node for node in nodes if node.get("Subplan Name", "").startswith("InitPlan")]
    assert lookups
    assert all(node["Actual Loops"] == 1 for node in lookups)
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in scans) <= rows
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= pages, json.dumps(plan, indent=1)


CALLS = [
    ("select public.umbral_chat_heads({ten_thousand})", 80_000),
    ("select public.umbral_chat_read('c5000', 20, 50)", 80),
    ("select public.umbral_chat_messages('c5000', null, null, 50)", 500),
    ("select public.umbral_chat_message('c5000', 'm50')", 60),
    (
        "select public.umbral_chat_inbox(50, null, null, null, 'u1')",
        6_000,
    ),  # a page a counted message, where conversations went on side by side
    # Ten rooms, and nothing of the others, by the partial indexes: the whole table has some 400 pages.
    ("""select public.umbral_chat_search('{{"waiting": true}}', 10)""", 200),
    ("""select public.umbral_chat_search('{{"waiting": true, "assignee": "desk"}}', 50)""", 200),
    ("""select public.umbral_chat_search('{{"assignee": "desk"}}', 50)""", 200),
    # Every title and id, once.
    ("""select public.umbral_chat_search('{{"text": "nothing has this"}}', 50)""", 600),
    ("select public.umbral_chat_membership('c5000', 'somebody1', null)", 60),
]


@pytest.mark.parametrize(("statement", "pages"), CALLS)
def test_what_the_service_asks_touches_few_pages(full: Connection, statement: str, pages: int) -> None:
    names = json.dumps([f"c{number}" for number in range(1, CONVERSATIONS + 1)])
    asked = SQL(cast("Any", statement)).format(ten_thousand=Literal(names))
    # The first call of a session reads the catalog, too.
    full.execute(asked)
    plan = _explain(full, asked)
    touched = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert touched <= pages, f"{touched} pages"


def explained(connection: Connection, statement: str, person: Person) -> dict[str, Any]:
    """The plan as it ran, as this person."""
    row = connection.execute("select log from public.umbral_chat_conversations where id = 'c5'").fetchone()
    assert row is not None
    asked = SQL(cast("Any", statement)).format(log=Literal(row[0]))
    with connection.transaction(force_rollback=True):
        connection.execute("select set_config('request.jwt.claims', %s, true)", (person.claims,))
        connection.execute(SQL("set local role {}").format(SQL(cast("Any", person.role))))
        connection.execute(asked)
        return _explain(connection, asked)


def _explain(connection: Connection, statement: Composed) -> dict[str, Any]:
    row = connection.execute(SQL("explain (analyze, buffers, format json) {}").format(statement)).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _empty(connection: Connection) -> None:
    connection.execute(
        "truncate public.umbral_chat_conversations, public.umbral_chat_entries, public.umbral_chat_writes, "
        "public.umbral_chat_members"
    )
