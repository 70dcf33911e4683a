from __future__ import annotations

from hashlib import sha256

import pytest
from umbral_chat._core.auth import keys as module
from umbral_chat._core.auth.keys import KeyAuthenticator
from umbral_chat._core.auth.rights import ALL_RIGHTS
from umbral_chat.errors import SettingsError
from umbral_chat.providers.auth import Authenticator
from umbral_chat.settings import Key, Secret

SECRET = "k3y-of-the-workflows"
N8N = Key(name="n8n", key=Secret(SECRET))
READER = Key(name="reader", sha256=sha256(b"another one").hexdigest(), rights=["read", "inbox"])


async def test_a_key_is_recognized_with_its_name_and_all_rights_by_default() -> None:
    authenticator: Authenticator = KeyAuthenticator([READER, N8N])
    principal = await authenticator.authenticate(SECRET)
    assert principal is not None
    assert (principal.kind, principal.subject, principal.role) == ("key", "key:n8n", "user")
    assert principal.rights == ALL_RIGHTS
    assert principal.conversation is None


async def test_a_key_may_stand_in_the_settings_as_its_hash_alone() -> None:
    principal = await KeyAuthenticator([READER]).authenticate("another one")
    assert principal is not None
    assert principal.rights == {"read", "inbox"}


@pytest.mark.parametrize("credential", ["", SECRET[:-1], SECRET + "x", SECRET.upper(), "n8n", READER.sha256, "\ud800"])
async def test_anything_else_is_not_a_key(credential: str) -> None:
    assert await KeyAuthenticator([N8N, READER]).authenticate(credential) is None


async def test_a_key_beyond_ascii_works() -> None:
    assert await KeyAuthenticator([Key(name="a", key=Secret("schlüssel-π"))]).authenticate("schlüssel-π")


async def test_every_key_is_compared_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [Key(name=str(number), key=Secret(f"secret number {number}")) for number in range(5)]
    authenticator = KeyAuthenticator(keys)
    compared = 0

    def counting(one: bytes, other: bytes) -> bool:
        nonlocal compared
        compared += 1
        return one == other

    monkeypatch.setattr(module, "compare_digest", counting)
    counts = []
    for credential in ["secret number 0", "secret number 4", "none of them"]:
        compared = 0
        await authenticator.authenticate(credential)
        counts.append(compared)
    assert counts == [5, 5, 5]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ([Key(name="a")], "'a' needs either"),
        ([Key(name="a", key=Secret(SECRET), sha256="0" * 64)], "'a' needs either"),
        ([Key(name="a", key=Secret(""))], "'a' is empty"),
        ([Key(name="a", key=Secret(SECRET + " "))], "'a' is empty or begins or ends"),
        ([Key(name="a", sha256="zz")], "'a': sha256 is 64"),
        ([Key(name="a", sha256="00")], "'a': sha256 is 64"),
        ([Key(name="a", key=Secret(SECRET), rights=["raed"])], "'raed' is not a right: did you mean 'read'"),
        ([N8N, Key(name="n8n", key=Secret("different"))], "names 'n8n' twice"),
        ([N8N, Key(name="b", sha256=sha256(SECRET.encode()).hexdigest())], "'b' has the value of another"),
    ],
)
def test_a_wrong_setting_is_named_and_the_secret_is_not(keys: list[Key], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        KeyAuthenticator(keys)
    assert SECRET not in str(caught.value)
