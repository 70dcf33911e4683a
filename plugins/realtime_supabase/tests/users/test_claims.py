"""Claims of any JSON type: a signed token is either a user's or refused, and never leads to another error. The same for
the members of public keys.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from jwt.api_jws import encode as sign
from pytest_httpx import HTTPXMock
from umbral_chat.errors import Unauthorized, Unavailable
from umbral_chat_realtime_supabase.users.authenticator import SupabaseUsers, User
from umbral_chat_realtime_supabase.users.jwks import Jwks
from umbral_chat_realtime_supabase.users.membership import Membership, Memberships
from umbral_chat_realtime_supabase.users.verify import TokenRules

from plugins.realtime_supabase.tests.users.test_tokens import EC, ISSUER, JWKS, KEYS, USER, SteppedClock, claims, signed
from tests.any_json import ANY_JSON

READ_CLAIMS = (
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "role",
    "session_id",
    "is_anonymous",
    "app_metadata",
    "user_metadata",
)
"""Claims that we or the library read."""


async def lookup(_conversation: str, _subject: str, session: str | None) -> Membership:
    """Like a call of the database, which takes no text that is not UTF-8 or contains a NUL."""
    assert session is None or "\0" not in session.encode().decode()
    return Membership(epoch=None, deleted=False, role="user")


def users(*, anonymous: bool = False, operator_claim: str | None = None) -> SupabaseUsers:
    clock = SteppedClock()
    return SupabaseUsers(
        TokenRules(
            issuer=ISSUER, audience="authenticated", leeway=10.0, anonymous=anonymous, operator_claim=operator_claim
        ),
        Jwks(JWKS, clock, ttl=600.0, cooldown=30.0, timeout=2.0),
        Memberships(lookup, clock, ttl=5.0),
        clock,
        operator_key=None if operator_claim is None else "desk",
    )


def token(**changed: Any) -> str:
    """A token signed without the library's own encoder, which would check the claims."""
    return sign(json.dumps(claims(**changed)).encode(), EC, "ES256", {"kid": "ec"})


@pytest.fixture
def keys(httpx_mock: HTTPXMock) -> HTTPXMock:
    httpx_mock.add_response(url=JWKS, json=KEYS, is_reusable=True, is_optional=True)
    return httpx_mock


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", READ_CLAIMS)
@given(value=ANY_JSON)
@example(value=[1])
@example(value={})
@example(value=float("inf"))
@example(value=float("nan"))
@example(value=10**400)
@example(value="\ud800")
@example(value="\0")
async def test_any_claim_leads_to_a_user_or_a_refusal(keys: HTTPXMock, name: str, value: Any) -> None:
    authenticator = users(anonymous=True, operator_claim="chat_role")
    try:
        user = await authenticator.authenticate(token(**{name: value}))
    except Unauthorized:
        return
    if user is not None:
        assert isinstance(user, User)
        assert user.subject == USER
        msgspec.json.encode(user)
        await authenticator.authorize(user, "room")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANY_JSON)
@example(value=[1])
@example(value=0)
@example(value={})
async def test_a_user_is_anonymous_unless_the_claim_is_null_or_false(keys: HTTPXMock, value: Any) -> None:
    if value is None or value is False:
        assert await users().authenticate(token(is_anonymous=value)) is not None
        return
    with pytest.raises(Unauthorized, match="anonymous"):
        await users().authenticate(token(is_anonymous=value))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANY_JSON)
@example(value=[1])
@example(value="\ud800")
async def test_any_name_in_the_metadata_is_accepted(keys: HTTPXMock, value: Any) -> None:
    user = await users().authenticate(token(app_metadata={"full_name": value, "name": "Añ"}))
    assert user is not None
    (user.name or "").encode()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("member", ["kid", "kty", "alg", "crv", "x", "y", "n", "e", "d", "use"])
@given(value=ANY_JSON.filter(lambda value: value == value))
@example(value=[1])
@example(value={})
@example(value=5)
@example(value="")
async def test_a_malformed_public_key_hides_no_other(httpx_mock: HTTPXMock, member: str, value: Any) -> None:
    for base in KEYS["keys"][:2]:
        garbled = {"keys": [base | {"kid": "garbled", member: value}, *KEYS["keys"]]}
        httpx_mock.reset()
        httpx_mock.add_response(url=JWKS, text=json.dumps(garbled), is_optional=True, is_reusable=True)
        try:
            user = await users().authenticate(signed())
        except Unavailable:
            # Not JSON in UTF-8 within the size limit: the whole answer is ignored.
            continue
        except Unauthorized:
            assert value == "ec"
            continue
        assert user is not None


@pytest.mark.parametrize("value", ["agent", ["agent"], ["reader", "agent"]])
async def test_a_user_whose_server_made_it_an_agent_is_an_operator(keys: HTTPXMock, value: Any) -> None:
    user = await users(operator_claim="chat_role").authenticate(token(app_metadata={"chat_role": value}))
    assert user is not None
    assert (user.operator_key, user.rights) == ("desk", frozenset({"inbox"}))
    # In a conversation it is what its membership says, as any user.
    member = await users(operator_claim="chat_role").authorize(user, "room")
    assert member.rights == {"read", "send"}


@given(value=ANY_JSON.filter(lambda value: value != "agent" and not (isinstance(value, list) and "agent" in value)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(value="Agent")
@example(value="agents")
@example(value={"agent": True})
@example(value=[["agent"]])
@example(value=True)
async def test_no_other_claim_makes_an_operator(keys: HTTPXMock, value: Any) -> None:
    user = await users(operator_claim="chat_role").authenticate(token(app_metadata={"chat_role": value}))
    assert user is not None
    assert (user.operator_key, user.rights) == (None, frozenset())


async def test_what_users_write_themselves_makes_no_operator_and_neither_does_a_setting_that_is_unset(
    keys: HTTPXMock,
) -> None:
    own = token(user_metadata={"chat_role": "agent"}, chat_role="agent")
    guest = token(app_metadata={"chat_role": "agent"}, is_anonymous=True)
    server = token(app_metadata={"chat_role": "agent"})
    for authenticator, credential in (
        (users(operator_claim="chat_role"), own),
        (users(anonymous=True, operator_claim="chat_role"), guest),
        (users(), server),
    ):
        user = await authenticator.authenticate(credential)
        assert user is not None
        assert (user.operator_key, user.rights) == (None, frozenset())
