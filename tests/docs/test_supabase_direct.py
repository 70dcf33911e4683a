"""The page on following directly: its program, run with the npm client, ends with the messages of a fresh read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from umbral_chat_realtime_supabase.direct.offer import EVENTS
from umbral_chat_realtime_supabase.topics import service_topic

from tests.local_supabase.people import PASSWORD, User, command, sign_up
from tests.local_supabase.realtime.js import Line, Program, program
from tests.local_supabase.stack.api import Stack
from tests.ports import free_port

from .pages import ROOT, blocks
from .session import service, surroundings

PAGE = ROOT / "docs" / "how-to" / "supabase-direct.md"
SCRIPT = ROOT / "tests" / "local_supabase" / "realtime" / "js" / "follow.mjs"
KEY = "choose-a-long-random-text"
N8N = {"Authorization": f"Bearer {KEY}"}
ROOM = "/v1/conversations/room"

pytestmark = pytest.mark.slow

Client = httpx.AsyncClient
Follow = Callable[..., AbstractAsyncContextManager[Program]]


@pytest.fixture
async def chat(request: pytest.FixtureRequest, supabase: Stack, tmp_path: Path) -> AsyncIterator[Client]:
    """n8n's client of a service that has pages poll often, or is set otherwise by a parameter."""
    await command(supabase, "realtime/reset")
    settings = {
        "UMBRAL_CHAT_SUPABASE__URL": supabase.url,
        "UMBRAL_CHAT_SUPABASE__KEY": supabase.secret_key,
        "UMBRAL_CHAT_SUPABASE__PUBLISHABLE_KEY": supabase.publishable_key,
        "UMBRAL_CHAT_SUPABASE__MEMBERSHIP_TTL": "0.3",
        "UMBRAL_CHAT_REALTIME__RECONCILE_INTERVAL": "0.5",
        "UMBRAL_CHAT_CORE__LIMITS__CONTENT_CHARS": "250000",
        "UMBRAL_CHAT_CORE__KEYS": json.dumps([{"name": "n8n", "key": KEY}]),
    } | getattr(request, "param", {})
    with ExitStack() as stack:
        url = await asyncio.to_thread(
            stack.enter_context, service(tmp_path, free_port(), surroundings(tmp_path) | settings)
        )
        async with Client(base_url=url, headers=N8N, timeout=30) as client:
            yield client
    await command(supabase, "realtime/reset")


@pytest.fixture
def follow(supabase: Stack, chat: Client, tmp_path: Path) -> Follow:
    """The page's program, as this user."""
    (block,) = [block for block in blocks(PAGE) if block.language == "js"]
    module = tmp_path / "follow.mjs"
    module.write_text(block.text, encoding="utf-8")

    def followed(user: User, **more: Any) -> AbstractAsyncContextManager[Program]:
        return program(
            SCRIPT,
            module=str(module),
            url=supabase.url,
            key=supabase.publishable_key,
            email=user.email,
            password=PASSWORD,
            service=str(chat.base_url).rstrip("/"),
            conversation="room",
            **more,
        )

    return followed


async def ok(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def members(chat: Client, *users: User, **changes: Any) -> None:
    given = {"id": "room", "members": [{"subject": user.id} for user in users]} | changes
    await ok(await chat.post("/v1/conversations", json=given))


async def members_elsewhere(supabase: Stack, *users: User) -> None:
    """Another instance changes the members, and the entry's broadcast to the service is lost."""
    entry = {
        "kind": "update",
        "sender": {"role": "system"},
        "changes": {"members": [{"subject": user.id, "role": "user"} for user in users]},
    }
    with psycopg.connect(supabase.admin_db_url) as connection:
        (shards,) = connection.execute("select value from umbral_chat_settings where name = 'shards'").fetchone() or ()
        await command(supabase, "realtime/faults", lose_share=1.0, topic=service_topic("room", int(shards)))
        connection.execute("select public.umbral_chat_update(%s, %s, 'elsewhere')", ["room", json.dumps(entry)])


async def say(chat: Client, content: str, message_id: str | None = None) -> None:
    given = {"content": content} if message_id is None else {"content": content, "message_id": message_id}
    await ok(await chat.post(f"{ROOM}/messages", json=given))


async def fresh(chat: Client) -> list[list[Any]]:
    """The messages as a new reader gets them, in the form that the program prints."""
    page = await ok(await chat.get(f"{ROOM}/messages", params={"limit": 200, "after": 0}))
    return [[each["message_id"], short(each["content"]), each.get("redacted", False)] for each in page["messages"]]


def short(text: str) -> str:
    return f"{len(text)} characters" if len(text) > 1000 else text


def listening(topics: int = 1) -> Callable[[Line], bool]:
    return lambda line: len(line["topics"]) == topics


async def equal(chat: Client, *pages: Program, within: float = 15.0) -> None:
    """Wait until the copy of each page equals a fresh read."""
    expected = await fresh(chat)
    for page in pages:
        await page.until(lambda line: line["messages"] == expected, f"{len(expected)} messages", within=within)


# With this interval, what arrives within seconds arrived by the channel.
@pytest.mark.parametrize("chat", [{"UMBRAL_CHAT_REALTIME__RECONCILE_INTERVAL": "600"}], indirect=True)
async def test_the_channel_alone_brings_everything_as_long_as_it_works(
    chat: Client, supabase: Stack, follow: Follow
) -> None:
    user, leaver = await sign_up(supabase), await sign_up(supabase, "leaver@example.com")
    await members(chat, user, leaver)
    await say(chat, "before")
    async with follow(user) as page:
        (before,) = (await page.until(listening(), "the channel"))["topics"]
        await say(chat, "after")
        await equal(chat, page)
        await say(chat, "x" * 210_000)
        await equal(chat, page)
        await members(chat, user)
        await page.until(lambda line: line["topics"] not in ([], [before]) and listening()(line), "the new channel")
        await say(chat, "among ourselves")
        await equal(chat, page)


# A gap is not filled then but replaced, by the channel's own events and by the next poll.
@pytest.mark.parametrize("chat", [{"UMBRAL_CHAT_POLLING__SYNC_STRATEGY": "snapshot"}], indirect=True)
async def test_snapshots_replace_the_copy_and_the_channel_goes_on_from_them(
    chat: Client, supabase: Stack, follow: Follow
) -> None:
    user = await sign_up(supabase)
    await members(chat, user)
    await say(chat, "before", "m0")
    async with follow(user) as page:
        await equal(chat, page)
        await page.until(listening(), "the channel")
        await say(chat, "x" * 210_000)
        await ok(await chat.patch(f"{ROOM}/messages/m0", json={"content": "changed"}))
        await equal(chat, page)
        await command(supabase, "realtime/faults", lose_share=0.5, reorder=True)
        for number in range(10):
            await say(chat, f"through faults {number}")
        await equal(chat, page)
        await command(supabase, "realtime/reset")
        await ok(await chat.delete(f"{ROOM}/messages/m0"))
        await equal(chat, page)


async def test_a_draft_is_shown_until_its_message_is_stored(chat: Client, supabase: Stack, follow: Follow) -> None:
    user = await sign_up(supabase)
    await members(chat, user)
    async with follow(user) as page:
        await page.until(listening(), "the channel")
        await ok(await chat.post(f"{ROOM}/drafts", json={"message_id": "m", "offset": 0, "text": "I am"}))
        await page.until(lambda line: line["drafts"] == ["I am"], "the draft")
        await say(chat, "I am here", "m")
        await page.until(lambda line: line["drafts"] == [] and line["messages"][-1:] != [], "the message")


GRACE = {"role": "agent", "id": "agent-7", "name": "Grace"}
WHOSE = {"role": "agent", "id": "agent-7"}


# With this interval, what arrives within seconds arrived by the channel.
@pytest.mark.parametrize(
    "chat",
    [{"UMBRAL_CHAT_REALTIME__RECONCILE_INTERVAL": "600", "UMBRAL_CHAT_PRESENCE__HOLD_BACK": "1"}],
    indirect=True,
)
async def test_the_channel_signals_who_joins_leaves_and_types(chat: Client, supabase: Stack, follow: Follow) -> None:
    user = await sign_up(supabase)
    await members(chat, user)
    presence, typing = f"{ROOM}/presence", f"{ROOM}/typing"
    async with follow(user) as page:
        # Joined, and what was said before it was read.
        await page.until(lambda _: sum(map(listening(), page.lines)) >= 2, "the channel")

        async def until_shown(what: str, **wanted: Any) -> None:
            await page.until(
                lambda line: line is page.lines[-1] and all(line[name] == value for name, value in wanted.items()),
                what,
                within=30,
            )

        await ok(await chat.put(presence, json={"sender": GRACE}))
        await until_shown("her joining", people=[["Grace", "online"]], count=1, listed=True)
        await ok(await chat.put(presence, json={"sender": GRACE, "status": "busy"}))
        await until_shown("her being busy", people=[["Grace", "busy"]])
        await ok(await chat.post(typing, json={"sender": GRACE}))
        await until_shown("her typing", typing=["Grace"])
        await ok(await chat.post(f"{ROOM}/messages", json={"content": "Hello", "sender": GRACE}))
        await until_shown("that it ended with her message", typing=[])
        await ok(await chat.post(typing, json={"sender": {"role": "assistant", "name": "Bot"}, "seconds": 8}))
        await until_shown("the assistant's typing", typing=["Bot"])
        await until_shown("that it ended by itself", typing=[])
        await ok(await chat.delete(presence, params=WHOSE))
        await until_shown("her leaving", people=[], count=0)


async def test_presence_that_the_channel_lost_is_in_the_next_poll(
    chat: Client, supabase: Stack, follow: Follow
) -> None:
    user = await sign_up(supabase)
    await members(chat, user)
    async with follow(user) as page:
        (topic,) = (await page.until(listening(), "the channel"))["topics"]
        await command(supabase, "realtime/faults", lose=1, topic=topic)
        await ok(await chat.put(f"{ROOM}/presence", json={"sender": GRACE}))
        await page.until(lambda line: line["people"] == [["Grace", "online"]], "her joining", within=30)
        await ok(await chat.post(f"{ROOM}/typing", json={"sender": GRACE}))
        await page.until(lambda line: line["typing"] == ["Grace"], "her typing", within=30)


async def test_a_stale_copy_ends_as_a_fresh_read(chat: Client, supabase: Stack, follow: Follow) -> None:
    user, leaver = await sign_up(supabase), await sign_up(supabase, "leaver@example.com")
    await members(chat, user, leaver)
    await say(chat, "first", "m0")
    async with follow(user) as page, follow(leaver) as former:
        await asyncio.gather(page.until(listening(), "the channel"), former.until(listening(), "the channel"))
        await say(chat, "x" * 210_000, "long")
        await ok(await chat.patch(f"{ROOM}/messages/m0", json={"content": "changed"}))
        await equal(chat, page, former)
        await command(supabase, "realtime/faults", lose_share=0.3, duplicate=True, reorder=True)
        for number in range(20):
            await say(chat, f"through faults {number}")
        await equal(chat, page, former)
        await command(supabase, "realtime/reset")

        await members(chat, user)
        for _ in range(3):  # a read that was under way before the removal may yet be answered: by now it was
            await fresh(chat)
        for number in range(5):
            await say(chat, f"among ourselves {number}")
        await ok(await chat.delete(f"{ROOM}/messages/m0"))
        await equal(chat, page)
        left = await former.until(lambda line: line["over"], "the end")
        assert left["over"] == "forbidden"
        assert "among ourselves" not in str(former.lines)

        await command(supabase, "realtime/drop")
        await say(chat, "while it was cut off")
        await equal(chat, page)
        await page.until(lambda line: listening()(line) and line["messages"][-1][1] == "while it was cut off", "again")
        await say(chat, "at last")
        await equal(chat, page)
        # While the service itself does not reach Realtime it offers polling alone; soon after that it is as before.
        (topic,) = (await page.until(listening(), "the channel again"))["topics"]
        assert topic not in left["topics"]
    assert page.lines[-1]["messages"] == await fresh(chat)


@pytest.mark.parametrize("read_after", [0, 1500], ids=["at once", "while it reads"])
async def test_a_page_on_an_outdated_topic_finds_the_current_one(
    chat: Client, supabase: Stack, follow: Follow, read_after: int
) -> None:
    """Also where the reading after the join finds what the removal left in the log, so that no later one does."""
    user, leaver = await sign_up(supabase), await sign_up(supabase, "leaver@example.com")
    await members(chat, user, leaver)
    async with follow(user, read_after=read_after) as page:
        (before,) = (await page.until(listening(), "the channel"))["topics"]
        await command(supabase, "realtime/faults", lose=1, topic=before)
        await members(chat, user)
        line = await page.until(lambda line: line["topics"] not in ([], [before]), "the new channel")
        assert len(line["topics"]) == 1
        await say(chat, "on the new topic")
        await equal(chat, page)


@pytest.mark.parametrize("chat", [{"UMBRAL_CHAT_SUPABASE__MEMBERSHIP_TTL": "60"}], indirect=True)
async def test_an_outdated_offer_does_not_move_a_page_off_the_current_topic(
    chat: Client, supabase: Stack, follow: Follow
) -> None:
    user, leaver = await sign_up(supabase), await sign_up(supabase, "leaver@example.com")
    await members(chat, user, leaver)
    async with follow(user) as page:
        (before,) = (await page.until(listening(), "the channel"))["topics"]
        await members_elsewhere(supabase, user)
        line = await page.until(lambda line: listening()(line) and line["topics"] != [before], "the new channel")
        (now,) = line["topics"]
        # What the channel does not tell is found by the next poll, after which the page asks for an offer.
        await command(supabase, "realtime/faults", lose=1, lose_share=0.0, topic=now)
        await say(chat, "lost on the way")
        await equal(chat, page)
        await say(chat, "heard")
        await equal(chat, page)
        # Two rounds more, each of which finds nothing. The topic of before is not even tried: it would be refused.
        await asyncio.sleep(1.2)
        assert page.lines[-1]["topics"] == [now]
        assert page.lines[-1]["refused"] == []


async def test_a_removed_member_asks_the_service_before_realtime_refuses_it(
    chat: Client, supabase: Stack, follow: Follow
) -> None:
    user, leaver = await sign_up(supabase), await sign_up(supabase, "leaver@example.com")
    await members(chat, user, leaver)
    async with follow(user) as page, follow(leaver) as former:
        await asyncio.gather(page.until(listening(), "the channel"), former.until(listening(), "the channel"))
        await members(chat, user)
        left = await former.until(lambda line: line["over"], "the end")
        assert (left["over"], left["refused"]) == ("forbidden", [])
        await say(chat, "among ourselves")
        await equal(chat, page)


async def test_a_page_without_a_session_keeps_its_token_through_a_reconnect(
    chat: Client, supabase: Stack, follow: Follow
) -> None:
    user = await sign_up(supabase)
    await members(chat, user)
    async with follow(user, elsewhere=True) as page:
        await page.until(listening(), "the channel")
        before = len(page.lines)
        await command(supabase, "realtime/drop")

        def came(topics: int, line: Line) -> bool:
            return len(line["topics"]) == topics and any(line is new for new in page.lines[before:])

        await page.until(lambda line: came(0, line), "the end of it")
        before = len(page.lines)
        await page.until(lambda line: came(1, line), "the channel again")
        assert page.lines[-1]["refused"] == []
        await say(chat, "heard")
        await equal(chat, page)


async def test_a_page_polls_where_realtime_is_off_and_listens_when_it_is_on_again(
    chat: Client, supabase: Stack, follow: Follow
) -> None:
    user = await sign_up(supabase)
    await members(chat, user)
    async with follow(user) as page:
        await page.until(listening(), "the channel")
        for off, on in (
            (chat.patch(ROOM, json={"realtime": "off"}), chat.patch(ROOM, json={"realtime": "inherit"})),
            (
                chat.put("/v1/admin/realtime", json={"enabled": False}),
                chat.put("/v1/admin/realtime", json={"enabled": True}),
            ),
        ):
            await ok(await off)
            await asyncio.sleep(0.3)
            await say(chat, "quietly")
            # Awaited at once, so `expected` is the one of this round in both.
            expected = await fresh(chat)
            await page.until(lambda line: line["topics"] == [] and line["messages"] == expected, "polling")  # noqa: B023
            await ok(await on)
            await asyncio.sleep(0.3)
            await say(chat, "aloud")
            expected = await fresh(chat)
            await page.until(lambda line: len(line["topics"]) == 1 and line["messages"] == expected, "the channel")  # noqa: B023


# Who is known as a member of the old log is told that it is gone. A service that is restored knows nobody: here nothing
# is remembered, and no poll is under way.
@pytest.mark.parametrize(
    "chat",
    [{"UMBRAL_CHAT_SUPABASE__MEMBERSHIP_TTL": "0.0001", "UMBRAL_CHAT_REALTIME__RECONCILE_INTERVAL": "600"}],
    indirect=True,
)
async def test_another_epoch_is_another_log(chat: Client, supabase: Stack, follow: Follow) -> None:
    user = await sign_up(supabase)
    await members(chat, user)
    await say(chat, "before")
    async with follow(user) as page:
        # Joined, and what was said before it was read.
        await page.until(lambda _: sum(map(listening(), page.lines)) >= 2, "the channel")
        with psycopg.connect(supabase.admin_db_url) as connection:
            connection.execute("select public.umbral_chat_new_epochs()")
        await say(chat, "after a restore")
        await equal(chat, page)


async def test_a_deletion_ends_it(chat: Client, supabase: Stack, follow: Follow) -> None:
    user = await sign_up(supabase)
    await members(chat, user)
    async with follow(user) as page:
        await page.until(listening(), "the channel")
        await ok(await chat.delete(ROOM))
        line = await page.until(lambda line: line["over"], "the end")
        assert line["over"] == "conversation_deleted"


def test_the_page_shows_the_events_that_are_offered() -> None:
    (shown,) = [json.loads(block.text) for block in blocks(PAGE) if block.language == "json"]
    assert shown["parameters"]["events"] == EVENTS
