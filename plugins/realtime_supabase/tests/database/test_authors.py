"""Authors and internal conversations: the database follows the rules of the core, and its policies hold to them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from umbral_chat.model.authors import former, owns_former
from umbral_chat.model.internal import internal_id, is_internal

from tests.former_authors import UUID
from tests.local_supabase.access.attempts import become
from tests.local_supabase.access.people import MEMBER

from .conftest import Call, Connection, member_topic
from .test_audience import may_listen

subjects = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.sampled_from(
        ["local", "key:n8n", "token:x", "user:x", UUID, UUID.upper(), f"{UUID}\n", "", "a:b", "internal:x"]
    ),
)
kinds = st.sampled_from(["", "token:", "user:", "key:", "local", "token", ":", "internal:", "internal.sha256:"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds, subjects)
def test_the_database_follows_the_same_rules(admin: Connection, kind: str, subject: str) -> None:
    author = kind + subject
    row = admin.execute(
        "select public._umbral_chat_former(%(a)s), "
        "public._umbral_chat_wrote(%(a)s, public._umbral_chat_former(%(a)s)), "
        "public._umbral_chat_wrote(%(a)s, %(a)s), public._umbral_chat_wrote(%(a)s, null), "
        "public._umbral_chat_is_internal(%(a)s)",
        {"a": author},
    ).fetchone()
    assert row == (former(author), owns_former(author), True, False, is_internal(author))


def enter(call: Call, conversation: str, role: str) -> None:
    """Make MEMBER a member with this role."""
    changes = {"members": [{"subject": MEMBER.subject, "role": role}]}
    entry = {"kind": "update", "sender": {"role": "system"}, "changes": changes}
    assert "refused" not in call("umbral_chat_update", conversation, json.dumps(entry), "key:n8n")


def seen(admin: Connection, conversation: str) -> tuple[int, int]:
    """How many conversations and entries of this id MEMBER reads by the tables."""
    with admin.transaction(force_rollback=True):
        become(admin, MEMBER)
        row = admin.execute(
            "select (select count(*) from public.umbral_chat_conversations where id = %(c)s), "
            "(select count(*) from public.umbral_chat_entries where conversation = %(c)s)",
            {"c": conversation},
        ).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize("conversation", [internal_id("room"), internal_id("r" * 128)], ids=["plain", "long"])
@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_of_an_internal_conversation_only_agents_are_members(
    admin: Connection, call: Call, say: Call, conversation: str, role: str
) -> None:
    say("a note", conversation)
    enter(call, conversation, role)
    topic = member_topic(admin, conversation)
    assert not may_listen(admin, MEMBER, topic)
    assert seen(admin, conversation) == (0, 0)
    found: dict[str, Any] = call("umbral_chat_membership", conversation, MEMBER.subject)
    assert (found["role"], found["name"], found["topic"]) == (None, None, None)
    enter(call, conversation, "agent")
    assert may_listen(admin, MEMBER, member_topic(admin, conversation))
    assert seen(admin, conversation) == (1, 3)
    assert call("umbral_chat_membership", conversation, MEMBER.subject)["role"] == "agent"


def test_other_conversations_are_open_to_every_member(admin: Connection, call: Call, say: Call) -> None:
    say("hello", "not-internal:room")
    enter(call, "not-internal:room", "user")
    assert may_listen(admin, MEMBER, member_topic(admin, "not-internal:room"))
    assert seen(admin, "not-internal:room") == (1, 2)
