"""Access of connections that last: asked again and again, and carried from instance to instance."""

from __future__ import annotations

import msgspec
import pytest
from umbral_chat._core.auth.access import Access
from umbral_chat._core.auth.gate import Gate
from umbral_chat._core.auth.limits import Rates
from umbral_chat.errors import Forbidden, TooManyRequests, Unauthorized, Unavailable
from umbral_chat.providers.auth import Principal
from umbral_chat.settings import Limits
from umbral_chat.testing.clock import ManualClock


class Member(Principal, frozen=True, kw_only=True):
    """A user of an identity provider."""

    session: str | None = None


class Members:
    """Authenticates users by their name, and authorizes whoever is a member."""

    name = "members"
    rank = 50
    principal_type = Member

    def __init__(self) -> None:
        self.members = {"ada"}

    async def authenticate(self, credential: str) -> Principal | None:
        return Member(kind="user", subject=credential, rights=frozenset(), session="s1")

    async def authorize(self, principal: Principal, conversation: str) -> Principal:
        assert isinstance(principal, Member)
        assert principal.session == "s1"
        if principal.subject not in self.members:
            raise Forbidden("no member")
        return msgspec.structs.replace(principal, rights=frozenset({"read"}), conversation=conversation)


def access(members: Members, clock: ManualClock | None = None) -> Access:
    found = Access(Rates(Limits(), ManualClock()))
    found.gate = Gate([members], local=None, clock=clock or ManualClock())
    return found


async def test_a_user_is_authorized_again_after_it_was_authorized() -> None:
    members = Members()
    asked = access(members)
    user = await asked.authenticate("ada")
    assert user.rights == frozenset()
    reader = await asked.authorize(user, "read", "room")
    assert await asked.authorize(reader, "read", "room") == reader
    with pytest.raises(Forbidden) as lacking:
        await asked.authorize(reader, "send", "room")
    assert lacking.value.code == "forbidden"
    members.members.clear()
    with pytest.raises(Forbidden):
        await asked.authorize(reader, "read", "room")


async def test_a_principal_is_read_back_at_another_instance_as_what_it_was() -> None:
    one, two = access(Members()), access(Members())
    reader = await one.authorize(await one.authenticate("ada"), "read", "room")
    carried = two.decode(one.encode(reader))
    assert carried == reader
    assert type(carried) is Member
    assert await two.authorize(carried, "read", "room") == reader
    key = Principal(kind="key", subject="key:n8n", rights=frozenset({"read"}))
    assert two.decode(one.encode(key)) == key
    assert await two.authorize(key, "read", "room") == key


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b'{"type":"Admin","principal":{}}', b"\xff"])
async def test_what_cannot_be_read_back_is_no_credential(data: bytes) -> None:
    with pytest.raises(Unauthorized):
        access(Members()).decode(data)


async def test_past_its_expiry_nobody_is_authorized() -> None:
    clock = ManualClock()
    token = Principal(
        kind="token",
        subject="ada",
        rights=frozenset({"read"}),
        conversation="room",
        expires_at=clock.now().timestamp() + 10,
    )
    asked = access(Members(), clock)
    assert await asked.authorize(token, "read", "room") == token
    with pytest.raises(Forbidden) as foreign:
        await asked.authorize(token, "read", "other")
    assert foreign.value.code == "foreign_conversation"
    await clock.elapse(10)
    with pytest.raises(Unauthorized) as expired:
        await asked.authorize(token, "read", "room")
    assert expired.value.code == "token_expired"


async def test_before_the_start_nobody_is_let_in() -> None:
    with pytest.raises(Unavailable):
        await Access(Rates(Limits(), ManualClock())).authenticate("ada")


def test_what_a_connection_does_counts_towards_the_rates_of_requests() -> None:
    access = Access(Rates(Limits(requests_per_second=1, requests_burst=2, markers_burst=1), ManualClock()))
    visitor = Principal(kind="token", subject="ada", rights=frozenset({"read"}))
    for _ in range(2):
        access.count(visitor)
    with pytest.raises(TooManyRequests):
        access.count(visitor)
    access.count(visitor, "markers")
    with pytest.raises(TooManyRequests):
        access.count(visitor, "markers")
