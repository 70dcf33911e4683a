"""Broadcasts from the database: what is told to whom, and that no trouble with them touches the log."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from umbral_chat_realtime_supabase.topics import service_topic

from .conftest import Call, Connection, member_topic, told

TOGGLE = ("core", "realtime")


def counted(call: Call, what: str) -> int:
    number: int = call("umbral_chat_state")["broadcasts"][what]
    return number


@contextmanager
def changed(admin: Connection, statement: str, back: str) -> Iterator[None]:
    """The schema changed for a moment."""
    admin.execute(statement)
    try:
        yield
    finally:
        admin.execute(back)


def test_an_entry_is_told_to_the_members_and_to_the_service(admin: Connection, call: Call, say: Call) -> None:
    answer = say("Ünïcödé 😀", metadata={"n": 1})
    payload = {"conversation": "room", "epoch": answer["epoch"], "seq": 1, "entry": answer["entry"]}
    shards = call("umbral_chat_state")["shards"]
    assert told(admin) == [
        (member_topic(admin), "entry", payload),
        (service_topic("room", shards), "entry", payload),
    ]


def test_while_realtime_is_switched_off_nothing_is_told(admin: Connection, call: Call, say: Call) -> None:
    for number, enabled in enumerate((False, True, False), 1):
        call("umbral_chat_record_put", *TOGGLE, _base64(json.dumps({"enabled": enabled})))
        assert call("umbral_chat_state")["realtime"] is enabled
        say(message_id=f"m{number}")
    assert {payload["seq"] for _, _, payload in told(admin)} == {2}


def test_a_switch_that_cannot_be_read_is_on(admin: Connection, call: Call, say: Call) -> None:
    for number, value in enumerate(("no JSON", "[]", '{"enabled": "perhaps"}'), 1):
        call("umbral_chat_record_put", *TOGGLE, _base64(value))
        say(message_id=f"m{number}")
        assert call("umbral_chat_state")["realtime"] is True
    assert {payload["seq"] for _, _, payload in told(admin)} == {1, 2, 3}


def test_a_conversation_without_realtime_is_told_to_the_service_alone(admin: Connection, call: Call, say: Call) -> None:
    off = '{"kind":"update","sender":{"role":"system"},"changes":{"realtime":"off"}}'
    call("umbral_chat_update", "room", off, "desk")
    say()
    members = [payload["seq"] for topic, _, payload in told(admin) if topic == member_topic(admin)]
    service = [payload["seq"] for topic, _, payload in told(admin) if topic != member_topic(admin)]
    assert (members, service) == ([1], [1, 2])


def test_what_is_too_long_is_told_by_its_number_alone(admin: Connection, call: Call, say: Call) -> None:
    before = counted(call, "head_only")
    answer = say("x" * 200_001)
    head = {"conversation": "room", "epoch": answer["epoch"], "seq": 1}
    assert [payload for _, _, payload in told(admin)] == [head, head]
    assert counted(call, "head_only") == before + 1
    assert call("umbral_chat_read", "room")["entries"] == [answer["entry"]]


def test_what_jsonb_does_not_take_is_stored_as_it_was_and_told_by_its_number(
    admin: Connection, call: Call, say: Call
) -> None:
    message = '{"kind":"message","sender":{"role":"user"},"message_id":"m","content":"c","metadata":{"n":1e999999}}'
    call("umbral_chat_append", "room", message, "u1")
    row = admin.execute("select entry::text from public.umbral_chat_entries").fetchone()
    assert row is not None
    assert '"n":1e999999' in row[0]
    assert [set(payload) for _, _, payload in told(admin)] == [{"conversation", "epoch", "seq"}] * 2


def test_without_a_partition_the_entry_is_stored_and_the_next_one_is_told(
    admin: Connection, call: Call, say: Call
) -> None:
    before = counted(call, "unpartitioned")
    partitions = admin.execute(
        "select inhrelid::regclass::text, pg_get_expr(relpartbound, inhrelid) from pg_inherits "
        "join pg_class on pg_class.oid = inhrelid where inhparent = 'realtime.messages'::regclass"
    ).fetchall()
    assert partitions
    for name, _ in partitions:
        admin.execute(f"alter table realtime.messages detach partition {name}")
    try:
        say(message_id="m1")
        assert counted(call, "unpartitioned") == before + 1
    finally:
        for name, bound in partitions:
            admin.execute(f"alter table realtime.messages attach partition {name} {bound}")
    say(message_id="m2")
    assert {payload["seq"] for _, _, payload in told(admin)} == {2}
    assert [entry["seq"] for entry in call("umbral_chat_read", "room")["entries"]] == [1, 2]


@pytest.mark.parametrize(
    ("statement", "back"),
    [
        ("alter table realtime.messages rename to elsewhere", "alter table realtime.elsewhere rename to messages"),
        (
            "alter table realtime.messages add constraint never check (false) not valid",
            "alter table realtime.messages drop constraint never",
        ),
    ],
)
def test_a_broadcast_that_fails_is_counted_and_the_entry_stored(
    admin: Connection, call: Call, say: Call, statement: str, back: str
) -> None:
    before = counted(call, "failed")
    with changed(admin, statement, back):
        say()
    assert counted(call, "failed") == before + 1
    assert call("umbral_chat_read", "room")["head"][1] == 1
    assert told(admin) == []


def test_a_redaction_takes_what_was_said_out_of_realtime_too(admin: Connection, call: Call, say: Call) -> None:
    say("a secret", message_id="m1")
    say("no secret", message_id="m2")
    edit = '{"kind":"edit","sender":{"role":"user"},"message_id":"m1","content":"a secret too"}'
    call("umbral_chat_edit", "room", edit, "u1")
    call("umbral_chat_redact", "room", '{"kind":"redaction","sender":{"role":"user"},"message_id":"m1"}', "u1")
    assert sorted(payload["seq"] for _, _, payload in told(admin)) == [2, 2, 4, 4]
    assert "a secret" not in json.dumps(told(admin))
    stored = admin.execute("select string_agg(entry::text, '') from public.umbral_chat_entries").fetchone()
    assert stored is not None
    assert "a secret" not in stored[0]


def test_a_deletion_is_told_and_takes_the_copies_along(admin: Connection, call: Call, say: Call) -> None:
    for number in range(12):
        say("a secret", message_id=f"m{number}")
    epoch = call("umbral_chat_read", "room")["head"][0]
    assert call("umbral_chat_delete", "room") == {"removed": True, "more": True}
    rounds = 1
    while call("umbral_chat_sweep", 5)["more"]:
        rounds += 1
        assert rounds < 10
    assert rounds > 2, "the slices are larger than asked for"
    gone = {"conversation": "room", "epoch": epoch}
    assert [(event, payload) for _, event, payload in told(admin)] == [("deleted", gone)] * 2
    left = admin.execute(
        "select (select count(*) from public.umbral_chat_entries), (select count(*) from public.umbral_chat_writes)"
    ).fetchone()
    assert left == (0, 0)


def test_copies_that_cannot_be_removed_are_counted(admin: Connection, call: Call, say: Call) -> None:
    say("a secret")
    before = counted(call, "unerased")
    renamed = ("alter table realtime.messages rename to elsewhere", "alter table realtime.elsewhere rename to messages")
    with changed(admin, *renamed):
        call("umbral_chat_redact", "room", '{"kind":"redaction","sender":{"role":"user"},"message_id":"m1"}', "u1")
    assert counted(call, "unerased") == before + 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.from_regex(r"[A-Za-z0-9\-._~!$&'()*+,;=:@]{1,128}", fullmatch=True))
def test_the_service_knows_the_topic_of_every_conversation(admin: Connection, conversation: str) -> None:
    row = admin.execute("select public._umbral_chat_service_topic(%s)", (conversation,)).fetchone()
    assert row == (service_topic(conversation, 8),)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_probe_goes_to_an_instances_own_topic_alone(admin: Connection, call: Call) -> None:
    assert call("umbral_chat_probe", "umbral_chat:i:me", "n1") == {"told": True}
    assert told(admin) == [("umbral_chat:i:me", "probe", {"nonce": "n1"})]
    for topic in ("umbral_chat:s:0", "umbral_chat:c:room", "room", "", None):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            call("umbral_chat_probe", topic, "n2")
    assert len(told(admin)) == 1


def test_a_probe_says_why_it_was_not_told(admin: Connection, call: Call) -> None:
    call("umbral_chat_record_put", *TOGGLE, _base64(json.dumps({"enabled": False})))
    assert call("umbral_chat_probe", "umbral_chat:i:me", "n") == {"told": False, "why": "off"}
    call("umbral_chat_record_put", *TOGGLE, _base64(json.dumps({"enabled": True})))
    with changed(
        admin,
        "alter table realtime.messages rename to messages_away",
        "alter table realtime.messages_away rename to messages",
    ):
        assert call("umbral_chat_probe", "umbral_chat:i:me", "n") == {"told": False, "why": "42P01"}
    assert told(admin) == []
