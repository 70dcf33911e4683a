"""No error and no repr shows a credential: each path that refuses one is walked and its whole traceback read."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from umbral_chat._core.auth.gate import Gate
from umbral_chat._core.auth.keys import KeyAuthenticator
from umbral_chat._core.auth.local import LocalAuthenticator
from umbral_chat._core.auth.tokens import TokenAuthenticator, TokenIssuer
from umbral_chat.errors import SettingsError, Unauthorized
from umbral_chat.providers.auth import Authenticator
from umbral_chat.settings import Key, Secret

if TYPE_CHECKING:
    from core.tests.auth.conftest import FakeClock

MARK = "tell-nobody-0123456789-tell-nobody"
SIGNED_WITH = Secret(MARK + "-signing")
CASES = [
    "alg none",
    "bad header",
    "bad signature",
    "expired",
    "lone surrogate",
    "missing claims",
    "not a token",
    "not base64",
    "other iss",
    "too long",
    "wrong key",
    "wrong type",
]


def everything_of(error: BaseException) -> str:
    """What any way of logging `error` could show, with what it was raised in the middle of, suppressed or not."""
    shown: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        shown += [repr(seen), str(seen), f"{seen}", repr(seen.args), repr(vars(seen))]
        shown += traceback.format_exception(seen)
        seen = seen.__cause__ or seen.__context__
    return "\n".join(shown)


def jwt_with(payload: dict[str, Any], key: str, **headers: Any) -> str:
    return jwt.encode(payload, key, algorithm="HS256", headers=headers)


def credentials(clock: FakeClock) -> dict[str, str]:
    good = TokenIssuer([SIGNED_WITH], clock).issue("room-1", None, MARK, None, "user", ["read"], 60)[0]
    head, payload, signature = good.split(".")
    ours = {"iss": "umbral-chat", "sub": MARK}
    return {
        "wrong key": MARK,
        "lone surrogate": MARK + "\ud800",
        "bad signature": f"{head}.{payload}.{signature[::-1]}",
        "not base64": f"{head}.{payload}.{MARK}!",
        "bad header": f"{MARK}.{payload}.{signature}",
        "alg none": f"eyJhbGciOiJub25lIn0.{payload}.",
        "other iss": jwt_with({"iss": MARK}, SIGNED_WITH.reveal()),
        "missing claims": jwt_with(ours, SIGNED_WITH.reveal(), typ="umbral-chat+jwt"),
        "wrong type": jwt_with(ours, SIGNED_WITH.reveal(), typ=MARK),
        "not a token": f"{MARK}.{MARK}.{MARK}",
        "too long": MARK * 300,
        "expired": good,
    }


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scheme", ["Bearer", "Basic", ""])
async def test_a_refusal_does_not_show_the_credential(
    clock: FakeClock, caplog: pytest.LogCaptureFixture, case: str, scheme: str
) -> None:
    caplog.set_level(logging.DEBUG)
    cases = credentials(clock)
    assert sorted(cases) == CASES
    credential = cases[case]
    clock.advance(61)
    issuer = TokenIssuer([SIGNED_WITH], clock)
    authenticators: list[Authenticator] = [
        KeyAuthenticator([Key(name="a", key=Secret("b"))]),
        TokenAuthenticator(issuer, clock),
    ]
    for local in [None, LocalAuthenticator()]:
        gate = Gate(authenticators, local=local, clock=clock)
        with pytest.raises(Unauthorized) as caught:
            await gate.authenticate(f"{scheme} {credential}".encode("utf-8", "surrogatepass"))
        shown = everything_of(caught.value) + caplog.text
        for part in [credential, MARK, *(each for each in credential.split(".") if len(each) > 8)]:
            assert part not in shown


WRONG_SECRETS = [
    "tell-nobody",
    "-----BEGIN PUBLIC KEY-----\ntell-nobody\n-----END PUBLIC KEY-----",
    "tell-nobody\ud800",
]
WRONG_KEYS: dict[str, list[dict[str, Any]]] = {
    "padded": [{"key": " tell-nobody"}],
    "both": [{"key": "tell-nobody", "sha256": "0" * 64}],
    "unknown right": [{"key": "tell-nobody", "rights": ["x"]}],
    "twice": [{"key": "tell-nobody"}, {"key": "tell-nobody"}],
}


@pytest.mark.parametrize("secret", WRONG_SECRETS)
def test_a_signing_secret_that_is_refused_is_not_shown(clock: FakeClock, secret: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TokenIssuer([Secret(secret)], clock)
    assert "tell-nobody" not in everything_of(caught.value)


@pytest.mark.parametrize("case", WRONG_KEYS)
def test_a_service_key_that_is_refused_is_not_shown(case: str) -> None:
    settings = [
        Key(name=str(number), **(each | {"key": Secret(each["key"])})) for number, each in enumerate(WRONG_KEYS[case])
    ]
    with pytest.raises(SettingsError) as caught:
        KeyAuthenticator(settings)
    assert "tell-nobody" not in everything_of(caught.value)


async def test_no_part_shows_a_secret_when_it_is_printed(clock: FakeClock) -> None:
    issuer = TokenIssuer([SIGNED_WITH], clock)
    tokens = TokenAuthenticator(issuer, clock)
    keys = KeyAuthenticator([Key(name="a", key=Secret(MARK))])
    gate = Gate([keys, tokens], local=None, clock=clock)
    token = issuer.issue("room-1", None, "v-1", None, "user", ["read"], 60)[0]
    principals = [await gate.authenticate(f"Bearer {each}".encode()) for each in (MARK, token)]
    for part in [issuer, tokens, keys, gate, *principals]:
        inside = repr(vars(part)) if hasattr(part, "__dict__") else ""
        for shown in [repr(part), str(part), f"{part}", inside]:
            assert MARK not in shown
            assert token not in shown
