from __future__ import annotations

import pytest
from umbral_chat._core.auth.local import LOCAL
from umbral_chat._core.auth.rights import ALL_RIGHTS
from umbral_chat._core.auth.senders import sender_for, token_role
from umbral_chat.errors import Forbidden
from umbral_chat.model.entries import Role, Sender
from umbral_chat.providers.auth import Principal

KEY = Principal(kind="key", subject="key:n8n", rights=ALL_RIGHTS)
WEAK_KEY = Principal(kind="key", subject="key:form", rights=frozenset({"send", "tokens"}))
VISITOR = Principal(
    kind="token", subject="v-1", rights=frozenset({"read", "send"}), conversation="c", role="user", name="Ada"
)
NAMELESS = Principal(kind="token", subject="v-2", rights=frozenset({"send"}), conversation="c")
OPERATOR = Principal(kind="user", subject="u-1", rights=frozenset({"read", "send"}), role="agent", name="Grace")


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (KEY, Sender(role="user", id="n8n")),
        (LOCAL, Sender(role="user", id="local")),
        (VISITOR, Sender(role="user", id="v-1", name="Ada")),
        (NAMELESS, Sender(role="user", id="v-2")),
        (OPERATOR, Sender(role="agent", id="u-1", name="Grace")),
    ],
)
def test_without_a_requested_sender_one_speaks_as_oneself(principal: Principal, expected: Sender) -> None:
    assert sender_for(principal, None) == expected


@pytest.mark.parametrize("principal", [KEY, LOCAL])
@pytest.mark.parametrize("requested", [Sender(role="assistant"), Sender(role="user", id="v-1", name="Ada")])
def test_with_send_as_one_speaks_exactly_as_requested(principal: Principal, requested: Sender) -> None:
    assert sender_for(principal, requested) is requested


@pytest.mark.parametrize(
    "requested", [Sender(role="user"), Sender(role="user", id="v-1"), Sender(role="user", id="v-1", name="Ada")]
)
def test_a_visitor_may_say_what_it_is_and_is_completed(requested: Sender) -> None:
    assert sender_for(VISITOR, requested) == Sender(role="user", id="v-1", name="Ada")


@pytest.mark.parametrize(
    ("principal", "requested", "field"),
    [
        (VISITOR, Sender(role="assistant"), "sender.role"),
        (VISITOR, Sender(role="agent", id="v-1", name="Ada"), "sender.role"),
        (VISITOR, Sender(role="user", id="v-2"), "sender.id"),
        (VISITOR, Sender(role="user", id=""), "sender.id"),
        (VISITOR, Sender(role="user", name="Support"), "sender.name"),
        (NAMELESS, Sender(role="user", name="Support"), "sender.name"),
        (OPERATOR, Sender(role="user"), "sender.role"),
        (WEAK_KEY, Sender(role="assistant"), "sender.role"),
        (WEAK_KEY, Sender(role="user", id="key:form"), "sender.id"),
    ],
)
def test_nobody_without_send_as_speaks_as_another(principal: Principal, requested: Sender, field: str) -> None:
    with pytest.raises(Forbidden) as caught:
        sender_for(principal, requested)
    assert (caught.value.code, caught.value.field) == ("may_not_speak_as", field)


@pytest.mark.parametrize("role", ["user", "assistant", "agent", "system"])
def test_who_may_speak_as_anybody_may_issue_tokens_for_any_role(role: Role) -> None:
    assert token_role(KEY, role) == role


def test_who_may_not_speak_as_the_assistant_may_not_issue_a_token_that_does() -> None:
    assert token_role(WEAK_KEY, None) == token_role(WEAK_KEY, "user") == "user"
    with pytest.raises(Forbidden) as caught:
        token_role(WEAK_KEY, "assistant")
    assert (caught.value.code, caught.value.field) == ("may_not_speak_as", "role")
