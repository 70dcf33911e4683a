"""Both real clients, supabase-py and supabase-js, pass the same tests on the stand-in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest

from tests.local_supabase.people import command, refresh, sign_up
from tests.local_supabase.stack.api import Stack

from .clients import Line, Listener, got, javascript, joined, python, said, subscribed

# The client reads attributes that its own WebSocket library deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")

Make = Callable[..., Any]


@pytest.fixture(params=["python", "javascript"])
def client(request: pytest.FixtureRequest) -> Make:
    """Each of the two real clients."""
    return {"python": python, "javascript": javascript}[request.param]


@pytest.fixture
async def stack(supabase: Stack) -> AsyncIterator[Stack]:
    await command(supabase, "realtime/reset")
    yield supabase
    await command(supabase, "realtime/reset")


PRIVATE = {"private": True}


async def again(listener: Listener, before: int) -> None:
    """Wait until the channel was joined more than `before` times."""
    await listener.until(lambda _: sum(map(subscribed, listener.lines)) > before, "being subscribed again", within=20)


def insert(stack: Stack, topic: str, event: str = "e", payload: str = '{"n": 1}', *, private: bool = True) -> str:
    with psycopg.connect(stack.admin_db_url) as connection:
        row = connection.execute(
            "insert into realtime.messages (topic, extension, event, payload, private) "
            "values (%s, 'broadcast', %s, %s, %s) returning id::text",
            (topic, event, payload, private),
        ).fetchone()
    assert row is not None
    return str(row[0])


@asynccontextmanager
async def policies(stack: Stack) -> AsyncIterator[None]:
    """Policies of the project: signed-in users may read and write `room:…`, but not write `room:quiet`."""
    with psycopg.connect(stack.admin_db_url) as connection:
        connection.execute(
            "create policy test_read on realtime.messages for select to authenticated "
            "using ((select realtime.topic()) like 'room:%' and (select realtime.topic()) <> 'room:secret');"
            "create policy test_write on realtime.messages for insert to authenticated "
            "with check ((select realtime.topic()) like 'room:%' and (select realtime.topic()) <> 'room:quiet')"
        )
    try:
        yield
    finally:
        with psycopg.connect(stack.admin_db_url) as connection:
            connection.execute(
                "drop policy test_read on realtime.messages; drop policy test_write on realtime.messages"
            )


async def test_two_clients_on_a_public_channel_receive_from_each_other(client: Make, stack: Stack) -> None:
    async with client(stack, "room:1") as one, python(stack, "room:1") as two:
        await asyncio.gather(joined(one), joined(two))
        await one.tell(send="hello", payload={"text": "Ünï 😀"})
        assert (await two.until(got("hello"), "the broadcast"))["payload"] == {"text": "Ünï 😀"}
        await two.tell(send="back", payload={"n": 1})
        await one.until(got("back"), "the answer")
        # A client does not receive its own broadcasts unless it asks for that.
        assert not any(got("hello")(line) for line in one.lines)


async def test_a_public_and_a_private_channel_of_one_name_are_different_topics(client: Make, stack: Stack) -> None:
    user = await sign_up(stack)
    async with (
        policies(stack),
        client(stack, "room:1") as public,
        client(stack, "room:1", token=user.access_token, config=PRIVATE) as private,
    ):
        await asyncio.gather(joined(public), joined(private))
        insert(stack, "room:1", "for-members")
        await private.until(got("for-members"), "the broadcast")
        assert not any("got" in line for line in public.lines)


async def test_a_join_that_policies_forbid_is_refused(client: Make, stack: Stack) -> None:
    user = await sign_up(stack)
    async with policies(stack), client(stack, "room:secret", token=user.access_token, config=PRIVATE) as listener:
        line = await listener.until(lambda line: line.get("status") == "CHANNEL_ERROR", "the refusal")
        assert "You do not have permissions to read from this Channel topic: room:secret" in line["error"]


async def test_a_member_receives_from_the_database_and_a_stranger_may_not_join(client: Make, stack: Stack) -> None:
    member, stranger = await sign_up(stack), await sign_up(stack, "b@example.com")
    entry = f'{{"kind":"update","sender":{{"role":"system"}},"changes":{{"members":[{{"subject":"{member.id}"}}]}}}}'
    async with httpx.AsyncClient(
        timeout=30, headers={"apikey": stack.secret_key}, base_url=f"{stack.url}/rest/v1/rpc/"
    ) as rpc:
        given = {"p_conversation": "room", "p_author": "desk"}
        await rpc.post("umbral_chat_update", json=given | {"p_entry": entry})
        found = await rpc.post("umbral_chat_membership", json={"p_conversation": "room", "p_subject": member.id})
        topic = found.json()["topic"]
        async with client(stack, topic, token=member.access_token, config=PRIVATE) as listener:
            await joined(listener)
            message = '{"kind":"message","sender":{"role":"user"},"message_id":"m","content":"hi"}'
            appended = (await rpc.post("umbral_chat_append", json=given | {"p_entry": message})).json()
            line = await listener.until(got("entry"), "the entry")
            assert line["payload"]["entry"] == appended["entry"]
            assert line["meta"]["id"]
            async with client(stack, topic, token=stranger.access_token, config=PRIVATE) as other:
                await other.until(lambda line: line.get("status") == "CHANNEL_ERROR", "the refusal")


async def test_the_service_receives_on_its_topic_and_a_user_may_not_join(client: Make, stack: Stack) -> None:
    user = await sign_up(stack)
    async with client(stack, "umbral_chat:s:0", key=stack.secret_key, config=PRIVATE) as service:
        await joined(service)
        async with client(stack, "umbral_chat:s:0", token=user.access_token, config=PRIVATE) as other:
            await other.until(lambda line: line.get("status") == "CHANNEL_ERROR", "the refusal")
        insert(stack, "umbral_chat:s:0")
        await service.until(got("e"), "the broadcast")


async def test_what_is_inserted_while_replication_is_down_is_never_delivered_live(client: Make, stack: Stack) -> None:
    async with client(stack, "room:1", key=stack.secret_key, config=PRIVATE) as listener:
        await joined(listener)
        insert(stack, "room:1", "first")
        await listener.until(got("first"), "the first")
        await command(stack, "realtime/replication", on=False)
        insert(stack, "room:1", "lost")
        await command(stack, "realtime/replication", on=True)
        insert(stack, "room:1", "third")
        await listener.until(got("third"), "the third")
        assert [line["got"] for line in listener.lines if "got" in line] == ["first", "third"]


async def test_what_is_inserted_while_nobody_is_there_is_not_delivered_to_who_joins_later(
    client: Make, stack: Stack
) -> None:
    async with client(stack, "room:1", key=stack.secret_key, config=PRIVATE) as listener:
        await joined(listener)
    insert(stack, "room:1", "unheard")
    async with client(stack, "room:1", key=stack.secret_key, config=PRIVATE) as listener:
        await joined(listener)
        insert(stack, "room:1", "heard")
        await listener.until(got("heard"), "the broadcast")
        assert [line["got"] for line in listener.lines if "got" in line] == ["heard"]


async def test_a_rolled_back_row_is_not_delivered(client: Make, stack: Stack) -> None:
    async with client(stack, "room:1", key=stack.secret_key, config=PRIVATE) as listener:
        await joined(listener)
        with psycopg.connect(stack.admin_db_url) as connection:
            connection.execute(
                "insert into realtime.messages (topic, extension, event, payload, private) "
                "values ('room:1', 'broadcast', 'never', '{}', true)"
            )
            connection.rollback()
        insert(stack, "room:1", "kept")
        await listener.until(got("kept"), "the kept one")
        assert [line["got"] for line in listener.lines if "got" in line] == ["kept"]


def replayed(line: Line) -> bool:
    return "got" in line and line["meta"].get("replayed") is True


async def test_replay_sends_the_newest_25_and_marks_them(client: Make, stack: Stack) -> None:
    since = int(time.time() * 1000) - 60_000
    for number in range(30):
        insert(stack, "room:1", "old", f'{{"n": {number}}}')
    config = PRIVATE | {"broadcast": {"replay": {"since": since, "limit": 25}}}
    async with client(stack, "room:1", key=stack.secret_key, config=config) as listener:
        await joined(listener)
        # Decoding may not have reached the last ones, and delivers them live as well.
        await listener.until(lambda line: replayed(line) and line["payload"] == {"n": 29}, "the newest")
        assert [line["payload"]["n"] for line in listener.lines if replayed(line)] == list(range(5, 30))


async def test_presence_is_sent_to_all_clients(client: Make, stack: Stack) -> None:
    config = {"presence": {"enabled": True, "key": "me"}}
    async with client(stack, "room:1", config=config) as one:
        await joined(one)
        await one.tell(track={"name": "Añ"})
        other = {"presence": {"enabled": True, "key": "you"}}
        async with python(stack, "room:1", config=other) as two:
            await joined(two)
            line = await two.until(lambda line: "me" in line.get("presence", {}), "who was here")
            assert line["presence"]["me"][0]["name"] == "Añ"
            await two.tell(track={"name": "B"})
            await one.until(lambda line: "you" in line.get("presence", {}), "who came")
        await one.until(
            lambda line: "presence" in line and line is one.lines[-1] and "you" not in line["presence"], "who left"
        )


async def test_a_refreshed_token_keeps_the_channel_and_a_bad_one_ends_it(client: Make, stack: Stack) -> None:
    user = await sign_up(stack)
    async with policies(stack), client(stack, "room:1", token=user.access_token, config=PRIVATE) as listener:
        await joined(listener)
        await listener.tell(token=(await refresh(stack, user)).access_token)
        await asyncio.sleep(0.3)
        insert(stack, "room:1", "still")
        await listener.until(got("still"), "the broadcast")
        await listener.tell(token=user.access_token[:-6] + "AAAAAA")
        await listener.until(said("signature"), "the reason")


async def test_an_expired_token_ends_the_channel_and_not_the_socket(client: Make, stack: Stack) -> None:
    user = await sign_up(stack)
    async with policies(stack), client(stack, "room:1", token=user.access_token, config=PRIVATE) as listener:
        await joined(listener)
        await command(stack, "realtime/expire", topic="room:1")
        await listener.until(said("Token has expired"), "the reason")
        await listener.until(lambda line: line.get("status") in {"CLOSED", "CHANNEL_ERROR"}, "the end")
        assert (await state(stack))["sockets"] == 1


async def state(stack: Stack) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=30) as http:
        found: dict[str, Any] = (await http.get(f"{stack.url}/_control/realtime/state")).json()
    return found


@pytest.mark.parametrize(("what", "body"), [("drop", {}), ("close", {"code": 1012}), ("restart", {"seconds": 0.5})])
async def test_a_client_that_was_disconnected_rejoins_and_receives_again(
    client: Make, stack: Stack, what: str, body: dict[str, Any]
) -> None:
    async with client(stack, "room:1", key=stack.secret_key, config=PRIVATE) as listener:
        await joined(listener)
        before = sum(map(subscribed, listener.lines))
        await command(stack, f"realtime/{what}", **body)
        await again(listener, before)
        # A join does not wait until the database's broadcasts are delivered.
        await command(stack, "realtime/replication", on=True)
        insert(stack, "room:1", "after")
        await listener.until(got("after"), "the broadcast")


async def test_a_crashed_channel_is_joined_again(client: Make, stack: Stack) -> None:
    async with client(stack, "room:1", key=stack.secret_key, config=PRIVATE) as listener:
        await joined(listener)
        before = sum(map(subscribed, listener.lines))
        await command(stack, "realtime/crash", topic="room:1")
        await again(listener, before)


async def test_too_many_messages_end_the_channel(client: Make, stack: Stack) -> None:
    await command(stack, "realtime/limits", events_per_second=0.01, tick=0.1, buckets=1000)
    async with client(
        stack, "room:1", key=stack.secret_key, config=PRIVATE | {"broadcast": {"self": True}}
    ) as listener:
        await joined(listener)
        await listener.tell(send="much", payload={"n": 1})
        await listener.until(got("much"), "the first")
        await asyncio.sleep(0.2)
        await listener.tell(send="much", payload={"n": 2})
        await listener.until(said("Too many messages"), "the reason")
