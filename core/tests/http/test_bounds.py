"""What one visitor may hold and how fast it may ask: it takes nothing from anybody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from litestar import get
from umbral_chat._core.http.guard import check_rights
from umbral_chat.errors import PluginError

from .conftest import KEYS, Client, send

Start = Callable[..., Awaitable[Client]]

ROOM = "/v1/conversations/room"


async def token(client: Client, subject: str = "visitor", conversation: str = "room", **more: Any) -> dict[str, str]:
    """A visitor's headers."""
    body = {"conversation": conversation, "subject": subject, **more}
    answer = await client.post("/v1/tokens", json=body)
    assert answer.status_code == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


async def started(start: Start, **limits: int | float) -> Client:
    settings = {f"core__limits__{name}": str(value) for name, value in limits.items()}
    client = await start(core__keys=json.dumps(KEYS), **settings)
    client.headers["authorization"] = f"Bearer {KEYS[0]['key']}"
    return client


def refused(answer: httpx.Response, status: int, code: str, limit: float | None = None) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if limit is not None:
        assert answer.json()["limit"] == limit
        assert int(answer.headers["retry-after"]) >= 1


RATES: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "requests": ("GET", ROOM, None),
    "sends": ("POST", f"{ROOM}/messages", {"content": "x"}),
    "drafts": ("POST", f"{ROOM}/drafts", {"message_id": "m", "offset": 0, "text": "x"}),
    "markers": ("POST", f"{ROOM}/read", {"seq": 1}),
    "connects": ("POST", f"{ROOM}/connect", None),
    "transcripts": ("GET", f"{ROOM}/transcript", None),
}


@pytest.mark.parametrize("rate", RATES)
async def test_each_rate_holds_a_visitor_and_nobody_else(start: Start, rate: str) -> None:
    # A thousandth a second: nothing comes back while the test runs.
    client = await started(start, **{f"{rate}_per_second": 0.001, f"{rate}_burst": 3})
    await send(client, "room", "hello")
    visitor, other = await token(client), await token(client, "other")
    method, path, body = RATES[rate]
    for _ in range(3):
        answer = await client.request(method, path, json=body, headers=visitor)
        assert answer.status_code in {200, 201}, answer.text
    answer = await client.request(method, path, json=body, headers=visitor)
    refused(answer, 429, "rate_limited", 0.001)
    assert f"core.limits.{rate}_per_second" in answer.json()["detail"]
    # Neither another visitor, nor a service key, nor the same one for something else.
    if body is not None and "message_id" in body:
        body = body | {"message_id": "m2"}
    assert (await client.request(method, path, json=body, headers=other)).status_code in {200, 201}
    for _ in range(5):
        if body is not None and "message_id" in body:
            body = body | {"message_id": "m3"}
        assert (await client.request(method, path, json=body)).status_code in {200, 201}
    elsewhere = await client.get(f"{ROOM}/messages", headers=visitor)
    assert elsewhere.status_code == (429 if rate == "requests" else 200)


async def test_requests_are_counted_on_every_route(start: Start) -> None:
    client = await started(start, requests_per_second=0.001, requests_burst=6)
    visitor = await token(client)
    for path in ("", "/messages", "/events", "/transcript"):
        assert (await client.get(ROOM + path, headers=visitor)).status_code == 200
    # What is forbidden, and what is not there, is asked, too.
    assert (await client.get("/v1/status", headers=visitor)).status_code == 403
    assert (await client.patch(f"{ROOM}/messages/nothing", json={"content": "x"}, headers=visitor)).status_code == 404
    for path in ("", "/messages", "/events", "/transcript"):
        refused(await client.get(ROOM + path, headers=visitor), 429, "rate_limited", 0.001)
    refused(await client.post(f"{ROOM}/messages", json={"content": "x"}, headers=visitor), 429, "rate_limited")


def test_a_route_with_a_rate_that_there_is_not_does_not_start() -> None:
    @get("/x", opt={"right": "read", "rate": "polls"})
    async def handler() -> None: ...

    with pytest.raises(PluginError, match="polls"):
        check_rights([handler])


async def test_a_tokens_rates_are_not_those_of_the_key_or_user_of_its_subjects_name(start: Start) -> None:
    client = await started(start, sends_per_second=0.001, sends_burst=1)
    one, same = await token(client, "visitor"), await token(client, "visitor")
    assert (await client.post(f"{ROOM}/messages", json={"content": "x"}, headers=one)).status_code == 201
    # Another token of the same subject is the same visitor.
    refused(await client.post(f"{ROOM}/messages", json={"content": "x"}, headers=same), 429, "rate_limited")


async def held(client: Client, count: int, headers: dict[str, str] | None = None) -> list[asyncio.Task[httpx.Response]]:
    """Long polls that wait."""
    cursor = (await client.get(f"{ROOM}/events")).json()["cursor"]
    before = client.app.state.services.feeds.readers.count
    tasks = [
        asyncio.create_task(client.get(f"{ROOM}/events", params={"after": cursor, "wait": 50}, headers=headers))
        for _ in range(count)
    ]
    async with asyncio.timeout(60):
        while client.app.state.services.feeds.readers.count < before + count:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.01)
    return tasks


async def test_one_visitor_does_not_take_every_long_poll(start: Start) -> None:
    client = await started(start, readers=20, readers_per_principal=3)
    await send(client, "room", "hello")
    visitor, other = await token(client), await token(client, "other")
    waiting = await held(client, 3, visitor)
    cursor = (await client.get(f"{ROOM}/events")).json()["cursor"]
    more = await client.get(f"{ROOM}/events", params={"after": cursor, "wait": 50}, headers=visitor)
    refused(more, 429, "too_many_own_readers", 3)
    # A poll that does not wait is none of them.
    assert (await client.get(f"{ROOM}/events", params={"after": cursor}, headers=visitor)).status_code == 200
    waiting += await held(client, 3, other)
    waiting += await held(client, 5)
    await send(client, "room", "there")
    answers = await asyncio.gather(*waiting)
    assert [one.status_code for one in answers] == [200] * 11
    # The places are free again.
    waiting = await held(client, 3, visitor)
    await send(client, "room", "again")
    assert [one.status_code for one in await asyncio.gather(*waiting)] == [200] * 3


async def test_visitors_together_leave_long_polls_to_the_keys(start: Start) -> None:
    client = await started(start, readers=10, readers_per_principal=3)
    await send(client, "room", "hello")
    waiting = []
    for number in range(3):
        waiting += await held(client, 3, await token(client, f"visitor-{number}"))
    cursor = (await client.get(f"{ROOM}/events")).json()["cursor"]
    late = await token(client, "late")
    full = await client.get(f"{ROOM}/events", params={"after": cursor, "wait": 50}, headers=late)
    refused(full, 503, "too_many_readers")
    waiting += await held(client, 1)
    await send(client, "room", "there")
    assert {one.status_code for one in await asyncio.gather(*waiting)} == {200}


def piece(message_id: str, text: str = "x", offset: int = 0, **more: Any) -> dict[str, Any]:
    return {"message_id": message_id, "offset": offset, "text": text, **more}


async def test_drafts_of_a_visitor_leave_places_to_others_and_to_the_bot(start: Start) -> None:
    client = await started(start)
    drafts = f"{ROOM}/drafts"
    visitors = [await token(client, f"visitor-{number}") for number in range(3)]
    for number in range(4):
        assert (await client.post(drafts, json=piece(f"a{number}"), headers=visitors[0])).status_code == 200
    refused(await client.post(drafts, json=piece("a4"), headers=visitors[0]), 429, "too_many_own_drafts", 4)
    # It may go on with those that it has.
    assert (await client.post(drafts, json=piece("a3", "y", 1), headers=visitors[0])).json()["length"] == 2
    for number in range(4):
        assert (await client.post(drafts, json=piece(f"b{number}"), headers=visitors[1])).status_code == 200
    refused(await client.post(drafts, json=piece("c0"), headers=visitors[2]), 429, "too_many_drafts", 8)
    bot = {"role": "assistant"}
    for number in range(8):
        assert (await client.post(drafts, json=piece(f"answer-{number}", sender=bot))).status_code == 200
    refused(await client.post(drafts, json=piece("answer-8", sender=bot)), 429, "too_many_drafts", 8)


async def test_the_id_of_an_answer_is_its_authors(start: Start) -> None:
    client = await started(start)
    bot, visitor = {"role": "assistant", "name": "Bot"}, await token(client)
    drafts, messages = f"{ROOM}/drafts", f"{ROOM}/messages"
    assert (await client.post(drafts, json=piece("answer", "Hel", sender=bot))).status_code == 200
    for body in (piece("answer", "x"), piece("answer", "x", 3)):
        refused(await client.post(drafts, json=body, headers=visitor), 409, "not_your_draft")
    taken = await client.post(messages, json={"content": "x", "message_id": "answer"}, headers=visitor)
    refused(taken, 409, "not_your_draft")
    assert taken.json()["field"] == "message_id"
    # Another key is another author.
    key = {"authorization": f"Bearer {KEYS[2]['key']}"}
    refused(
        await client.post(messages, json={"content": "x", "message_id": "answer"}, headers=key), 409, "not_your_draft"
    )
    # The author was told nothing of it.
    assert (await client.post(drafts, json=piece("answer", "lo", 3, sender=bot))).json()["length"] == 5
    done = await client.post(messages, json={"content": "Hello", "message_id": "answer", "sender": bot})
    assert done.status_code == 201
    assert (await client.get(f"{ROOM}/events")).json()["drafts"] == []
    # Nor is a message that is there drafted over.
    refused(await client.post(drafts, json=piece("answer"), headers=visitor), 409, "draft_ended")


async def test_a_visitor_does_not_keep_an_id_from_the_bot_by_drafting_it_first(start: Start) -> None:
    client = await started(start)
    bot, visitor = {"role": "assistant"}, await token(client)
    drafts = f"{ROOM}/drafts"
    assert (await client.post(drafts, json=piece("answer", "mine"), headers=visitor)).status_code == 200
    assert (await client.post(drafts, json=piece("answer", "Hel", sender=bot))).json()["length"] == 3
    refused(await client.post(drafts, json=piece("answer", "x", 3), headers=visitor), 409, "not_your_draft")
    (shown,) = (await client.get(f"{ROOM}/events")).json()["drafts"]
    assert (shown["text"], shown["sender"]["role"]) == ("Hel", "assistant")
    done = await client.post(f"{ROOM}/messages", json={"content": "Hello", "message_id": "answer", "sender": bot})
    assert done.status_code == 201


async def test_a_visitor_does_not_draft_over_a_message_from_long_ago(start: Start) -> None:
    client = await started(start)
    visitor = await token(client)
    await send(client, "room", "written", message_id="old")
    client.app.state.services.drafts._ended.clear()  # as after a minute
    refused(await client.post(f"{ROOM}/drafts", json=piece("old"), headers=visitor), 409, "draft_ended")


async def test_an_instance_that_has_not_heard_of_a_draft_lets_no_visitor_take_its_id(start: Start) -> None:
    here, there = await started(start), await started(start)
    bot, visitor = {"role": "assistant"}, await token(here)
    drafts, messages = f"{ROOM}/drafts", f"{ROOM}/messages"
    assert (await here.post(drafts, json=piece("answer", "Hel", sender=bot))).status_code == 200
    assert len(there.app.state.services.drafts) == 0
    taken = await there.post(messages, json={"content": "x", "message_id": "answer"}, headers=visitor)
    refused(taken, 409, "not_your_draft")
    refused(await there.post(drafts, json=piece("answer"), headers=visitor), 409, "not_your_draft")
    own = await there.post(messages, json={"content": "x", "message_id": "mine"}, headers=visitor)
    assert own.status_code == 201
    # Its author goes on where a load balancer sends it.
    done = await there.post(messages, json={"content": "Hello", "message_id": "answer", "sender": bot})
    assert done.status_code == 201
