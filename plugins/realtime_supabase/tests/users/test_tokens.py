"""Which tokens are accepted and which are refused: forged, malformed, expired, of other issuers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pytest_httpx import HTTPXMock
from umbral_chat.clock import SystemClock
from umbral_chat.errors import Unauthorized, Unavailable
from umbral_chat.settings import Secret
from umbral_chat_realtime_supabase.users.authenticator import SupabaseUsers
from umbral_chat_realtime_supabase.users.jwks import MAX_BYTES, MAX_STALE, Jwks
from umbral_chat_realtime_supabase.users.membership import Membership, Memberships
from umbral_chat_realtime_supabase.users.verify import TokenRules

BASE = "https://abcdefghijklmnopqrst.supabase.co"
ISSUER = f"{BASE}/auth/v1"
JWKS = f"{ISSUER}/.well-known/jwks.json"
USER = "8d7d7a4c-3d0e-4b3a-9c55-3f2b8f9f1b11"
EC = ec.generate_private_key(ec.SECP256R1())
OTHER_EC = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
SECRET = "a-legacy-secret-with-at-least-32-characters"
PUBLIC_PEM = EC.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class SteppedClock(SystemClock):
    """Monotonic time that a test advances; the wall clock is the system's."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return 1000.0 + self.passed


def jwk(key: Any, kid: str, algorithm: str) -> dict[str, Any]:
    kind = RSAAlgorithm if algorithm == "RS256" else ECAlgorithm
    shown: dict[str, Any] = kind.to_jwk(key.public_key(), as_dict=True)
    return shown | {"kid": kid, "alg": algorithm, "use": "sig"}


KEYS = {"keys": [jwk(EC, "ec", "ES256"), jwk(RSA, "rsa", "RS256"), {"kid": "new", "kty": "??", "alg": "ML-DSA"}]}


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {
        "iss": ISSUER,
        "sub": USER,
        "aud": "authenticated",
        "role": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "session_id": "2a7d6c5e-0000-4000-8000-000000000001",
        "is_anonymous": False,
        "app_metadata": {"name": "Añ"},
        "user_metadata": {"full_name": "Support Team", "name": "Support\nTeam"},
    } | changed
    return {key: value for key, value in found.items() if value is not ...}


def signed(key: Any = EC, algorithm: str = "ES256", kid: str | None = "ec", **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, {} if kid is None else {"kid": kid})


def raw(header: dict[str, Any], payload: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def no_member(_conversation: str, _subject: str, _session: str | None) -> Membership:
    return Membership(epoch=None, deleted=False, role=None)


Make = Callable[..., SupabaseUsers]


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def make(clock: SteppedClock) -> Make:
    def made(*, anonymous: bool = False, secret: str | None = None) -> SupabaseUsers:
        return SupabaseUsers(
            TokenRules(issuer=ISSUER, audience="authenticated", leeway=10.0, anonymous=anonymous),
            Jwks(JWKS, clock, ttl=600.0, cooldown=30.0, timeout=2.0),
            Memberships(no_member, clock, ttl=5.0),
            clock,
            secret=None if secret is None else Secret(secret),
        )

    return made


@pytest.fixture
def keys(httpx_mock: HTTPXMock) -> HTTPXMock:
    httpx_mock.add_response(url=JWKS, json=KEYS, is_reusable=True, is_optional=True)
    return httpx_mock


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC, "ES256", "ec"), (RSA, "RS256", "rsa")])
async def test_a_users_token_is_the_user(make: Make, keys: HTTPXMock, key: Any, algorithm: str, kid: str) -> None:
    user = await make().authenticate(signed(key, algorithm, kid))
    assert user is not None
    assert (user.kind, user.subject, user.name) == ("user", USER, "Añ")
    assert user.rights == frozenset()
    assert user.session == "2a7d6c5e-0000-4000-8000-000000000001"


REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "expired": (lambda: signed(exp=int(time.time()) - 60), "expired"),
    "not yet valid": (lambda: signed(nbf=int(time.time()) + 600), "is not valid"),
    "without an expiry": (lambda: signed(exp=...), "exp"),
    "for another audience": (lambda: signed(aud="somebody"), "audience"),
    "without an audience": (lambda: signed(aud=...), "aud"),
    "the service's role": (lambda: signed(role="service_role"), "role"),
    "anon's role": (lambda: signed(role="anon"), "role"),
    "without a role": (lambda: signed(role=...), "role"),
    "a subject that is no id": (lambda: signed(sub="' or 1=1"), "id"),
    "without a subject": (lambda: signed(sub=...), "sub"),
    "an anonymous user": (lambda: signed(is_anonymous=True), "anonymous"),
    "an odd is_anonymous": (lambda: signed(is_anonymous="no"), "anonymous"),
    "unsigned": (lambda: raw({"alg": "none", "kid": "ec"}, claims()), "is not valid"),
    "unsigned, in capitals": (lambda: raw({"alg": "NONE", "kid": "ec"}, claims()), "is not valid"),
    "an empty signature": (lambda: raw({"alg": "ES256", "kid": "ec"}, claims()), "is not valid"),
    "a foreign key's signature": (lambda: signed(OTHER_EC), "is not valid"),
    "an unknown key": (lambda: signed(OTHER_EC, kid="unknown"), "key"),
    "without a key's name": (lambda: signed(kid=None), "is not valid"),
    "a path as the key's name": (lambda: signed(kid="../../dev/null"), "key"),
    "a huge key's name": (lambda: signed(kid="x" * 3000), "is not valid"),
}


def hmac_with(secret: bytes) -> str:
    head = raw({"alg": "HS256", "kid": "ec"}, claims()).rsplit(".", 1)[0]
    made = hmac.new(secret, head.encode(), hashlib.sha256).digest()
    return head + "." + base64.urlsafe_b64encode(made).rstrip(b"=").decode()


@pytest.mark.parametrize("name", REFUSED)
async def test_an_invalid_token_is_refused(make: Make, keys: HTTPXMock, name: str) -> None:
    token, message = REFUSED[name]
    credential = token()
    users = make()
    # Twice: the second time the caches have entries.
    for _ in range(2):
        with pytest.raises(Unauthorized, match=re.escape(message)) as raised:
            await users.authenticate(credential)
        assert credential not in f"{raised.value} {raised.value!r}"
        assert raised.value.code == ("token_expired" if name == "expired" else "unauthorized")


@pytest.mark.parametrize(
    "credential",
    [
        *("", "a-service-key", "not.a.jwt", "a.b", "...."),
        raw({"alg": "ES256", "kid": {"a": 1}}, claims()),
        raw({"alg": "ES256", "kid": "ec", "crit": ["x"], "x": 1}, claims(), b"x" * 64),
        signed(iss="https://other.supabase.co/auth/v1"),
        signed(iss=...),
    ],
)
async def test_a_token_of_another_issuer_is_left_to_other_authenticators(make: Make, credential: str) -> None:
    assert await make().authenticate(credential) is None


@pytest.mark.parametrize(
    "credential",
    [
        "sb_secret_something",
        "sb_publishable_something",
        jwt.encode({"iss": "supabase", "role": "anon", "exp": 4102444800}, SECRET, "HS256"),
        jwt.encode({"iss": "supabase", "role": "service_role", "exp": 4102444800}, SECRET, "HS256"),
    ],
)
async def test_an_api_key_is_refused_as_that(make: Make, credential: str) -> None:
    with pytest.raises(Unauthorized, match="API key of Supabase") as raised:
        await make().authenticate(credential)
    assert credential not in str(raised.value)


async def test_legacy_tokens_are_accepted_with_the_secret_and_the_refusal_names_the_setting(make: Make) -> None:
    token = jwt.encode(claims(), SECRET, "HS256")
    user = await make(secret=SECRET).authenticate(token)
    assert user is not None
    with pytest.raises(Unauthorized, match=r"supabase\.jwt_secret"):
        await make().authenticate(token)
    with pytest.raises(Unauthorized):
        await make(secret="another-secret-of-32-characters-or-more").authenticate(token)


async def test_anonymous_users_are_accepted_where_they_are_allowed(make: Make, keys: HTTPXMock) -> None:
    assert await make(anonymous=True).authenticate(signed(is_anonymous=True)) is not None


async def test_a_clock_within_the_leeway_does_no_harm(make: Make, keys: HTTPXMock) -> None:
    assert await make().authenticate(signed(exp=int(time.time()) - 3)) is not None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 5))
async def test_no_changed_token_is_accepted(make: Make, keys: HTTPXMock, place: float, bit: int) -> None:
    token = signed()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    at = int(place * len(token))
    if token[at] == "." or at == len(token) - 1:
        return
    changed = token[:at] + alphabet[alphabet.index(token[at]) ^ (1 << bit)] + token[at + 1 :]
    with suppress(Unauthorized):
        assert await make().authenticate(changed) is None


async def test_an_is_anonymous_of_zero_is_not_false(make: Make, keys: HTTPXMock) -> None:
    with pytest.raises(Unauthorized, match="anonymous"):
        await make().authenticate(signed(is_anonymous=0))


async def test_a_key_that_is_rotated_in_is_read_once_it_is_used(
    make: Make, clock: SteppedClock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=JWKS, json=KEYS)
    users = make()
    assert await users.authenticate(signed())
    rotated = {"keys": [*KEYS["keys"], jwk(OTHER_EC, "next", "ES256")]}
    httpx_mock.add_response(url=JWKS, json=rotated)
    clock.passed += 31
    assert await users.authenticate(signed(OTHER_EC, kid="next"))
    assert len(httpx_mock.get_requests()) == 2


async def test_unknown_keys_do_not_flood_the_project(make: Make, clock: SteppedClock, keys: HTTPXMock) -> None:
    users = make()
    for number in range(50):
        with pytest.raises(Unauthorized):
            await users.authenticate(signed(OTHER_EC, kid=f"unknown{number}"))
    assert len(keys.get_requests()) == 1
    clock.passed += 31
    for number in range(50):
        with pytest.raises(Unauthorized):
            await users.authenticate(signed(OTHER_EC, kid=f"more{number}"))
    assert len(keys.get_requests()) == 2


async def test_concurrent_requests_read_the_keys_once(make: Make, keys: HTTPXMock) -> None:
    users = make()
    tokens = [signed(session_id=f"s{number}") for number in range(100)]
    assert all(await asyncio.gather(*(users.authenticate(token) for token in tokens)))
    assert len(keys.get_requests()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 503},
        {"text": "<html>"},
        {"json": {"keys": "none"}},
        {"json": []},
        {"text": '{"keys":[' + " " * MAX_BYTES + "]}"},
    ],
)
async def test_without_any_keys_the_service_is_unavailable(
    make: Make, httpx_mock: HTTPXMock, answer: dict[str, Any]
) -> None:
    httpx_mock.add_response(url=JWKS, **answer)
    users = make()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await users.authenticate(signed())
    assert len(httpx_mock.get_requests()) == 1


async def test_known_keys_serve_for_a_day_while_the_project_is_down(
    make: Make, clock: SteppedClock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=JWKS, json=KEYS)
    users = make()
    assert await users.authenticate(signed())
    httpx_mock.add_exception(httpx.ConnectError("down"), url=JWKS, is_reusable=True)
    clock.passed += 601
    assert await users.authenticate(signed(session_id="new"))
    clock.passed += MAX_STALE
    with pytest.raises(Unavailable):
        await users.authenticate(signed(session_id="newer"))


async def test_a_key_that_was_dropped_ends_its_tokens_within_the_time_to_live(
    make: Make, clock: SteppedClock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=JWKS, json=KEYS)
    users, token = make(), signed()
    assert await users.authenticate(token)
    httpx_mock.add_response(url=JWKS, json={"keys": [jwk(OTHER_EC, "next", "ES256")]})
    clock.passed += 601
    with pytest.raises(Unauthorized):
        await users.authenticate(token)
