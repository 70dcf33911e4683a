"""A connection to the emptied database, and words for what the service does there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow
from umbral_chat_realtime_supabase.topics import MEMBER

from tests.local_supabase.stack.api import Stack

Connection = psycopg.Connection[TupleRow]
Call = Callable[..., Any]


@pytest.fixture
def admin(supabase: Stack) -> Iterator[Connection]:
    """A superuser's connection; each statement is a transaction of its own."""
    with psycopg.connect(supabase.admin_db_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def call(admin: Connection) -> Call:
    """Call one of our functions as the service."""

    def called(function: str, *arguments: Any, **named: Any) -> Any:
        given: list[sql.Composable] = [sql.Literal(value) for value in arguments]
        given += [sql.SQL("{} => {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in named.items()]
        statement = sql.SQL("select {}({})").format(sql.Identifier("public", function), sql.SQL(", ").join(given))
        with admin.transaction():
            admin.execute("set local role service_role")
            row = admin.execute(statement).fetchone()
        assert row is not None
        return row[0]

    return called


@pytest.fixture
def say(call: Call) -> Call:
    """Append a message."""

    def said(content: str = "hello", conversation: str = "room", *, message_id: str = "m1", **more: Any) -> Any:
        message = {"kind": "message", "sender": {"role": "user"}, "message_id": message_id, "content": content} | more
        answer = call("umbral_chat_append", conversation, json.dumps(message, ensure_ascii=False), "u1")
        assert "refused" not in answer, answer
        return answer

    return said


def member_topic(admin: Connection, conversation: str = "room") -> str:
    """On which topic its members are told of it now."""
    row = admin.execute(
        "select audience from public.umbral_chat_conversations where id = %s", (conversation,)
    ).fetchone()
    assert row is not None
    return f"{MEMBER}{conversation}/{row[0]}"


def told(admin: Connection) -> list[tuple[str, str, dict[str, Any]]]:
    """What was broadcast, in order: topic, event, payload."""
    rows = admin.execute(
        "select topic, event, payload from realtime.messages where private and extension = 'broadcast' "
        "order by inserted_at, topic"
    ).fetchall()
    return [(topic, event, payload) for topic, event, payload in rows]
