"""The members' topic: who is removed hears nothing that is said after it, and no copy is forgotten for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local_supabase.access.attempts import become
from tests.local_supabase.access.people import AGENT, ANON, MEMBER, OTHER_ID, STRANGER, Person

from .conftest import Call, Connection, member_topic, told

OFF = '{"kind":"update","sender":{"role":"system"},"changes":{"realtime":"off"}}'


@pytest.fixture
def members(call: Call) -> Call:
    """Say who the members are."""

    def named(*people: Person, conversation: str = "room", **more: Any) -> Any:
        changes = {"members": [{"subject": person.subject} for person in people]} | more
        entry = {"kind": "update", "sender": {"role": "system"}, "changes": changes}
        answer = call("umbral_chat_update", conversation, json.dumps(entry), "desk")
        assert "refused" not in answer, answer
        return answer

    return named


def may_listen(admin: Connection, person: Person, topic: str) -> bool:
    """As Realtime asks when somebody joins."""
    with admin.transaction(force_rollback=True):
        admin.execute(
            "insert into realtime.messages (topic, extension, event, payload, private) "
            "values (%s, 'broadcast', 'probe', '{}', true)",
            (topic,),
        )
        admin.execute("select set_config('realtime.topic', %s, true)", (topic,))
        become(admin, person)
        row = admin.execute("select count(*) from realtime.messages where event = 'probe'").fetchone()
    assert row is not None
    return bool(row[0])


def test_who_is_removed_is_told_that_it_moved_and_nothing_more(
    admin: Connection, call: Call, say: Call, members: Call
) -> None:
    members(MEMBER, STRANGER)
    before = member_topic(admin)
    say(message_id="m1")
    members(MEMBER)
    now = member_topic(admin)
    say(message_id="m2")
    assert now != before
    epoch = call("umbral_chat_read", "room")["head"][0]
    heard = [(event, payload.get("seq")) for topic, event, payload in told(admin) if topic == before]
    assert heard == [("entry", 1), ("entry", 2), ("moved", None)]
    (moved,) = [payload for _, event, payload in told(admin) if event == "moved"]
    assert moved == {"conversation": "room", "epoch": epoch, "topic": now}
    # The update that removes is the first of the new topic: its list of members is none of the removed one's business.
    assert [payload["seq"] for topic, _, payload in told(admin) if topic == now] == [3, 4]


def test_the_topic_of_now_is_for_the_members_of_now(admin: Connection, members: Call) -> None:
    members(MEMBER, STRANGER, AGENT)
    before = member_topic(admin)
    assert [may_listen(admin, person, before) for person in (MEMBER, STRANGER, AGENT, ANON)] == [True] * 3 + [False]
    members(MEMBER, AGENT)
    now = member_topic(admin)
    assert [may_listen(admin, person, now) for person in (MEMBER, STRANGER, AGENT, ANON)] == [True, False, True, False]
    assert not any(may_listen(admin, person, before) for person in (MEMBER, STRANGER, AGENT, ANON))


@pytest.mark.parametrize(
    "change", [(MEMBER, STRANGER, AGENT), (STRANGER, MEMBER)], ids=["somebody is added", "the order is another"]
)
def test_nobody_moves_where_nobody_is_removed(admin: Connection, members: Call, change: tuple[Person, ...]) -> None:
    members(MEMBER, STRANGER)
    before = member_topic(admin)
    members(*change)
    assert member_topic(admin) == before
    assert "moved" not in {event for _, event, _ in told(admin)}


def test_a_change_of_role_moves_nobody(admin: Connection, call: Call, members: Call) -> None:
    members(MEMBER)
    before = member_topic(admin)
    agent = {"members": [{"subject": MEMBER.subject, "role": "agent", "name": "Desk"}]}
    call("umbral_chat_update", "room", json.dumps({"kind": "update", "sender": {}, "changes": agent}), "desk")
    assert member_topic(admin) == before


def test_a_conversation_that_is_revived_has_another_topic(admin: Connection, call: Call, members: Call) -> None:
    members(MEMBER, STRANGER)
    before = member_topic(admin)
    call("umbral_chat_delete", "room")
    assert told(admin)[-2][:2] == (before, "deleted")
    call("umbral_chat_ensure", "room")
    members(MEMBER)
    assert member_topic(admin) != before
    assert not may_listen(admin, STRANGER, before)
    assert not may_listen(admin, MEMBER, before)


def test_a_redaction_finds_copies_that_were_told_on_earlier_topics(
    admin: Connection, call: Call, say: Call, members: Call
) -> None:
    members(MEMBER, STRANGER)
    say("a secret", message_id="m1")
    members(MEMBER)
    edit = '{"kind":"edit","sender":{"role":"user"},"message_id":"m1","content":"a secret too"}'
    call("umbral_chat_edit", "room", edit, "u1")
    members()
    assert json.dumps(told(admin)).count("a secret") == 4
    call("umbral_chat_redact", "room", '{"kind":"redaction","sender":{"role":"user"},"message_id":"m1"}', "u1")
    assert "a secret" not in json.dumps(told(admin))


def test_a_redaction_finds_copies_from_before_this_migration(admin: Connection, call: Call, say: Call) -> None:
    answer = say("a secret", message_id="m1")
    # As file 5 laid them down.
    admin.execute(
        "update realtime.messages set topic = 'umbral_chat:c:room', "
        "id = public._umbral_chat_broadcast_id('umbral_chat:c:room', %s, 1) where topic like 'umbral\\_chat:c:%%'",
        (answer["epoch"],),
    )
    call("umbral_chat_redact", "room", '{"kind":"redaction","sender":{"role":"user"},"message_id":"m1"}', "u1")
    assert "a secret" not in json.dumps(told(admin))


def test_a_deletion_takes_the_copies_of_every_topic(admin: Connection, call: Call, say: Call, members: Call) -> None:
    members(MEMBER, STRANGER)
    say("a secret")
    members(MEMBER)
    call("umbral_chat_delete", "room")
    while call("umbral_chat_sweep")["more"]:
        pass
    assert {event for _, event, _ in told(admin)} == {"moved", "deleted"}


def test_while_nothing_is_told_a_removal_is_not_told_either_and_holds(
    admin: Connection, call: Call, say: Call, members: Call
) -> None:
    members(MEMBER, STRANGER)
    before = member_topic(admin)
    call("umbral_chat_update", "room", OFF, "desk")
    members(MEMBER)
    assert member_topic(admin) != before
    assert "moved" not in {event for _, event, _ in told(admin)}
    members(MEMBER, realtime="inherit")
    say()
    assert before not in {topic for topic, _, payload in told(admin) if payload["seq"] > 2}


def test_a_removal_holds_though_it_cannot_be_told(admin: Connection, call: Call, members: Call) -> None:
    members(MEMBER, STRANGER)
    before, failed = member_topic(admin), call("umbral_chat_state")["broadcasts"]["failed"]
    admin.execute("alter table realtime.messages add constraint never check (false) not valid")
    try:
        members(MEMBER)
    finally:
        admin.execute("alter table realtime.messages drop constraint never")
    assert member_topic(admin) != before
    # `moved`, and the entry.
    assert call("umbral_chat_state")["broadcasts"]["failed"] == failed + 2


def test_a_removal_that_is_rolled_back_moved_nobody(admin: Connection, members: Call) -> None:
    members(MEMBER, STRANGER)
    before = member_topic(admin)
    with admin.transaction(force_rollback=True):
        admin.execute("update public.umbral_chat_conversations set members = '[]'")
    assert member_topic(admin) == before
    assert "moved" not in {event for _, event, _ in told(admin)}


def test_an_audience_is_not_to_be_guessed_and_never_the_same(admin: Connection, members: Call) -> None:
    found = set()
    for number in range(20):
        members(*(MEMBER,) if number // 4 % 2 else (MEMBER, STRANGER), conversation=f"room{number % 4}")
        found.add(member_topic(admin, f"room{number % 4}").rpartition("/")[2])
    assert len(found) == 4 + 2 * 4
    assert all(len(audience) == 10 for audience in found)


def test_a_membership_says_on_which_topic_to_listen(admin: Connection, call: Call, members: Call) -> None:
    members(MEMBER)
    assert call("umbral_chat_membership", "room", MEMBER.subject)["topic"] == member_topic(admin)
    for nobody in ((OTHER_ID, "room"), (MEMBER.subject, "never-made")):
        assert call("umbral_chat_membership", nobody[1], nobody[0])["topic"] is None
    call("umbral_chat_update", "room", OFF, "desk")
    off = call("umbral_chat_membership", "room", MEMBER.subject)
    assert (off["role"], off["topic"]) == ("user", None)


def test_topics_are_told_of_conversations_that_have_somebody_to_tell(
    admin: Connection, call: Call, say: Call, members: Call
) -> None:
    members(MEMBER)
    members(MEMBER, conversation="quiet", realtime="off")
    say(conversation="empty")
    asked = json.dumps(["room", "quiet", "empty", "never-made", "room"])
    assert call("umbral_chat_member_topics", asked) == {"topics": {"room": member_topic(admin)}}
    call("umbral_chat_record_put", "core", "realtime", "eyJlbmFibGVkIjpmYWxzZX0=")
    assert call("umbral_chat_member_topics", asked) == {"topics": {}}


def test_many_memberships_make_a_join_no_slower(admin: Connection) -> None:
    """What policies ask is looked up by keys: a join of somebody who is in 10,000 conversations touches few pages."""
    with admin.transaction(force_rollback=True):
        admin.execute(
            "insert into public.umbral_chat_conversations (id, epoch, created_at, last_activity) "
            "select 'c' || n, 'aaaaaaaaaa', now(), now() from generate_series(1, 10000) n"
        )
        admin.execute(
            "insert into public.umbral_chat_members (log, subject, conversation) "
            "select log, %s, id from public.umbral_chat_conversations",
            (MEMBER.subject,),
        )
        admin.execute("analyze public.umbral_chat_conversations, public.umbral_chat_members")
        admin.execute("select set_config('realtime.topic', %s, true)", (member_topic(admin, "c5000"),))
        become(admin, MEMBER)
        asked = "select public.umbral_chat_my_conversations()"
        admin.execute(asked)
        row = admin.execute(f"explain (analyze, buffers, format json) {asked}").fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 60


def test_a_conversation_of_before_gets_an_audience_of_its_own(admin: Connection, say: Call) -> None:
    """The column is added to a table with rows: each draws its own."""
    for number in range(3):
        say(conversation=f"room{number}")
    with admin.transaction(force_rollback=True):
        admin.execute("alter table public.umbral_chat_conversations drop column audience")
        admin.execute(
            "alter table public.umbral_chat_conversations "
            "add column audience text not null default public._umbral_chat_new_epoch()"
        )
        assert len({member_topic(admin, f"room{number}") for number in range(3)}) == 3
