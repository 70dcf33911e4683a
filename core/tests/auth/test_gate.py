from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from umbral_chat._core.auth.gate import CREDENTIAL_LIMIT, Gate, authorize
from umbral_chat._core.auth.keys import KeyAuthenticator
from umbral_chat._core.auth.local import LOCAL, LocalAuthenticator
from umbral_chat._core.auth.rights import ALL_RIGHTS
from umbral_chat._core.auth.tokens import TokenAuthenticator, TokenIssuer
from umbral_chat.errors import Forbidden, Unauthorized, Unavailable
from umbral_chat.providers.auth import Principal
from umbral_chat.settings import Key, Secret

if TYPE_CHECKING:
    from core.tests.auth.conftest import FakeClock

KEY = b"Bearer the-key"
USER = Principal(kind="user", subject="u-1", rights=frozenset({"read", "send"}))


class Plugin:
    """An authenticator as a plugin has it: it counts how often it is asked."""

    name = "plugin"

    def __init__(self, rank: int, answer: Principal | Exception | None) -> None:
        self.rank = rank
        self.answer = answer
        self.asked: list[str] = []

    async def authenticate(self, credential: str) -> Principal | None:
        self.asked.append(credential)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Members(Plugin):
    """One that says, at each request, what a user is in a conversation."""

    async def authorize(self, principal: Principal, conversation: str) -> Principal:
        if conversation != "room-1":
            raise Forbidden("Not a member.", code="not_a_member")
        return msgspec.structs.replace(principal, role="agent", rights=frozenset({"read"}))


@pytest.fixture
def issuer(clock: FakeClock) -> TokenIssuer:
    return TokenIssuer([Secret("s" * 32)], clock)


@pytest.fixture
def gate(issuer: TokenIssuer, clock: FakeClock) -> Gate:
    keys = KeyAuthenticator([Key(name="n8n", key=Secret("the-key"))])
    return Gate([TokenAuthenticator(issuer, clock), keys], local=None, clock=clock)


def token(issuer: TokenIssuer, subject: str = "v-1") -> bytes:
    return b"Bearer " + issuer.issue("room-1", None, subject, None, "user", ["read"], 60)[0].encode()


@pytest.mark.parametrize("header", [KEY, b"bearer the-key", b"BEARER   the-key ", b" Bearer the-key"])
async def test_the_scheme_is_read_in_any_case(gate: Gate, header: bytes) -> None:
    assert (await gate.authenticate(header)).subject == "key:n8n"


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"the-key",
        b"Basic dGhlLWtleTo=",
        b"Bearerthe-key",
        b"Bearer the-key, Bearer the-key",
        b"Bearer wrong",
        b"Bearer \xff\xfe",
        b"Bearer a.b.c",
        b"Bearer " + b"x" * (CREDENTIAL_LIMIT + 1),
        b"Bearer" + b" " * 9000 + b"the-key",
    ],
)
async def test_whoever_is_not_known_is_asked_for_a_bearer_credential(gate: Gate, header: bytes | None) -> None:
    assert gate.cached(header) is None
    with pytest.raises(Unauthorized) as caught:
        await gate.authenticate(header)
    assert (caught.value.code, caught.value.status) == ("unauthorized", 401)
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}
    assert gate.cached(header) is None


async def test_a_credential_of_the_longest_length_is_read(clock: FakeClock) -> None:
    long = "x" * CREDENTIAL_LIMIT
    gate = Gate([KeyAuthenticator([Key(name="long", key=Secret(long))])], local=None, clock=clock)
    assert (await gate.authenticate(f"Bearer {long}".encode())).subject == "key:long"


async def test_a_key_and_a_token_are_known_without_asking_the_second_time(gate: Gate, issuer: TokenIssuer) -> None:
    for header in [KEY, token(issuer)]:
        assert gate.cached(header) is None
        principal = await gate.authenticate(header)
        assert gate.cached(header) is principal


async def test_a_remembered_token_ends_at_its_time(gate: Gate, issuer: TokenIssuer, clock: FakeClock) -> None:
    header = token(issuer)
    principal = await gate.authenticate(header)
    assert principal.expires_at is not None
    left = principal.expires_at - clock.now().timestamp()
    clock.wall += timedelta(seconds=left - 0.001)
    assert gate.cached(header) is not None
    clock.wall += timedelta(seconds=0.001)
    assert gate.cached(header) is None
    with pytest.raises(Unauthorized) as caught:
        await gate.authenticate(header)
    assert (caught.value.code, caught.value.headers) == ("token_expired", {"WWW-Authenticate": "Bearer"})
    assert gate.cached(header) is None


async def test_the_memory_of_the_gate_is_bounded(issuer: TokenIssuer, clock: FakeClock) -> None:
    gate = Gate([TokenAuthenticator(issuer, clock)], local=None, clock=clock, capacity=5)
    headers = [token(issuer, f"v-{number}") for number in range(20)]
    for header in headers:
        await gate.authenticate(header)
    assert [gate.cached(header) is not None for header in headers] == [False] * 15 + [True] * 5


async def test_the_memory_holds_no_credential(gate: Gate, issuer: TokenIssuer) -> None:
    header = token(issuer)
    await gate.authenticate(header)
    await gate.authenticate(KEY)
    kept = repr(vars(gate)) + repr(list(gate._principals._values.items()))
    assert "v-1" in kept
    assert "the-key" not in kept
    assert header.decode().removeprefix("Bearer ") not in kept


async def test_without_keys_a_request_without_credentials_is_the_local_administrators(
    issuer: TokenIssuer, clock: FakeClock
) -> None:
    gate = Gate([TokenAuthenticator(issuer, clock)], local=LocalAuthenticator(), clock=clock)
    assert await gate.authenticate(None) is LOCAL
    assert gate.cached(None) is LOCAL
    assert await gate.admit(None, "admin", None) is LOCAL


async def test_without_keys_credentials_that_do_not_hold_are_refused_all_the_same(
    issuer: TokenIssuer, clock: FakeClock
) -> None:
    gate = Gate([TokenAuthenticator(issuer, clock)], local=LocalAuthenticator(), clock=clock)
    assert (await gate.authenticate(token(issuer))).kind == "token"
    for header in [b"", b"Bearer x", b"Basic x"]:
        with pytest.raises(Unauthorized):
            await gate.authenticate(header)
    with pytest.raises(Unauthorized, match="leave the Authorization header out"):
        await gate.authenticate(b"Bearer x")


async def test_with_keys_nobody_is_local(gate: Gate) -> None:
    assert gate.cached(None) is None
    with pytest.raises(Unauthorized):
        await gate.authenticate(None)


async def test_authenticators_are_asked_by_rank_until_one_answers(clock: FakeClock) -> None:
    last, first, middle = Plugin(30, USER), Plugin(5, None), Plugin(20, USER)
    gate = Gate([last, first, middle], local=None, clock=clock)
    assert await gate.authenticate(b"Bearer x") is USER
    assert (first.asked, middle.asked, last.asked) == (["x"], ["x"], [])


async def test_one_that_knows_a_credential_to_be_bad_has_the_last_word(clock: FakeClock) -> None:
    later = Plugin(2, USER)
    gate = Gate([Plugin(1, Unauthorized("No.", code="token_expired")), later], local=None, clock=clock)
    with pytest.raises(Unauthorized) as caught:
        await gate.authenticate(b"Bearer x")
    assert (caught.value.code, caught.value.headers) == ("token_expired", {"WWW-Authenticate": "Bearer"})
    assert later.asked == []


async def test_one_that_cannot_tell_now_opens_no_door(clock: FakeClock) -> None:
    gate = Gate([Plugin(1, Unavailable("Not now.")), Plugin(2, USER)], local=LocalAuthenticator(), clock=clock)
    with pytest.raises(Unavailable):
        await gate.authenticate(b"Bearer x")


async def test_a_plugins_answer_is_not_remembered_unless_it_says_that_it_lasts(clock: FakeClock) -> None:
    plugin = Plugin(1, USER)
    gate = Gate([plugin], local=None, clock=clock)
    for _ in range(3):
        assert await gate.authenticate(b"Bearer x") is USER
        assert gate.cached(b"Bearer x") is None
    assert len(plugin.asked) == 3


async def test_a_principal_past_its_time_is_nobody_whoever_says_otherwise(clock: FakeClock) -> None:
    stale = msgspec.structs.replace(USER, expires_at=clock.now().timestamp())
    with pytest.raises(Unauthorized) as caught:
        await Gate([Plugin(1, stale)], local=None, clock=clock).authenticate(b"Bearer x")
    assert caught.value.code == "token_expired"


async def test_an_authorizer_is_asked_at_each_request_and_has_its_say(clock: FakeClock) -> None:
    members: Any = Members(1, USER)
    members.reusable = True  # what it says of a conversation does not last, whatever it claims
    gate = Gate([members], local=None, clock=clock)
    for _ in range(2):
        principal = await gate.admit(b"Bearer x", "read", "room-1")
        assert principal.role == "agent"
        assert principal.rights == {"read"}
    assert gate.cached(b"Bearer x") is None
    with pytest.raises(Forbidden) as caught:
        await gate.admit(b"Bearer x", "read", "room-2")
    assert caught.value.code == "not_a_member"
    with pytest.raises(Forbidden) as caught:
        await gate.admit(b"Bearer x", "send", "room-1")
    assert caught.value.code == "forbidden"


async def test_a_visitor_is_admitted_to_its_conversation_with_its_rights_only(gate: Gate, issuer: TokenIssuer) -> None:
    header = token(issuer)
    for _ in range(2):  # asked, then remembered
        assert (await gate.admit(header, "read", "room-1")).subject == "v-1"
        with pytest.raises(Forbidden) as caught:
            await gate.admit(header, "send", "room-1")
        assert (caught.value.code, caught.value.extra) == ("forbidden", {"right": "send"})
        assert "'send'" in caught.value.detail
        for elsewhere in ["room-2", "room-10", None]:
            with pytest.raises(Forbidden) as caught:
                await gate.admit(header, "read", elsewhere)
            assert caught.value.code == "foreign_conversation"


@pytest.mark.parametrize("right", sorted(ALL_RIGHTS))
def test_each_right_opens_what_it_names_and_nothing_else(right: Any) -> None:
    holder = Principal(kind="key", subject="key:k", rights=frozenset({right}))
    authorize(holder, right, "room-1")
    authorize(holder, right, None)
    for other in ALL_RIGHTS - {right}:
        with pytest.raises(Forbidden):
            authorize(holder, other, "room-1")


@pytest.mark.parametrize("right", ["*", "", "reed", "public", None])
def test_a_right_that_does_not_exist_is_a_mistake_of_the_program_and_opens_nothing(right: Any) -> None:
    everything = msgspec.structs.replace(LOCAL, rights=ALL_RIGHTS | {right})
    with pytest.raises(ValueError, match="is not a right"):
        authorize(everything, right, None)
