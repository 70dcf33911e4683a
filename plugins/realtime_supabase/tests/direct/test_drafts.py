"""Drafts on a conversation's own channel, from the service through Realtime to both real clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from umbral_chat.clock import SystemClock
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat.testing import ManualClock
from umbral_chat_realtime_supabase.direct.member_signals import MemberSignals, MemberTopics
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.storage import open_storage
from umbral_chat_realtime_supabase.store import SupabaseStore

from tests.local_supabase.people import sign_up
from tests.local_supabase.realtime.clients import Line, got, joined
from tests.local_supabase.service import N8N, TTL, Client, add
from tests.local_supabase.stack.api import Stack

from .conftest import Follow, offered

# The client reads attributes that its own WebSocket library deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")


@pytest.fixture
def settings(supabase: Stack) -> Supabase:
    return Supabase(url=supabase.url, key=Secret(supabase.secret_key))


@pytest.fixture
async def topics(supabase: Stack, settings: Supabase) -> AsyncIterator[MemberTopics]:
    storage = open_storage(settings, Secret(supabase.secret_key), SystemClock(), Telemetry(None))
    async with storage.lifespan:
        assert isinstance(storage.store, SupabaseStore)
        yield MemberTopics(storage.store.calls, SystemClock(), ttl=TTL, capacity=2)


@pytest.fixture
async def signals(supabase: Stack, settings: Supabase, topics: MemberTopics) -> AsyncIterator[MemberSignals]:
    """MemberSignals whose loop runs, as in a service."""
    key = Secret(supabase.secret_key)
    running = MemberSignals(topics.find, settings, key, SystemClock(), Telemetry(None))
    task = asyncio.create_task(running.run())
    yield running
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def draft(text: str) -> DraftSignal:
    return DraftSignal(conversation="room", message_id="m1", text=text, sender=Sender(role="assistant"))


def drafted(text: str) -> Callable[[Line], bool]:
    return lambda line: got("signals")(line) and line["payload"]["signals"][0]["text"] == text


async def test_a_member_sees_what_is_being_written_and_a_removed_one_no_longer(
    service: Client, supabase: Stack, follow: Follow, signals: MemberSignals
) -> None:
    user, leaver = await sign_up(supabase), await sign_up(supabase, "leaver@example.com")
    await add(service, user, leaver)
    given = await offered(service, user)
    async with follow(given, user) as member, follow(given, leaver) as former:
        await asyncio.gather(joined(member), joined(former))
        signals.put(draft("I am"))
        lines = await asyncio.gather(*(each.until(drafted("I am"), "the draft") for each in (member, former)))
        assert lines[0]["payload"] == {
            "conversation": "room",
            "signals": [
                {
                    "signal": "draft",
                    "conversation": "room",
                    "message_id": "m1",
                    "text": "I am",
                    "sender": {"role": "assistant"},
                }
            ],
        }
        await add(service, user)
        topic = (await member.until(got("moved"), "the move"))["payload"]["topic"]
        async with follow(given | {"topic": topic}, user) as again:
            await joined(again)
            await asyncio.sleep(TTL)
            signals.put(draft("I am writing"))
            await again.until(drafted("I am writing"), "the draft")
        assert not any(drafted("I am writing")(line) for line in former.lines)


async def test_what_is_written_through_the_service_is_seen_by_a_member(
    service: Client, supabase: Stack, follow: Follow
) -> None:
    user = await sign_up(supabase)
    await add(service, user)
    for _ in range(200):
        if (await service.get("/v1/status", headers=N8N)).json()["mode"] == "live":
            break
        await asyncio.sleep(0.05)
    async with follow(await offered(service, user), user) as member:
        await joined(member)
        for length, text in ((0, "The answ"), (8, "er is")):
            piece = {"message_id": "m1", "offset": length, "text": text, "sender": {"role": "assistant"}}
            answer = await service.post("/v1/conversations/room/drafts", headers=N8N, json=piece)
            assert answer.status_code == 200, answer.text
        await member.until(drafted("The answer is"), "the draft")


async def test_topics_are_cached_for_their_time_to_live(service: Client, supabase: Stack, topics: MemberTopics) -> None:
    user, leaver = await sign_up(supabase), await sign_up(supabase, "leaver@example.com")
    await add(service, user, leaver)
    clock = topics._clock = ManualClock()
    before = {"room": (await offered(service, user))["topic"]}
    assert await topics.find(["room", "never-made"]) == before
    await add(service, user)
    assert await topics.find(["room"]) == before
    await clock.elapse(TTL)
    await asyncio.sleep(TTL)  # the service has a cache of its own
    after = {"room": (await offered(service, user))["topic"]}
    assert before != after
    assert await topics.find(["room", "never-made"]) == after


async def test_more_topics_than_the_cache_holds_are_found_too(
    service: Client, supabase: Stack, topics: MemberTopics
) -> None:
    user = await sign_up(supabase)
    names = [f"room{number}" for number in range(5)]
    for name in names:
        await add(service, user, conversation=name)
    assert list(await topics.find(names)) == names
    assert len(topics._cache) == 2
    assert set(await topics.find([names[0], names[4]])) == {names[0], names[4]}
