"""A claim of a conversation token may be any JSON where somebody else signs with the secret: a principal, or a 401."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from jwt.api_jws import encode as sign
from umbral_chat._core.auth.tokens import TokenAuthenticator, TokenIssuer
from umbral_chat.clock import SystemClock
from umbral_chat.errors import Unauthorized
from umbral_chat.settings import Secret

from tests.any_json import ANY_JSON

SECRET = Secret("a-secret-of-more-than-32-characters-in-all")


@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize(
    "name", ["iss", "aud", "sub", "exp", "iat", "nbf", "jti", "conv", "epoch", "role", "name", "rights", "other"]
)
@given(value=ANY_JSON)
@example(value=[1])
@example(value={})
@example(value=float("inf"))
@example(value=float("nan"))
@example(value=10**400)
@example(value="\ud800")
@example(value=[[1]])
async def test_any_claim_is_a_principal_or_a_401(name: str, value: Any) -> None:
    clock = SystemClock()
    now = int(clock.now().timestamp())
    claims: dict[str, Any] = {
        "iss": "umbral-chat", "aud": "umbral-chat", "sub": "visitor-1", "exp": now + 600, "iat": now, "jti": "1",
        "conv": "room-1", "epoch": None, "role": "user", "name": None, "rights": ["read"], name: value,
    }  # fmt: skip
    token = sign(json.dumps(claims).encode(), SECRET.reveal(), "HS256", {"typ": "umbral-chat+jwt"})
    try:
        principal = await TokenAuthenticator(TokenIssuer([SECRET], clock), clock).authenticate(token)
    except Unauthorized:
        return
    if principal is not None:
        # It can be written down, and said to a store.
        msgspec.json.encode(principal)
