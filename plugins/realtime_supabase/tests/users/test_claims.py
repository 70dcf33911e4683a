"""A claim may be any JSON: a token that is signed is a user's or is refused, and no answer is an error of another kind.

So may every member of a public key.
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
from umbral_chat_realtime_supabase.users.verify import Rules

from plugins.realtime_supabase.tests.users.test_tokens import EC, ISSUER, JWKS, KEYS, USER, Hand, claims, signed
from tests.any_json import ANY_JSON

READ = (
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
"""Claims that we or the library look at."""


async def asked(_conversation: str, _subject: str, session: str | None) -> Membership:
    """As the database is asked: what is no text in UTF-8, or holds a NUL, cannot be said to it."""
    assert session is None or "\0" not in session.encode().decode()
    return Membership(epoch=None, deleted=False, role="user")


def users(*, anonymous: bool = False) -> SupabaseUsers:
    clock = Hand()
    return SupabaseUsers(
        Rules(issuer=ISSUER, audience="authenticated", leeway=10.0, anonymous=anonymous),
        Jwks(JWKS, clock, ttl=600.0, cooldown=30.0, timeout=2.0),
        Memberships(asked, clock, ttl=5.0),
        clock,
    )


def token(**changed: Any) -> str:
    """Signed as it is; the library's own encoder would look at the claims."""
    return sign(json.dumps(claims(**changed)).encode(), EC, "ES256", {"kid": "ec"})


@pytest.fixture
def keys(httpx_mock: HTTPXMock) -> HTTPXMock:
    httpx_mock.add_response(url=JWKS, json=KEYS, is_reusable=True, is_optional=True)
    return httpx_mock


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", READ)
@given(value=ANY_JSON)
@example(value=[1])
@example(value={})
@example(value=float("inf"))
@example(value=float("nan"))
@example(value=10**400)
@example(value="\ud800")
@example(value="\0")
async def test_any_claim_is_a_user_or_refused(keys: HTTPXMock, name: str, value: Any) -> None:
    recognizes = users(anonymous=True)
    try:
        user = await recognizes.authenticate(token(**{name: value}))
    except Unauthorized:
        return
    if user is not None:
        assert isinstance(user, User)
        assert user.subject == USER
        msgspec.json.encode(user)
        await recognizes.authorize(user, "room")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANY_JSON)
@example(value=[1])
@example(value=0)
@example(value={})
async def test_whoever_is_not_said_to_be_vouched_for_is_anonymous(keys: HTTPXMock, value: Any) -> None:
    if value is None or value is False:
        assert await users().authenticate(token(is_anonymous=value)) is not None
        return
    with pytest.raises(Unauthorized, match="anonymous"):
        await users().authenticate(token(is_anonymous=value))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANY_JSON)
@example(value=[1])
@example(value="\ud800")
async def test_any_names_of_the_metadata_are_met(keys: HTTPXMock, value: Any) -> None:
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
async def test_a_garbled_public_key_hides_no_other(httpx_mock: HTTPXMock, member: str, value: Any) -> None:
    for base in KEYS["keys"][:2]:
        garbled = {"keys": [base | {"kid": "garbled", member: value}, *KEYS["keys"]]}
        httpx_mock.reset()
        httpx_mock.add_response(url=JWKS, text=json.dumps(garbled), is_optional=True, is_reusable=True)
        try:
            user = await users().authenticate(signed())
        except Unavailable:
            # No JSON in UTF-8 of a size that is read: the whole answer is left aside.
            continue
        except Unauthorized:
            assert value == "ec"
            continue
        assert user is not None
