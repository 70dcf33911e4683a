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


def users(*, anonymous: bool = False) -> SupabaseUsers:
    clock = SteppedClock()
    return SupabaseUsers(
        TokenRules(issuer=ISSUER, audience="authenticated", leeway=10.0, anonymous=anonymous),
        Jwks(JWKS, clock, ttl=600.0, cooldown=30.0, timeout=2.0),
        Memberships(lookup, clock, ttl=5.0),
        clock,
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
    authenticator = users(anonymous=True)
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
