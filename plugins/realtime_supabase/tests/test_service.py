"""A whole service on the local Supabase, as its users meet it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from supabase import AsyncClientOptions, acreate_client

from tests.local_supabase.people import (
    command,
    refresh,
    sign_in,
    sign_in_anonymously,
    sign_out,
    sign_up,
)
from tests.local_supabase.service import N8N, TTL, Client, Start, add, instances, poll, say
from tests.local_supabase.stack.api import Stack


@pytest.fixture
async def start(supabase: Stack) -> AsyncIterator[Start]:
    """Start an instance."""
    await command(supabase, "realtime/reset")  # who ran before may have said all that a minute allows
    async with instances(supabase) as started:
        yield started


@pytest.fixture
async def service(start: Start) -> Client:
    return await start()


async def test_a_member_talks_with_n8n_and_a_stranger_hears_nothing(service: Client, supabase: Stack) -> None:
    user, stranger = await sign_up(supabase), await sign_up(supabase, "b@example.com")
    await add(service, user)
    said = {"content": "hello", "sender": {"role": "assistant"}}
    sent = await service.post("/v1/conversations/room/messages", headers=N8N, json=said)
    assert sent.status_code == 201, sent.text
    assert (await say(service, user, "hi")).status_code == 201
    entries = (await poll(service, user)).json()["entries"]
    assert [entry.get("content") for entry in entries] == [None, "hello", "hi"]
    assert entries[2]["sender"] == {"role": "user", "id": user.id}
    for answer in (await poll(service, stranger), await say(service, stranger, "x")):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    for path in ("/v1/conversations", "/v1/status", "/v1/conversations/never-made/events"):
        assert (await service.get(path, headers=user.bearer)).status_code == 403


async def test_the_same_user_reads_the_log_by_supabases_own_client(service: Client, supabase: Stack) -> None:
    user, stranger = await sign_up(supabase), await sign_up(supabase, "b@example.com")
    await add(service, user)
    await say(service, user, "Ünïcödé 😀")
    found = []
    for each in (user, stranger):
        async with httpx.AsyncClient(headers=each.bearer) as http:
            options = AsyncClientOptions(httpx_client=http, headers=each.bearer, persist_session=False)
            client = await acreate_client(supabase.url, supabase.publishable_key, options)
            rows = await client.table("umbral_chat_entries").select("seq, entry").order("seq").execute()
            found.append([row["entry"]["content"] for row in rows.data if row["entry"]["kind"] == "message"])  # type: ignore[index,call-overload]
    assert found == [["Ünïcödé 😀"], []]


async def test_an_agent_speaks_as_one_and_nobody_as_another(service: Client, supabase: Stack) -> None:
    user, agent = await sign_up(supabase), await sign_up(supabase, "agent@example.com")
    await add(service, user, (agent, "agent"))
    await say(service, agent, "how may I help?")
    entry = (await poll(service, user)).json()["entries"][-1]
    assert (entry["sender"]["role"], entry["sender"]["id"]) == ("agent", agent.id)
    forged = await service.post(
        "/v1/conversations/room/messages",
        headers=user.bearer,
        json={"content": "x", "sender": {"role": "agent"}},
    )
    assert forged.status_code == 403


async def test_of_agents_on_two_instances_one_takes_a_conversation_over(start: Start, supabase: Stack) -> None:
    here, there = await start(), await start()
    user, *agents = [await sign_up(supabase, f"{name}@example.com") for name in ("user", "bo", "cy")]
    await add(here, user, *((agent, "agent") for agent in agents))
    path = "/v1/conversations/room/takeover"
    answers = await asyncio.gather(
        *(at.post(path, headers=agent.bearer, json={}) for at in (here, there) for agent in agents)
    )
    winner = (await here.get("/v1/conversations/room", headers=N8N)).json()["assignee"]
    assert winner in {agent.id for agent in agents}
    # Each agent asks on both instances: who has it may take it again.
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    assert {answer.json()["assignee"] for answer in answers} == {winner}
    for answer in (
        await here.post(path, headers=user.bearer, json={}),
        await there.delete(path, headers=user.bearer),
        await here.post(path, headers=agents[0].bearer, json={"assignee": user.id}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    back = await there.delete(path, headers=agents[1].bearer)
    assert (back.status_code, back.json()["responder"], back.json().get("assignee")) == (200, "assistant", None)
    await here.post(
        "/v1/conversations/internal:room/messages", headers=N8N, json={"content": "x", "sender": {"role": "agent"}}
    )
    await here.patch("/v1/conversations/internal:room", headers=N8N, json={"assignee": user.id})
    notes = await here.get("/v1/conversations/internal:room", headers=user.bearer)
    assert notes.status_code == 403, "to be assigned to it gives no right"
    for query in ({"assignee": "me"}, {"assignee": user.id}, {"q": "internal"}, {"waiting": "false"}):
        assert (await here.get("/v1/conversations", params=query, headers=user.bearer)).status_code == 403


async def test_removal_and_log_out_take_effect_within_the_bound(service: Client, supabase: Stack) -> None:
    user, other = await sign_up(supabase), await sign_up(supabase, "b@example.com")
    await add(service, user, other)
    for each in (user, other):
        assert (await poll(service, each)).status_code == 200
    await service.patch("/v1/conversations/room", headers=N8N, json={"members": [{"subject": other.id}]})
    await sign_out(supabase, other)
    await asyncio.sleep(TTL)
    assert (await poll(service, user)).status_code == 403
    assert (await poll(service, other)).status_code == 401
    # Signed in again, the token is another one.
    assert (await poll(service, await sign_in(supabase, other.email))).status_code == 200


async def test_rotated_keys_and_refreshed_tokens_go_unnoticed(start: Start, supabase: Stack) -> None:
    service = await start(SUPABASE__JWKS_COOLDOWN="0.1")
    user = await sign_up(supabase)
    await add(service, user)
    assert (await poll(service, user)).status_code == 200
    await command(supabase, "jwks/rotate")
    await asyncio.sleep(0.15)
    assert (await poll(service, await refresh(supabase, user))).status_code == 200
    assert (await poll(service, user)).status_code == 200


async def test_anonymous_users_come_in_by_setting(start: Start, supabase: Stack) -> None:
    closed, open_ = await start(), await start(SUPABASE__ANONYMOUS_USERS="true")
    user = await sign_in_anonymously(supabase)
    await add(closed, user)
    refused = await poll(closed, user)
    assert refused.status_code == 401
    assert "anonymous" in refused.json()["detail"]
    assert (await poll(open_, user)).status_code == 200


async def test_two_instances_hear_each_other(start: Start) -> None:
    here, there = await start(), await start()
    first = await here.get("/v1/conversations/room/events", headers=N8N)
    waiting = asyncio.create_task(
        here.get("/v1/conversations/room/events", headers=N8N, params={"after": first.json()["cursor"], "wait": 20})
    )
    await asyncio.sleep(0.2)
    await there.post("/v1/conversations/room/messages", headers=N8N, json={"content": "from there"})
    async with asyncio.timeout(15):
        assert [entry["content"] for entry in (await waiting).json()["entries"]] == ["from there"]


async def test_the_switch_holds_for_every_instance_and_for_the_trigger(start: Start, supabase: Stack) -> None:
    here = await start()
    answer = await here.put("/v1/admin/realtime", headers=N8N, json={"enabled": False})
    assert answer.status_code == 200
    there = await start()
    assert (await there.get("/v1/admin/realtime", headers=N8N)).json()["enabled"] is False
    async with httpx.AsyncClient(headers={"apikey": supabase.secret_key}) as http:
        state = await http.post(f"{supabase.url}/rest/v1/rpc/umbral_chat_state", json={})
    assert state.json()["realtime"] is False


async def test_while_the_database_is_down_sends_are_refused_and_afterwards_nothing_is_missing(
    start: Start, supabase: Stack
) -> None:
    service = await start(SUPABASE__RETRIES="0")
    sent = await service.post("/v1/conversations/room/messages", headers=N8N, json={"content": "before"})
    assert sent.status_code == 201
    await command(supabase, "postgres/kill")
    try:
        down = await service.post("/v1/conversations/room/messages", headers=N8N, json={"content": "x"})
        assert (down.status_code, down.json()["code"]) == (503, "history_unavailable")
        assert down.headers["retry-after"]
    finally:
        await command(supabase, "postgres/start")
    after = await service.post("/v1/conversations/room/messages", headers=N8N, json={"content": "after"})
    assert after.status_code == 201, after.text
    log = (await service.get("/v1/conversations/room/events", headers=N8N)).json()["entries"]
    assert [entry["content"] for entry in log] == ["before", "after"]


async def test_a_lost_answer_is_asked_for_again_with_its_key_and_stored_once(service: Client, supabase: Stack) -> None:
    await command(supabase, "rest/fault", times=1, abort=True, after=True)
    sent = await service.post(
        "/v1/conversations/room/messages", headers=N8N | {"Idempotency-Key": "k"}, json={"content": "once"}
    )
    assert sent.status_code in {200, 201}, sent.text
    log = (await service.get("/v1/conversations/room/events", headers=N8N)).json()["entries"]
    assert [entry["content"] for entry in log] == ["once"]


async def test_the_service_is_ready_and_says_where_its_logs_are(service: Client) -> None:
    assert (await service.get("/health/ready")).status_code == 200
    assert "supabase answers" in (await service.get("/health/ready")).text


async def test_the_api_of_supabase_users_works_on_sqlite_logs_too(start: Start, supabase: Stack, tmp_path: Any) -> None:
    service = await start(SUPABASE__HISTORY="false", CORE__DATABASE=str(tmp_path / "chat.sqlite3"))
    user, stranger = await sign_up(supabase), await sign_up(supabase, "b@example.com")
    await add(service, user)
    assert (await say(service, user, "hi")).status_code == 201
    assert (await poll(service, stranger)).status_code == 403
