"""Who may do what in a conversation, and how long it is remembered."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from umbral_chat.clock import SystemClock
from umbral_chat.errors import ConversationDeleted, Forbidden, HistoryUnavailable, Unauthorized
from umbral_chat_realtime_supabase.users.authenticator import SupabaseUsers, User
from umbral_chat_realtime_supabase.users.jwks import Jwks
from umbral_chat_realtime_supabase.users.membership import Membership, Memberships
from umbral_chat_realtime_supabase.users.verify import Rules


class Hand(SystemClock):
    passed = 0.0

    def monotonic(self) -> float:
        return self.passed


class Desk:
    """Memberships as a test has them, and how often they were asked for."""

    def __init__(self) -> None:
        self.members: dict[str, Membership] = {}
        self.asked: Counter[str] = Counter()
        self.failure: Exception | None = None
        self.answering = asyncio.Event()
        self.answering.set()
        self.was_asked = asyncio.Event()

    async def find(self, conversation: str, subject: str, session: str | None) -> Membership:
        self.asked[conversation] += 1
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        found = self.members.get(conversation, Membership(epoch="e", deleted=False, role=None))
        self.was_asked.set()
        await self.answering.wait()
        return found


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def memberships(clock: Hand, desk: Desk) -> Memberships:
    return Memberships(desk.find, clock, ttl=5.0, capacity=3)


@pytest.fixture
def users(clock: Hand, memberships: Memberships) -> SupabaseUsers:
    rules = Rules(issuer="i", audience="a", leeway=0, anonymous=False)
    return SupabaseUsers(rules, Jwks("", clock, ttl=1, cooldown=1, timeout=1), memberships, clock)


USER = User(kind="user", subject="u", rights=frozenset(), session="s", name="N")


def member(role: str = "user", **more: object) -> Membership:
    return Membership(**({"epoch": "e", "deleted": False, "role": role} | more))  # type: ignore[arg-type]


async def test_a_member_reads_and_sends_as_itself(users: SupabaseUsers, desk: Desk) -> None:
    desk.members["room"] = member()
    found = await users.authorize(USER, "room")
    assert (found.rights, found.role, found.conversation, found.epoch) == (
        frozenset({"read", "send"}),
        "user",
        "room",
        "e",
    )
    assert found.name == "N"


async def test_an_agent_speaks_as_one_and_may_moderate(users: SupabaseUsers, desk: Desk) -> None:
    desk.members["room"] = member("agent", name="Desk")
    found = await users.authorize(USER, "room")
    assert (found.rights, found.role, found.name) == (frozenset({"read", "send", "moderate"}), "agent", "Desk")


@pytest.mark.parametrize("role", ["assistant", "system"])
async def test_no_person_speaks_as_the_machinery(users: SupabaseUsers, desk: Desk, role: str) -> None:
    desk.members["room"] = member(role)
    assert (await users.authorize(USER, "room")).role == "user"


async def test_who_is_no_member_is_refused(users: SupabaseUsers) -> None:
    with pytest.raises(Forbidden, match="no member"):
        await users.authorize(USER, "room")


async def test_what_was_deleted_is_said_to_be(users: SupabaseUsers, desk: Desk) -> None:
    desk.members["room"] = Membership(epoch=None, deleted=True, role=None)
    with pytest.raises(ConversationDeleted):
        await users.authorize(USER, "room")


async def test_a_removal_takes_effect_within_the_bound(users: SupabaseUsers, desk: Desk, clock: Hand) -> None:
    desk.members["room"] = member()
    await users.authorize(USER, "room")
    del desk.members["room"]
    clock.passed = 4.99
    await users.authorize(USER, "room")
    clock.passed = 5.0
    with pytest.raises(Forbidden):
        await users.authorize(USER, "room")


async def test_a_log_out_takes_effect_within_the_bound(users: SupabaseUsers, desk: Desk, clock: Hand) -> None:
    desk.members["room"] = member(session=True)
    await users.authorize(USER, "room")
    desk.members["room"] = member(session=False)
    clock.passed = 5.0
    with pytest.raises(Unauthorized, match="signed out"):
        await users.authorize(USER, "room")


async def test_who_was_just_added_waits_a_second_at_most(users: SupabaseUsers, desk: Desk, clock: Hand) -> None:
    with pytest.raises(Forbidden):
        await users.authorize(USER, "room")
    desk.members["room"] = member()
    clock.passed = 1.0
    await users.authorize(USER, "room")


async def test_many_at_once_ask_once(users: SupabaseUsers, desk: Desk) -> None:
    desk.members["room"] = member()
    await asyncio.gather(*(users.authorize(USER, "room") for _ in range(50)))
    assert desk.asked["room"] == 1


async def test_one_who_goes_away_takes_nothing_from_the_others(users: SupabaseUsers, desk: Desk) -> None:
    desk.members["room"] = member()
    first = asyncio.create_task(users.authorize(USER, "room"))
    second = asyncio.create_task(users.authorize(USER, "room"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).role == "user"
    assert desk.asked["room"] == 1


async def test_a_failure_is_not_remembered(users: SupabaseUsers, desk: Desk) -> None:
    desk.members["room"] = member()
    desk.failure = HistoryUnavailable("down")
    with pytest.raises(HistoryUnavailable):
        await users.authorize(USER, "room")
    desk.failure = None
    await users.authorize(USER, "room")


async def test_what_is_remembered_is_bounded(users: SupabaseUsers, desk: Desk) -> None:
    for number in range(5):
        desk.members[f"c{number}"] = member()
        await users.authorize(USER, f"c{number}")
    for number in (4, 3, 2):
        await users.authorize(USER, f"c{number}")
    assert [desk.asked[f"c{number}"] for number in range(5)] == [1] * 5
    await users.authorize(USER, "c0")
    assert desk.asked["c0"] == 2


async def test_who_is_removed_here_is_nobody_at_once(
    users: SupabaseUsers, desk: Desk, memberships: Memberships
) -> None:
    desk.members |= {"room": member(), "other": member()}
    await users.authorize(USER, "room")
    await users.authorize(USER, "other")
    del desk.members["room"]
    memberships.forget("room")
    with pytest.raises(Forbidden):
        await users.authorize(USER, "room")
    await users.authorize(USER, "other")
    assert desk.asked == {"room": 2, "other": 1}


async def test_what_was_being_asked_when_members_changed_is_asked_again(
    users: SupabaseUsers, desk: Desk, memberships: Memberships
) -> None:
    desk.members["room"] = member()
    asking = asyncio.create_task(users.authorize(USER, "room"))
    desk.answering.clear()
    await desk.was_asked.wait()
    del desk.members["room"]
    memberships.forget("room")
    desk.answering.set()
    with pytest.raises(Forbidden):
        await asking
    with pytest.raises(Forbidden):
        await users.authorize(USER, "room")
    assert desk.asked["room"] == 2
