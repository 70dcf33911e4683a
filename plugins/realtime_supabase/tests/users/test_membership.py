"""What a user may do in a conversation, and for how long that is cached."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from umbral_chat.clock import SystemClock
from umbral_chat.errors import ConversationDeleted, Forbidden, HistoryUnavailable, Unauthorized
from umbral_chat_realtime_supabase.users.authenticator import SupabaseUsers, User
from umbral_chat_realtime_supabase.users.jwks import Jwks
from umbral_chat_realtime_supabase.users.membership import Membership, Memberships
from umbral_chat_realtime_supabase.users.verify import TokenRules


class SteppedClock(SystemClock):
    passed = 0.0

    def monotonic(self) -> float:
        return self.passed


class StubLookup:
    """A membership lookup with a test's answers, which counts its calls by conversation."""

    def __init__(self) -> None:
        self.members: dict[str, Membership] = {}
        self.calls: Counter[str] = Counter()
        self.failure: Exception | None = None
        self.answering = asyncio.Event()
        self.answering.set()
        self.was_called = asyncio.Event()

    async def find(self, conversation: str, subject: str, session: str | None) -> Membership:
        self.calls[conversation] += 1
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        found = self.members.get(conversation, Membership(epoch="e", deleted=False, role=None))
        self.was_called.set()
        await self.answering.wait()
        return found


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def lookup() -> StubLookup:
    return StubLookup()


@pytest.fixture
def memberships(clock: SteppedClock, lookup: StubLookup) -> Memberships:
    return Memberships(lookup.find, clock, ttl=5.0, capacity=3)


@pytest.fixture
def users(clock: SteppedClock, memberships: Memberships) -> SupabaseUsers:
    rules = TokenRules(issuer="i", audience="a", leeway=0, anonymous=False)
    return SupabaseUsers(rules, Jwks("", clock, ttl=1, cooldown=1, timeout=1), memberships, clock)


USER = User(kind="user", subject="u", rights=frozenset(), session="s", name="N")


def member(role: str = "user", **more: object) -> Membership:
    return Membership(**({"epoch": "e", "deleted": False, "role": role} | more))  # type: ignore[arg-type]


async def test_a_member_reads_and_sends_as_itself(users: SupabaseUsers, lookup: StubLookup) -> None:
    lookup.members["room"] = member()
    found = await users.authorize(USER, "room")
    assert (found.rights, found.role, found.conversation, found.epoch) == (
        frozenset({"read", "send"}),
        "user",
        "room",
        "e",
    )
    assert found.name == "N"


async def test_an_agent_speaks_as_one_and_may_moderate(users: SupabaseUsers, lookup: StubLookup) -> None:
    lookup.members["room"] = member("agent", name="Desk")
    found = await users.authorize(USER, "room")
    assert (found.rights, found.role, found.name) == (frozenset({"read", "send", "moderate"}), "agent", "Desk")


@pytest.mark.parametrize("role", ["assistant", "system"])
async def test_no_user_gets_the_role_of_an_assistant_or_the_system(
    users: SupabaseUsers, lookup: StubLookup, role: str
) -> None:
    lookup.members["room"] = member(role)
    assert (await users.authorize(USER, "room")).role == "user"


async def test_a_user_who_is_no_member_is_refused(users: SupabaseUsers) -> None:
    with pytest.raises(Forbidden, match="no member"):
        await users.authorize(USER, "room")


async def test_a_deleted_conversation_is_reported_as_that(users: SupabaseUsers, lookup: StubLookup) -> None:
    lookup.members["room"] = Membership(epoch=None, deleted=True, role=None)
    with pytest.raises(ConversationDeleted):
        await users.authorize(USER, "room")


async def test_a_removal_takes_effect_within_the_bound(
    users: SupabaseUsers, lookup: StubLookup, clock: SteppedClock
) -> None:
    lookup.members["room"] = member()
    await users.authorize(USER, "room")
    del lookup.members["room"]
    clock.passed = 4.99
    await users.authorize(USER, "room")
    clock.passed = 5.0
    with pytest.raises(Forbidden):
        await users.authorize(USER, "room")


async def test_a_sign_out_takes_effect_within_the_bound(
    users: SupabaseUsers, lookup: StubLookup, clock: SteppedClock
) -> None:
    lookup.members["room"] = member(session=True)
    await users.authorize(USER, "room")
    lookup.members["room"] = member(session=False)
    clock.passed = 5.0
    with pytest.raises(Unauthorized, match="signed out"):
        await users.authorize(USER, "room")


async def test_an_added_member_waits_a_second_at_most(
    users: SupabaseUsers, lookup: StubLookup, clock: SteppedClock
) -> None:
    with pytest.raises(Forbidden):
        await users.authorize(USER, "room")
    lookup.members["room"] = member()
    clock.passed = 1.0
    await users.authorize(USER, "room")


async def test_concurrent_requests_share_one_lookup(users: SupabaseUsers, lookup: StubLookup) -> None:
    lookup.members["room"] = member()
    await asyncio.gather(*(users.authorize(USER, "room") for _ in range(50)))
    assert lookup.calls["room"] == 1


async def test_a_cancelled_caller_does_not_cancel_the_lookup_of_others(
    users: SupabaseUsers, lookup: StubLookup
) -> None:
    lookup.members["room"] = member()
    first = asyncio.create_task(users.authorize(USER, "room"))
    second = asyncio.create_task(users.authorize(USER, "room"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).role == "user"
    assert lookup.calls["room"] == 1


async def test_a_failure_is_not_cached(users: SupabaseUsers, lookup: StubLookup) -> None:
    lookup.members["room"] = member()
    lookup.failure = HistoryUnavailable("down")
    with pytest.raises(HistoryUnavailable):
        await users.authorize(USER, "room")
    lookup.failure = None
    await users.authorize(USER, "room")


async def test_the_cache_is_bounded(users: SupabaseUsers, lookup: StubLookup) -> None:
    for number in range(5):
        lookup.members[f"c{number}"] = member()
        await users.authorize(USER, f"c{number}")
    for number in (4, 3, 2):
        await users.authorize(USER, f"c{number}")
    assert [lookup.calls[f"c{number}"] for number in range(5)] == [1] * 5
    await users.authorize(USER, "c0")
    assert lookup.calls["c0"] == 2


async def test_a_forgotten_membership_is_looked_up_at_once(
    users: SupabaseUsers, lookup: StubLookup, memberships: Memberships
) -> None:
    lookup.members |= {"room": member(), "other": member()}
    await users.authorize(USER, "room")
    await users.authorize(USER, "other")
    del lookup.members["room"]
    memberships.forget("room")
    with pytest.raises(Forbidden):
        await users.authorize(USER, "room")
    await users.authorize(USER, "other")
    assert lookup.calls == {"room": 2, "other": 1}


async def test_a_lookup_during_a_change_of_members_is_repeated(
    users: SupabaseUsers, lookup: StubLookup, memberships: Memberships
) -> None:
    lookup.members["room"] = member()
    pending = asyncio.create_task(users.authorize(USER, "room"))
    lookup.answering.clear()
    await lookup.was_called.wait()
    del lookup.members["room"]
    memberships.forget("room")
    lookup.answering.set()
    with pytest.raises(Forbidden):
        await pending
    with pytest.raises(Forbidden):
        await users.authorize(USER, "room")
    assert lookup.calls["room"] == 2
