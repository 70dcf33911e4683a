from __future__ import annotations

import base64
import json
import string
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat._core.auth.tokens import TokenAuthenticator, TokenIssuer
from umbral_chat.clock import SystemClock
from umbral_chat.errors import InvalidRequest, SettingsError, Unauthorized
from umbral_chat.providers.auth import Authenticator, Principal
from umbral_chat.settings import Secret

if TYPE_CHECKING:
    from core.tests.auth.conftest import FakeClock

FIRST = Secret("first-secret-" + "a" * 32)
SECOND = Secret("second-secret-" + "b" * 32)
EPOCH = "abcdefghi2"
GOOD: dict[str, Any] = {
    "conversation": "room-1",
    "epoch": EPOCH,
    "subject": "visitor-1",
    "name": "Ada",
    "role": "user",
    "rights": ["read", "send"],
    "ttl": 3600,
}


def decoded(token: str) -> dict[str, Any]:
    return jwt.decode_complete(token, options={"verify_signature": False})


def signed(clock: FakeClock, *, key: Secret = FIRST, typ: str = "umbral-chat+jwt", **changes: Any) -> str:
    """A token as somebody who knows the secret could sign it; a claim that is `...` is left out."""
    now = int(clock.now().timestamp())
    payload = {
        "iss": "umbral-chat",
        "aud": "umbral-chat",
        "sub": "visitor-1",
        "exp": now + 600,
        "iat": now,
        "jti": "1",
        "conv": "room-1",
        "epoch": EPOCH,
        "role": "user",
        "name": None,
        "rights": ["read"],
    } | changes
    payload = {name: value for name, value in payload.items() if value is not ...}
    return jwt.encode(payload, key.reveal(), algorithm="HS256", headers={"typ": typ})


@pytest.fixture
def issuer(clock: FakeClock) -> TokenIssuer:
    return TokenIssuer([FIRST], clock)


@pytest.fixture
def authenticator(issuer: TokenIssuer, clock: FakeClock) -> TokenAuthenticator:
    return TokenAuthenticator(issuer, clock)


async def test_a_token_says_who_bears_it_and_what_for(issuer: TokenIssuer, clock: FakeClock) -> None:
    token, expires_at = issuer.issue(**GOOD)
    authenticator: Authenticator = TokenAuthenticator(issuer, clock)
    assert await authenticator.authenticate(token) == Principal(
        kind="token",
        subject="visitor-1",
        rights=frozenset({"read", "send"}),
        conversation="room-1",
        epoch=EPOCH,
        role="user",
        name="Ada",
        expires_at=expires_at.timestamp(),
    )
    assert expires_at.tzinfo is not None
    assert timedelta(seconds=3599) < expires_at - clock.now() <= timedelta(seconds=3600)


def test_a_token_is_a_jwt_with_the_documented_claims(issuer: TokenIssuer) -> None:
    token, expires_at = issuer.issue(**GOOD)
    parts = decoded(token)
    assert parts["header"] == {"alg": "HS256", "typ": "umbral-chat+jwt"}
    claims = parts["payload"]
    assert claims.pop("jti") != decoded(issuer.issue(**GOOD)[0])["payload"]["jti"]
    assert claims == {
        "iss": "umbral-chat",
        "aud": "umbral-chat",
        "sub": "visitor-1",
        "exp": int(expires_at.timestamp()),
        "iat": int(expires_at.timestamp()) - 3600,
        "conv": "room-1",
        "epoch": EPOCH,
        "role": "user",
        "name": "Ada",
        "rights": ["read", "send"],
    }


@pytest.mark.parametrize("ttl", [60, 60.5, 30 * 86_400])
def test_the_bounds_of_the_time_to_live_are_inside(issuer: TokenIssuer, ttl: float) -> None:
    assert issuer.issue(**GOOD | {"ttl": ttl})[0]


@pytest.mark.parametrize(
    ("changes", "field", "limit"),
    [
        ({"ttl": 59.9}, "ttl", 60),
        ({"ttl": -1}, "ttl", 60),
        ({"ttl": float("nan")}, "ttl", 60),
        ({"ttl": 30 * 86_400 + 1}, "ttl", 2_592_000),
        ({"ttl": float("inf")}, "ttl", 2_592_000),
        ({"conversation": "no spaces"}, "conversation", 128),
        ({"epoch": "short"}, "epoch", None),
        ({"subject": ""}, "subject", 128),
        ({"subject": "x" * 129}, "subject", 128),
        ({"subject": "nul\0"}, "subject", 128),
        ({"subject": "\ud800"}, "subject", 128),
        ({"subject": "key:n8n"}, "subject", None),
        ({"subject": "local"}, "subject", None),
        ({"name": ""}, "name", 1),
        ({"name": "\u200b\ufe0f"}, "name", 1),
        ({"name": "x" * 201}, "name", 200),
        ({"name": "nul\0"}, "name", None),
        ({"role": "root"}, "role", None),
        ({"rights": []}, "rights", None),
        ({"rights": ["read", "moderate"]}, "rights", None),
        ({"rights": ["*"]}, "rights", None),
    ],
)
def test_what_no_token_may_say_is_refused_by_field(
    issuer: TokenIssuer, changes: dict[str, Any], field: str, limit: int | None
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        issuer.issue(**GOOD | changes)
    assert (caught.value.field, caught.value.limit) == (field, limit)


async def test_a_name_is_cleaned_as_a_senders(issuer: TokenIssuer, authenticator: TokenAuthenticator) -> None:
    token, _ = issuer.issue(**GOOD | {"name": "Support\nTeam" + "x" * 188})
    principal = await authenticator.authenticate(token)
    assert principal is not None
    assert principal.name == "Support Team" + "x" * 188


async def test_a_token_ends_at_its_time_even_when_it_is_remembered(
    issuer: TokenIssuer, authenticator: TokenAuthenticator, clock: FakeClock
) -> None:
    token, expires_at = issuer.issue(**GOOD)
    assert await authenticator.authenticate(token)
    clock.wall = expires_at - timedelta(microseconds=1)
    assert await authenticator.authenticate(token)
    clock.wall = expires_at
    for _ in range(2):  # once from memory, once anew
        with pytest.raises(Unauthorized) as caught:
            await authenticator.authenticate(token)
        assert caught.value.code == "token_expired"


async def test_a_token_is_verified_once_and_the_memory_is_bounded(
    issuer: TokenIssuer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = issuer.verify

    def counting(token: str) -> Principal | None:
        verified.append(token)
        return verify(token)

    monkeypatch.setattr(issuer, "verify", counting)
    authenticator = TokenAuthenticator(issuer, clock, capacity=2)
    one, two, three = (issuer.issue(**GOOD | {"subject": subject})[0] for subject in "abc")
    for token in [one, one, two, one, three, one, two]:
        assert await authenticator.authenticate(token)
    assert verified == [one, two, three, two]


async def test_a_refused_token_is_not_remembered_as_good(authenticator: TokenAuthenticator, clock: FakeClock) -> None:
    forged = signed(clock, key=SECOND)
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(forged)


async def test_secrets_rotate_without_ending_tokens(clock: FakeClock) -> None:
    old = TokenIssuer([FIRST], clock).issue(**GOOD)[0]
    rotated = TokenIssuer([SECOND, FIRST], clock)
    assert rotated.verify(old)
    new = rotated.issue(**GOOD)[0]
    assert TokenIssuer([SECOND], clock).verify(new)
    with pytest.raises(Unauthorized):
        TokenIssuer([SECOND], clock).verify(old)


@pytest.mark.parametrize(
    "credential",
    ["", "a-service-key", "a.b", "a.b.c", "a.b.c.d", "..", "é.é.é", "\ud800.a.b", "e30.bnVsbA.e30", "e30.W10.e30"],
)
async def test_what_is_no_token_is_left_to_others(authenticator: TokenAuthenticator, credential: str) -> None:
    assert await authenticator.authenticate(credential) is None


@pytest.mark.parametrize("payload", [b'{"iss":"https://project.example/auth/v1"}', b"{}", b'{"iss":7}', b"[]", b"null"])
async def test_another_issuers_token_is_left_to_others(authenticator: TokenAuthenticator, payload: bytes) -> None:
    token = jwt.PyJWS().encode(payload, FIRST.reveal(), headers={"typ": "umbral-chat+jwt"})
    assert await authenticator.authenticate(token) is None


@pytest.mark.parametrize("claim", ["aud", "sub", "exp", "iat", "jti", "conv", "epoch", "role", "name", "rights"])
async def test_a_token_without_one_of_its_claims_is_refused(
    authenticator: TokenAuthenticator, clock: FakeClock, claim: str
) -> None:
    assert await authenticator.authenticate(signed(clock))
    without: dict[str, Any] = {claim: ...}
    with pytest.raises(Unauthorized) as caught:
        await authenticator.authenticate(signed(clock, **without))
    assert caught.value.code == "unauthorized"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": ["umbral-chat", "another"]},
        {"sub": "key:n8n"},
        {"sub": ""},
        {"sub": 7},
        {"exp": "2030-01-01"},
        {"exp": 10**400},
        {"exp": -1},
        {"conv": "../etc"},
        {"epoch": "other"},
        {"role": "root"},
        {"rights": ["read", "admin"]},
        {"rights": []},
        {"rights": "read"},
        {"nbf": 2**33},
    ],
)
async def test_a_signed_token_that_says_what_none_may_say_is_refused(
    authenticator: TokenAuthenticator, clock: FakeClock, changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized) as caught:
        await authenticator.authenticate(signed(clock, **changes))
    assert caught.value.code == "unauthorized"


async def test_an_expired_token_with_a_false_signature_is_not_called_expired(
    authenticator: TokenAuthenticator, clock: FakeClock
) -> None:
    with pytest.raises(Unauthorized) as caught:
        await authenticator.authenticate(signed(clock, key=SECOND, exp=1))
    assert caught.value.code == "unauthorized"
    with pytest.raises(Unauthorized) as caught:
        await authenticator.authenticate(signed(clock, exp=1))
    assert caught.value.code == "token_expired"


async def test_a_token_of_another_type_signed_with_the_same_secret_is_refused(
    authenticator: TokenAuthenticator, clock: FakeClock
) -> None:
    with pytest.raises(Unauthorized):
        await authenticator.authenticate(signed(clock, typ="JWT"))


async def test_claims_that_we_do_not_know_are_ignored(authenticator: TokenAuthenticator, clock: FakeClock) -> None:
    assert await authenticator.authenticate(signed(clock, tenant="t"))


async def test_a_token_for_a_conversation_that_was_never_made_has_no_epoch(issuer: TokenIssuer) -> None:
    principal = issuer.verify(issuer.issue(**GOOD | {"epoch": None})[0])
    assert principal is not None
    assert principal.epoch is None


@pytest.mark.parametrize("algorithm", ["none", "None", "HS384", "HS512", "RS256", "", None, ["HS256"], {}])
async def test_no_algorithm_but_ours_is_taken_from_a_token(
    authenticator: TokenAuthenticator, issuer: TokenIssuer, algorithm: object
) -> None:
    header, payload, signature = issuer.issue(**GOOD)[0].split(".")
    # The one thing that changes is the algorithm.
    assert json.loads(jwt.utils.base64url_decode(header)) == {"alg": "HS256", "typ": "umbral-chat+jwt"}
    forged = jwt.utils.base64url_encode(json.dumps({"alg": algorithm, "typ": "umbral-chat+jwt"}).encode()).decode()
    for ending in [signature, ""]:
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(f"{forged}.{payload}.{ending}")


async def test_a_header_nested_beyond_reason_is_refused(issuer: TokenIssuer) -> None:
    payload = issuer.issue(**GOOD)[0].split(".")[1]
    deep = base64.urlsafe_b64encode(b"[" * 6000).rstrip(b"=").decode()
    with pytest.raises(Unauthorized):
        issuer.verify(f"{deep}.{payload}.e30")
    assert issuer.verify(f"e30.{deep}.e30") is None


ISSUED = TokenIssuer([FIRST], SystemClock())
TOKEN = ISSUED.issue(**GOOD)[0]


def refused(token: str) -> bool:
    try:
        return ISSUED.verify(token) is None
    except Unauthorized:
        return True


def test_the_token_that_is_tampered_with_is_good_as_it_is() -> None:
    assert not refused(TOKEN)


@given(place=st.integers(0, len(TOKEN) - 1), character=st.characters(max_codepoint=255))
def test_a_token_with_any_character_changed_is_refused(place: int, character: str) -> None:
    if TOKEN[place] != character:
        assert refused(TOKEN[:place] + character + TOKEN[place + 1 :])


def test_a_token_with_any_character_of_its_signature_changed_is_refused() -> None:
    head, _, signature = TOKEN.rpartition(".")
    letters = string.ascii_letters + string.digits + "-_=+/. "
    for place, old in enumerate(signature):
        for new in letters.replace(old, ""):
            assert refused(f"{head}.{signature[:place]}{new}{signature[place + 1 :]}")


@given(before=st.text(max_size=3), after=st.text(max_size=3), cut=st.integers(0, 5))
def test_a_token_that_is_longer_or_shorter_is_refused(before: str, after: str, cut: int) -> None:
    changed = before + TOKEN[: len(TOKEN) - cut] + after
    if changed != TOKEN:
        assert refused(changed)


@pytest.mark.parametrize("padding", ["=", "==", "\n", " "])
def test_a_token_has_one_spelling(padding: str) -> None:
    assert refused(TOKEN + padding)


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [
        ([], "there is no secret"),
        ([Secret("x" * 31)], r"token_secrets\[0\] has 31 bytes; it needs 32"),
        ([FIRST, Secret("")], r"token_secrets\[1\] has 0 bytes"),
        ([Secret("-----BEGIN PUBLIC KEY-----\nxxxx\n-----END PUBLIC KEY-----")], r"token_secrets\[0\] is a public key"),
    ],
)
def test_a_secret_that_cannot_protect_is_refused_at_start(clock: FakeClock, secrets: list[Secret], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        TokenIssuer(secrets, clock)


def test_a_secret_of_32_bytes_is_enough_and_bytes_count_rather_than_characters(clock: FakeClock) -> None:
    issuer = TokenIssuer([Secret("ü" * 16)], clock)
    assert issuer.verify(issuer.issue(**GOOD)[0])
