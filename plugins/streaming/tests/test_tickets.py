"""Tickets: for one stream, once, within a minute, at any instance, and shown nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from umbral_chat.errors import ConversationDeleted, Unauthorized
from umbral_chat.providers.auth import Principal
from umbral_chat_streaming.tickets import NAMESPACE, TTL, Tickets

from .live import Live

Start = Callable[..., Awaitable[Live]]

KEYS = json.dumps(
    [
        {"name": "n8n", "key": "n8n-key-for-tests-only-0001"},
        {"name": "bot", "key": "bot-key-for-tests-only-00001", "rights": ["send"]},
    ]
)
KEY = {"Authorization": "Bearer n8n-key-for-tests-only-0001"}
PATH = "/v1/conversations/room/tickets"


async def issue(service: Live, headers: dict[str, str] = KEY, path: str = PATH) -> str:
    answer = await service.client.post(path, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    left = datetime.fromisoformat(answer.json()["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=TTL - 20) < left <= timedelta(seconds=TTL)
    return str(answer.json()["ticket"])


async def token(service: Live, **claims: Any) -> dict[str, str]:
    body = {"conversation": "room", "subject": "ada", "rights": ["read"], "ttl": 60, **claims}
    made = await service.client.post("/v1/tokens", headers=KEY, json=body)
    return {"Authorization": f"Bearer {made.json()['token']}"}


async def test_any_instance_redeems_a_ticket_and_once(start: Start) -> None:
    one, two = await start(CORE__KEYS=KEYS), await start(CORE__KEYS=KEYS)
    await one.client.post("/v1/conversations/room/messages", headers=KEY, json={"content": "hello"})
    ticket = await issue(one)
    async with two.stream(ticket=ticket) as stream:
        assert await stream.entries(1) == ["hello"]
    for service in (one, two):
        problem = await service.refused(params={"ticket": ticket})
        assert (problem["status"], problem["code"]) == (401, "invalid_ticket")


async def test_of_many_who_redeem_it_at_once_one_does(start: Start) -> None:
    one, two = await start(CORE__KEYS=KEYS), await start(CORE__KEYS=KEYS)
    principal = Principal(kind="key", subject="key:n8n", rights=frozenset({"read"}))
    for _ in range(5):
        ticket = (await Tickets(one.services).issue(principal, "room")).ticket
        tries = [Tickets(service.services).redeem(ticket, "room") for service in (one, two) * 5]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(outcome, Principal) for outcome in outcomes) == 1
        assert all(isinstance(outcome, Principal | Unauthorized) for outcome in outcomes)


async def test_it_is_for_its_conversation_and_its_log(start: Start) -> None:
    service = await start(CORE__KEYS=KEYS)
    await service.client.post("/v1/conversations", headers=KEY, json={"id": "room"})
    problem = await service.refused("/v1/conversations/other/stream", params={"ticket": await issue(service)})
    assert problem["code"] == "invalid_ticket"
    ticket = await issue(service)
    await service.client.delete("/v1/conversations/room", headers=KEY)
    await service.client.post("/v1/conversations", headers=KEY, json={"id": "room"})
    assert (await service.refused(params={"ticket": ticket}))["code"] == "conversation_deleted"


async def test_it_carries_no_more_rights_than_its_owner(start: Start) -> None:
    service = await start(CORE__KEYS=KEYS)
    bot = {"Authorization": "Bearer bot-key-for-tests-only-00001"}
    answer = await service.client.post(PATH, headers=bot)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await service.client.post(PATH)).status_code == 401
    visitor = await token(service)
    ticket = await issue(service, visitor)
    answer = await service.client.get("/v1/conversations/room/messages", params={"ticket": ticket})
    assert answer.status_code == 401  # it opens a stream, and nothing else
    async with service.stream(ticket=ticket) as stream:
        await stream.status()


async def test_it_is_kept_by_its_hash_without_a_credential(start: Start) -> None:
    service = await start(CORE__KEYS=KEYS)
    visitor = await token(service)
    ticket = await issue(service, visitor)
    (key, record), *rest = (await service.services.storage.store.scan(NAMESPACE)).items()
    assert rest == []
    stored = key.encode() + record.value
    assert ticket.encode() not in stored
    assert visitor["Authorization"].removeprefix("Bearer ").encode() not in stored


async def test_the_stream_of_a_ticket_ends_with_the_token(service: Live) -> None:
    tickets = Tickets(service.services)
    expires = service.services.base.clock.now().timestamp() + 1.5
    principal = Principal(kind="token", subject="ada", rights=frozenset({"read"}), expires_at=expires)
    ticket = (await tickets.issue(principal, "room")).ticket
    async with service.stream(ticket=ticket) as stream:
        closed = await stream.closed()
    assert (closed["code"], closed["reconnect"]) == ("token_expired", "renew")
    ticket = (await tickets.issue(principal, "room")).ticket
    assert (await service.refused(params={"ticket": ticket}))["code"] == "token_expired"


async def test_no_ticket_for_a_conversation_that_is_gone(service: Live) -> None:
    await service.send("one")
    await service.client.delete("/v1/conversations/room")
    with pytest.raises(ConversationDeleted):
        await Tickets(service.services).issue(Principal(kind="key", subject="k", rights=frozenset({"read"})), "room")


async def test_pages_of_other_origins_get_no_ticket(service: Live) -> None:
    answer = await service.client.post(PATH, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")


@pytest.mark.parametrize("http", ["true", "false"])
async def test_no_log_metric_or_problem_shows_it(start: Start, caplog: pytest.LogCaptureFixture, http: str) -> None:
    caplog.set_level(logging.DEBUG)
    service = await start(CORE__KEYS=KEYS, TELEMETRY__HTTP=http, CORE__LOG_LEVEL="debug")
    ticket = await issue(service)
    async with service.stream(ticket=ticket) as stream:
        await stream.status()
    for params in ({"ticket": ticket}, {"ticket": ticket, "x": "1"}, [("ticket", ticket), ("ticket", ticket)]):
        problem = await service.client.get("/v1/conversations/room/stream", params=params)  # type: ignore[arg-type]
        assert problem.status_code in {400, 401}
        assert ticket not in problem.text
    metrics = await service.client.get("/metrics", headers=KEY)
    assert ticket not in metrics.text
    # httpx, the client of this test, logs its own requests.
    own = [record for record in caplog.records if record.name.partition(".")[0] not in {"httpx", "httpcore"}]
    assert not [record for record in own if ticket in record.getMessage()]
