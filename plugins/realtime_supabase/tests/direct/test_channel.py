"""The offered channel, followed by both real clients: what a member receives, and that no other client can receive or
forge it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from umbral_chat.model.ids import decode_id, encode_id

from tests.local_supabase.people import User, refresh, sign_up
from tests.local_supabase.realtime.clients import Line, Listener, got, joined, python, said
from tests.local_supabase.service import N8N, TTL, Client, Start, add, say
from tests.local_supabase.stack.api import Stack

from .conftest import Follow, Parameters, connect, offered

# The client reads attributes that its own WebSocket library deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")

PRIVATE = {"private": True}


async def people(service: Client, supabase: Stack, *names: str) -> list[User]:
    """Sign up users and make them the members of `room`."""
    found = [await sign_up(supabase, f"{name}@example.com") for name in names]
    await add(service, *found)
    return found


def entry(seq: int) -> Callable[[Line], bool]:
    return lambda line: line.get("got") == "entry" and line["payload"]["seq"] == seq


def refused(line: Line) -> bool:
    return line.get("status") == "CHANNEL_ERROR" and "permission" in f"{line.get('error')}"


def received(listener: Listener) -> list[Any]:
    return [line["payload"] for line in listener.lines if "got" in line]


async def test_a_member_receives_what_is_sent_through_the_api(service: Client, supabase: Stack, follow: Follow) -> None:
    (user,) = await people(service, supabase, "a")
    async with follow(await offered(service, user), user) as listener:
        await joined(listener)
        sent = await say(service, user, "Ünïcödé 😀")
        line = await listener.until(entry(2), "the entry")
        epoch, _, seq = sent.json()["cursor"].partition(".")
        assert line["payload"] == {
            "conversation": "room",
            "epoch": epoch,
            "seq": int(seq),
            "entry": sent.json()["entry"],
        }


@pytest.mark.parametrize(
    "named", ["19:3f8a1b@thread.v2;messageid=17", "whatsapp:+4917012345678", "!kZmYt:matrix.example.org", "a b/c$&'"]
)
async def test_a_conversation_with_its_platforms_id_has_a_channel(
    service: Client, supabase: Stack, follow: Follow, named: str
) -> None:
    conversation = encode_id(named)
    path = quote(conversation, safe="")
    user = await sign_up(supabase, "a@example.com")
    await add(service, user, conversation=conversation)
    found = await connect(service, user, path)
    given = await offered(service, user, path)
    async with follow(given, user) as listener:
        await joined(listener)
        sent = await say(service, user, "hello", path)
        line = await listener.until(entry(2), "the entry")
        assert decode_id(line["payload"]["conversation"]) == named
    gap = await service.get(given["fill_gap"].replace("{cursor}", found["cursor"]), headers=user.bearer)
    assert gap.json()["entries"] == [sent.json()["entry"]]


async def test_a_long_entry_arrives_as_a_head_and_is_read_where_the_offer_says(
    start: Start, supabase: Stack, follow: Follow
) -> None:
    service = await start(CORE__LIMITS__CONTENT_CHARS="250000")
    (user,) = await people(service, supabase, "a")
    found = await connect(service, user)
    given = await offered(service, user)
    async with follow(given, user) as listener:
        await joined(listener)
        sent = await say(service, user, "x" * 210_000)
        assert sent.status_code == 201, sent.text
        line = await listener.until(entry(2), "the head")
        assert set(line["payload"]) == {"conversation", "epoch", "seq"}
        gap = await service.get(given["fill_gap"].replace("{cursor}", found["cursor"]), headers=user.bearer)
        assert gap.json()["entries"] == [sent.json()["entry"]]


async def test_only_a_member_may_join_and_receives_anything(service: Client, supabase: Stack, follow: Follow) -> None:
    user, stranger = (*await people(service, supabase, "a"), await sign_up(supabase, "stranger@example.com"))
    given = await offered(service, user)
    async with (
        follow(given, user) as member,
        follow(given, stranger) as other,
        python(supabase, given["topic"], config=PRIVATE) as unauthenticated,
        python(supabase, given["topic"]) as public,
    ):
        await asyncio.gather(
            joined(member), joined(public), *(each.until(refused, "the refusal") for each in (other, unauthenticated))
        )
        await say(service, user, "between us")
        await member.until(entry(2), "the entry")
        assert [received(each) for each in (other, unauthenticated, public)] == [[], [], []]


async def test_no_client_can_forge_what_another_member_receives(
    service: Client, supabase: Stack, follow: Follow
) -> None:
    user, other = await people(service, supabase, "a", "b")
    given = await offered(service, user)
    forged = {"conversation": "room", "epoch": "aaaaaaaaaa", "seq": 99, "entry": {"content": "forged"}}
    async with (
        follow(given, user) as victim,
        follow(given, other) as member,
        python(supabase, given["topic"]) as public,
    ):
        await asyncio.gather(joined(victim), joined(member), joined(public))
        for each in (member, public):
            await each.tell(send="entry", payload=forged)
        await broadcast_over_http(supabase, given, forged, other)
        await say(service, user, "the end")
        await victim.until(entry(2), "what was really said")
        assert [payload["seq"] for payload in received(victim)] == [2]


async def broadcast_over_http(supabase: Stack, given: Parameters, forged: dict[str, Any], user: User) -> None:
    """Broadcast in both forms of Realtime's HTTP API, as a member and with the key alone, private and public."""
    api = f"{supabase.url}/realtime/v1/api/broadcast"
    async with httpx.AsyncClient(headers={"apikey": supabase.publishable_key}) as http:
        for headers in (user.bearer, {}):
            for private in (True, False):
                message = {"topic": given["topic"], "event": "entry", "payload": forged, "private": private}
                # A batch is answered with 202, whether or not it is delivered.
                assert (await http.post(api, json={"messages": [message]}, headers=headers)).status_code == 202
            topic = given["topic"].replace("/", "%2F")
            one = await http.post(f"{api}/{topic}/events/entry?private=true", json=forged, headers=headers)
            assert one.status_code == 403


async def test_a_removed_member_receives_nothing_more_and_the_others_continue(
    service: Client, supabase: Stack, follow: Follow
) -> None:
    user, leaver = await people(service, supabase, "a", "leaver")
    given = await offered(service, user)
    async with follow(given, user) as member, follow(given, leaver) as former:
        await asyncio.gather(joined(member), joined(former))
        await say(service, user, "while you are here")
        await asyncio.gather(*(each.until(entry(2), "the entry") for each in (member, former)))
        await add(service, user)
        moved = await member.until(got("moved"), "the move")
        await former.until(got("moved"), "the move")
        assert moved["payload"]["topic"] != given["topic"]
        async with (
            follow(given | {"topic": moved["payload"]["topic"]}, user) as again,
            follow(given | {"topic": moved["payload"]["topic"]}, leaver) as intruder,
            follow(given, leaver) as old,
        ):
            await joined(again)
            for each in (intruder, old):
                await each.until(refused, "the refusal")
            await say(service, user, "now that we are alone")
            await again.until(entry(4), "the entry")
            assert [payload.get("seq") for payload in received(former)] == [2, None]
            assert received(intruder) + received(old) == []


async def test_a_removed_members_channel_ends_when_its_token_is_renewed(
    service: Client, supabase: Stack, follow: Follow
) -> None:
    user, leaver = await people(service, supabase, "a", "leaver")
    async with follow(await offered(service, leaver), leaver) as former:
        await joined(former)
        await add(service, user)
        await former.until(got("moved"), "the move")
        await former.tell(token=(await refresh(supabase, leaver)).access_token)
        await former.until(said("do not have permissions to read"), "the end")


async def test_a_deletion_is_broadcast(service: Client, supabase: Stack, follow: Follow) -> None:
    (user,) = await people(service, supabase, "a")
    found = await connect(service, user)
    async with follow(await offered(service, user), user) as listener:
        await joined(listener)
        assert (await service.delete("/v1/conversations/room", headers=N8N)).status_code == 204
        line = await listener.until(got("deleted"), "the deletion")
        assert line["payload"] == {"conversation": "room", "epoch": found["cursor"].partition(".")[0]}


async def test_members_of_a_deleted_log_receive_nothing_of_its_successor(
    service: Client, supabase: Stack, follow: Follow
) -> None:
    user, leaver = await people(service, supabase, "a", "leaver")
    async with follow(await offered(service, leaver), leaver) as former:
        await joined(former)
        await service.delete("/v1/conversations/room", headers=N8N)
        await former.until(got("deleted"), "the deletion")
        await add(service, user)
        await asyncio.sleep(TTL)
        async with follow(await offered(service, user), user) as member:
            await joined(member)
            await say(service, user, "anew")
            await member.until(entry(2), "the entry")
        assert [line["got"] for line in former.lines if "got" in line] == ["deleted"]


async def test_a_redaction_leaves_nothing_for_replay(service: Client, supabase: Stack, follow: Follow) -> None:
    user, _ = await people(service, supabase, "a", "leaver")
    sent = await service.post("/v1/conversations/room/messages", headers=user.bearer, json={"content": "a secret"})
    await add(service, user)
    message = sent.json()["entry"]["message_id"]
    answer = await service.delete(f"/v1/conversations/room/messages/{message}", headers=N8N)
    assert answer.status_code == 200, answer.text
    await asyncio.sleep(TTL)
    given = await offered(service, user)
    replay = given | {"config": given["config"] | {"broadcast": {"replay": {"since": 1, "limit": 25}}}}
    async with follow(replay, user) as listener:
        await joined(listener)
        await say(service, user, "the end")
        await listener.until(entry(5), "what was said last")
        assert "a secret" not in str(listener.lines)
