"""Whoever may read a conversation reads all of it, on every edge: the same as a service key, but for what is the
caller's own and for who people are behind their names in presence. A route that is not in the tables fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
from umbral_chat._core.auth.gate import authorize
from umbral_chat._core.auth.rights import ALL_RIGHTS
from umbral_chat.errors import Forbidden
from umbral_chat.model.entries import Role
from umbral_chat.model.ids import ID_LIMIT, check_conversation_id
from umbral_chat.model.internal import internal_id, is_internal
from umbral_chat.providers.auth import Principal

from .conftest import KEYS, Client, entries, send
from .test_app import routes
from .test_bounds import token

Start = Callable[..., Awaitable[Client]]

ROOM = "/v1/conversations/room"

PUBLIC_TO_READERS = {
    "title": "Order 1042",
    "metadata": {"order": 1042},
    "members": [{"subject": "desk-1", "role": "agent", "name": "Desk"}],
}
"""What `api/views.py` says of each beside it: seen by whoever may read the conversation."""

OWN = {"unread"}
"""What is the caller's own in any answer."""

NO_IDS = {"id", "devices"}
"""What presence tells service keys and moderators alone; `last_seen` only those with the right."""

READ = {
    ("GET", ROOM): OWN,
    ("GET", f"{ROOM}/messages"): set(),
    ("GET", f"{ROOM}/events"): {"presence"},  # as `GET …/presence`, below
    ("GET", f"{ROOM}/transcript"): set(),
    ("GET", f"{ROOM}/context"): set(),
    ("GET", f"{ROOM}/presence"): {"last_seen", "version", *NO_IDS},
    ("POST", f"{ROOM}/connect"): {"ticket"},  # single use, so that each is another
}
"""Every route that shows something for the right `read`, with the fields in which answers may differ."""

ACTS = {
    ("POST", f"{ROOM}/read"),
    ("PUT", f"{ROOM}/presence"),
    ("DELETE", f"{ROOM}/presence"),
    ("POST", f"{ROOM}/tickets"),
}
"""Routes for the right `read` that answer about the caller alone."""

STREAMS = {("GET", f"{ROOM}/stream")}
"""Routes whose answers do not end."""


def without(value: Any, fields: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: without(one, fields) for name, one in value.items() if name not in fields}
    return [without(one, fields) for one in value] if isinstance(value, list) else value


@pytest.fixture
async def room(start: Start) -> Client:
    """A conversation that holds all that one can."""
    client = await start(core__keys=json.dumps(KEYS))
    client.headers["authorization"] = f"Bearer {KEYS[0]['key']}"
    made = await client.post("/v1/conversations", json={"id": "room", **PUBLIC_TO_READERS})
    assert made.status_code == 201
    bot = {"role": "assistant", "name": "Bot"}
    await send(client, "room", "hello", message_id="m1", client_id="run-77", sender=bot, metadata={"cost": 3})
    await send(client, "room", "wrong", message_id="m2", sender={"role": "agent", "id": "desk-1"})
    assert (await client.patch(f"{ROOM}/messages/m1", json={"content": "Hello", "client_id": "run-78"})).is_success
    assert (await client.delete(f"{ROOM}/messages/m2")).is_success
    assert (
        await client.patch(ROOM, json={"metadata": {"order": 1042}, "responder": "human", "assignee": "d"})
    ).is_success
    draft = {"message_id": "m3", "offset": 0, "text": "One mo", "sender": bot}
    assert (await client.post(f"{ROOM}/drafts", json=draft)).is_success
    run = {"run_id": "r1", "for_seq": 1, "sender": bot, "metadata": {"execution": 7}}
    assert (await client.post(f"{ROOM}/runs", json=run)).is_success
    tool = {"state": "tool", "label": "Looking up", "execution_id": "4711"}
    assert (await client.post(f"{ROOM}/runs/r1/progress", json=tool)).is_success
    assert (await client.post(f"{ROOM}/runs", json=run | {"run_id": "r2"})).is_success
    assert (await client.post(f"{ROOM}/runs/r2/end", json={"outcome": "failed", "reason": "quota"})).is_success
    return client


async def answers(client: Client, method: str, path: str, visitor: dict[str, str]) -> tuple[Any, Any]:
    """Of a service key, and of a visitor."""
    found = [await client.request(method, path, headers=headers) for headers in ({}, visitor)]
    assert [one.status_code for one in found] == [200, 200], found[1].text
    return found[0].json(), found[1].json()


async def test_a_visitor_reads_what_a_key_reads(room: Client) -> None:
    visitor = await token(room)
    for (method, path), differs in READ.items():
        for_key, for_visitor = await answers(room, method, path, visitor)
        assert without(for_visitor, differs) == without(for_key, differs), path


async def streamed(client: Client, headers: dict[str, str]) -> list[str]:
    """The events of a stream up to its last entry, as they are sent."""
    request = client.build_request("GET", f"{ROOM}/stream", headers=headers)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": "http",
        "path": request.url.path,
        "raw_path": request.url.raw_path,
        "query_string": b"",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    head = (await client.get(f"{ROOM}/events", headers=headers)).json()["head"]
    body = bytearray()
    complete = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await asyncio.wait_for(complete.wait(), 20)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        body.extend(message.get("body", b""))
        if body.count(b"event: entry") == head and body.endswith(b"\n\n"):
            complete.set()

    await asyncio.wait_for(cast("Any", client.app)(scope, receive, send), 20)
    return [event for event in body.decode().split("\n\n") if "event: entry" in event]


async def test_a_visitors_stream_has_the_entries_that_a_keys_has(room: Client) -> None:
    for_key, for_visitor = await streamed(room, {}), await streamed(room, await token(room))
    assert for_visitor == for_key
    assert len(for_key) > 5


async def test_every_route_that_visitors_may_call_is_judged(room: Client) -> None:
    readable = {
        (method, path.replace("{conversation:str}", "room"))
        for method, path, right in routes(room)
        if right == "read" and method not in {"HEAD", "OPTIONS"}
    }
    assert readable == READ.keys() | ACTS | STREAMS


async def test_what_is_public_to_readers_is_in_entries_and_in_the_conversation(room: Client) -> None:
    visitor = await token(room)
    _, shown = await answers(room, "GET", ROOM, visitor)
    assert {name: shown[name] for name in PUBLIC_TO_READERS} == PUBLIC_TO_READERS
    log = (await room.get(f"{ROOM}/events", headers=visitor)).json()["entries"]
    assert log == await entries(room, "room")
    (made, *_) = [entry for entry in log if entry["kind"] == "update"]
    assert made["changes"] == PUBLIC_TO_READERS
    assert [entry.get("client_id") for entry in log if entry.get("message_id") == "m1"] == ["run-77", "run-78"]


async def test_a_long_poll_tells_a_visitor_the_whole_entry(room: Client) -> None:
    visitor = await token(room)
    cursor = (await room.get(f"{ROOM}/events", headers=visitor)).json()["cursor"]
    query: dict[str, str | int] = {"after": cursor, "wait": 50}
    waiting = asyncio.create_task(room.get(f"{ROOM}/events", params=query, headers=visitor))
    while not room.app.state.services.feeds.waited_on:  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0.01)
    sent = await send(room, "room", "later", client_id="run-79", metadata={"cost": 4})
    assert (await waiting).json()["entries"] == [sent["entry"]]


async def test_other_peoples_ids_are_no_visitors_business_in_presence(room: Client) -> None:
    visitor = await token(room)
    body = {"sender": {"role": "agent", "id": "desk-1", "name": "Desk"}, "metadata": {"ip": "x"}}
    assert (await room.put(f"{ROOM}/presence", json=body)).is_success
    for_key, for_visitor = await answers(room, "GET", f"{ROOM}/presence", visitor)
    assert [person["id"] for person in for_key["people"]] == ["desk-1"]
    assert "last_seen" in for_key
    told = json.dumps(for_visitor)
    assert "desk-1" not in told
    assert "last_seen" not in told
    assert for_visitor["people"] == without(for_key["people"], NO_IDS)
    for_key, for_visitor = await answers(room, "GET", f"{ROOM}/events", visitor)
    assert for_visitor["presence"] == without(for_key["presence"], READ["GET", f"{ROOM}/presence"]) | {
        "version": for_visitor["presence"]["version"]
    }


async def test_visitors_see_no_list_of_conversations_and_nothing_of_others(room: Client) -> None:
    visitor = await token(room)
    await send(room, "other", "hello")
    refused = await room.get("/v1/conversations", headers=visitor)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    for method, path in READ:
        answer = await room.request(method, path.replace("room", "other"), headers=visitor)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_conversation"), path


# internal conversations


def test_the_internal_conversation_of_every_id() -> None:
    assert internal_id("order-1042") == "internal:order-1042"
    assert internal_id("a" * 119) == "internal:" + "a" * 119
    long = internal_id("a" * 120)
    assert long.startswith("internal.sha256:")
    assert len({long, internal_id("a" * 121), internal_id("a" * ID_LIMIT)}) == 3
    for one in ("x", "a" * ID_LIMIT, "internal:x"):
        assert check_conversation_id(internal_id(one)) == internal_id(one)
        assert is_internal(internal_id(one))
    for other in ("internal", "internal.x", "Internal:x", "an-internal:x"):
        assert not is_internal(other)


@pytest.mark.parametrize("conversation", [internal_id("room"), internal_id("r" * ID_LIMIT)], ids=["plain", "long"])
async def test_there_are_no_tokens_for_an_internal_conversation(room: Client, conversation: str) -> None:
    await send(room, conversation, "a note to colleagues")
    for more in ({}, {"role": "agent"}, {"rights": ["read"]}):
        answer = await room.post("/v1/tokens", json={"conversation": conversation, "subject": "v", **more})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
            400,
            "invalid_field",
            "conversation",
        )
    # Nor does the one of the conversation itself open it.
    visitor = await token(room)
    for spelt in (conversation, conversation.replace(":", "%3A")):
        answer = await room.get(f"/v1/conversations/{spelt}/messages", headers=visitor)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_conversation")
    assert (await room.get(f"/v1/conversations/{conversation}/messages")).json()["messages"]


async def test_members_of_an_internal_conversation_are_agents(room: Client) -> None:
    conversation = internal_id("room")

    async def member(role: Role) -> httpx.Response:
        body = {"id": conversation, "members": [{"subject": "a", "role": "agent"}, {"subject": "b", "role": role}]}
        return await room.post("/v1/conversations", json=body)

    roles: list[Role] = ["user", "assistant", "system"]
    for role in roles:
        answer = await member(role)
        assert (answer.status_code, answer.json()["field"]) == (400, "members[1].role")
    assert (await member("agent")).status_code == 201
    answer = await room.patch(f"/v1/conversations/{conversation}", json={"members": [{"subject": "b"}]})
    assert (answer.status_code, answer.json()["field"]) == (400, "members[0].role")


@pytest.mark.parametrize("right", sorted(ALL_RIGHTS))
def test_no_right_opens_an_internal_conversation_to_a_visitor_or_user(right: Any) -> None:
    def caller(kind: Any, role: Role) -> Principal:
        return Principal(kind=kind, subject="x", rights=ALL_RIGHTS, role=role)

    for conversation in (internal_id("room"), internal_id("r" * ID_LIMIT)):
        closed: list[tuple[str, Role]] = [("user", "user"), ("user", "assistant"), ("user", "system")]
        for kind, role in [*closed, ("token", "user"), ("token", "agent")]:
            with pytest.raises(Forbidden) as raised:
                authorize(caller(kind, role), right, conversation)
            assert raised.value.code == "internal_conversation"
        authorize(caller("user", "agent"), right, conversation)
        authorize(caller("key", "user"), right, conversation)
    authorize(caller("user", "user"), right, "room")
