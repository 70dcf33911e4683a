"""Two whole services on one project: what happens on the one is known on the other, by Realtime, without a read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import httpx
import pytest
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

Client = httpx.AsyncClient
ROOM = "/v1/conversations/room"


@pytest.fixture
async def start(supabase: Stack) -> AsyncIterator[Callable[[], Awaitable[Client]]]:
    """Start an instance without keys, and wait until it is live."""
    await command(supabase, "realtime/reset")
    async with AsyncExitStack() as stack:

        async def started() -> Client:
            environ = {
                "UMBRAL_CHAT_SUPABASE__URL": supabase.url,
                "UMBRAL_CHAT_SUPABASE__KEY": supabase.secret_key,
                # Reconciling would ask where logs stand, and rightly read what a hint is about to bring.
                "UMBRAL_CHAT_REALTIME__RECONCILE_INTERVAL": "600",
            }
            app = create_app(*boot(None, environ))
            await stack.enter_async_context(app.lifespan())
            client = Client(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://127.0.0.1", timeout=60)
            await stack.enter_async_context(client)
            await mode(client, "live")
            return client

        yield started
    await command(supabase, "realtime/reset")


async def mode(client: Client, wanted: str, within: float = 30.0) -> float:
    """Wait for it; the seconds it took."""
    begun = time.monotonic()
    while (status := (await client.get("/v1/status")).json())["mode"] != wanted:
        assert time.monotonic() - begun < within, status
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def send(client: Client, content: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"{ROOM}/messages", json={"content": content} | body)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def events(client: Client, after: str, wait: int = 20) -> dict[str, Any]:
    answer = await client.get(f"{ROOM}/events", params={"after": after, "wait": wait})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def counters(client: Client) -> dict[str, int]:
    found: dict[str, int] = (await client.get("/v1/status")).json()["counters"]
    return found


async def test_entries_come_in_order_by_realtime_and_cost_no_read(start: Callable[[], Awaitable[Client]]) -> None:
    here, there = await start(), await start()
    cursor = (await send(here, "first"))["cursor"]
    assert (await events(there, "0"))["mode"] == "live"
    before: dict[str, int] = {}
    for number in range(22):
        if number == 2:  # the head that is read for a new reader may overtake a first entry
            before = await counters(there)
        poll = asyncio.create_task(events(there, cursor))
        await asyncio.sleep(0.02)
        await send(here, f"message {number}")
        polled = await asyncio.wait_for(poll, 20)
        assert [entry["content"] for entry in polled["entries"]] == [f"message {number}"]
        cursor = polled["cursor"]
    after = await counters(there)
    reads = after["umbral_chat.history.reads"] - before["umbral_chat.history.reads"]
    assert reads == 0, f"{reads} reads for 20 entries in order"


async def test_drafts_redactions_and_deletions_cross(start: Callable[[], Awaitable[Client]]) -> None:
    here, there = await start(), await start()
    cursor = (await send(here, "my secret", message_id="m0"))["cursor"]
    await events(there, "0")
    poll = asyncio.create_task(events(there, cursor))
    await asyncio.sleep(0.2)
    answer = await here.post(f"{ROOM}/drafts", json={"message_id": "m1", "offset": 0, "text": "The answ"})
    assert answer.status_code == 200, answer.text
    assert [draft["text"] for draft in (await asyncio.wait_for(poll, 20))["drafts"]] == ["The answ"]
    await send(here, "The answer is 42.", message_id="m1")
    polled = await events(there, cursor)
    assert ([entry["message_id"] for entry in polled["entries"]], polled["drafts"]) == (["m1"], [])
    poll = asyncio.create_task(events(there, polled["cursor"]))
    await asyncio.sleep(0.2)
    assert (await here.delete(f"{ROOM}/messages/m0")).status_code == 200
    assert [entry["kind"] for entry in (await asyncio.wait_for(poll, 20))["entries"]] == ["redaction"]
    assert (await events(there, "0"))["entries"][0]["content"] == ""
    gone = asyncio.create_task(
        there.get(f"{ROOM}/events", params={"wait": 20, "after": (await events(there, "0"))["cursor"]})
    )
    await asyncio.sleep(0.2)
    await here.delete(ROOM)
    answer = await asyncio.wait_for(gone, 20)
    assert (answer.status_code, answer.json()["code"]) == (410, "conversation_deleted")


async def test_a_run_and_its_end_are_known_there(start: Callable[[], Awaitable[Client]]) -> None:
    here, there = await start(), await start()
    cursor = (await send(here, "a question"))["cursor"]
    await events(there, "0")
    await here.post(f"{ROOM}/runs", json={"run_id": "r1", "for_seq": 1})

    async def until(state: str) -> dict[str, Any]:
        while not (runs := (await events(there, cursor))["runs"]) or runs[0]["state"] != state:
            pass
        found: dict[str, Any] = runs[0]
        return found

    poll = asyncio.create_task(until("tool"))
    async with asyncio.timeout(20):
        while not poll.done():
            await here.post(f"{ROOM}/runs/r1/progress", json={"state": "tool", "label": "search"})
            await asyncio.wait((poll,), timeout=0.5)
    assert ((await poll)["label"], (await poll)["for_seq"]) == ("search", 1)
    ended = await here.post(f"{ROOM}/runs/r1/end", json={"outcome": "failed", "reason": "quota"})
    assert ended.status_code == 200, ended.text
    async with asyncio.timeout(20):
        while not (answer := await events(there, cursor))["entries"]:
            pass
    assert answer["runs"] == [], "whoever has the entry does not see the run beside it"
    assert [(entry["kind"], entry["run_id"], entry["reason"]) for entry in answer["entries"]] == [
        ("run", "r1", "quota")
    ]


async def test_switched_off_there_is_no_socket_and_switched_on_it_is_live_again(
    start: Callable[[], Awaitable[Client]], supabase: Stack
) -> None:
    here, there = await start(), await start()
    assert (await here.put("/v1/admin/realtime", json={"enabled": False})).status_code == 200
    for each in (here, there):
        await mode(each, "polling", within=15.0)
    async with Client(base_url=supabase.url) as control:
        for _ in range(100):
            if (await control.get("/_control/realtime/state")).json()["sockets"] == 0:
                break
            await asyncio.sleep(0.02)
        assert (await control.get("/_control/realtime/state")).json()["sockets"] == 0
    cursor = (await send(here, "while it was off"))["cursor"]
    assert (await events(there, "0"))["cursor"] == cursor
    assert (await here.put("/v1/admin/realtime", json={"enabled": True})).status_code == 200
    for each in (here, there):
        await mode(each, "live")


async def test_readers_continue_while_realtime_is_down_and_see_a_change_of_mode_alone(
    start: Callable[[], Awaitable[Client]], supabase: Stack
) -> None:
    here, there = await start(), await start()
    cursor = (await send(here, "before"))["cursor"]
    await events(there, "0")
    await command(supabase, "realtime/faults", refuse_status=503)
    await command(supabase, "realtime/drop")
    poll = asyncio.create_task(events(there, cursor))
    await send(here, "meanwhile")
    polled = await asyncio.wait_for(poll, 10)
    if not polled["entries"]:
        polled = await events(there, cursor)  # the change of mode ended the poll first
    assert ([entry["content"] for entry in polled["entries"]], polled["mode"]) == (["meanwhile"], "polling")
    await command(supabase, "realtime/faults", refuse_status=None)
    await mode(there, "live", within=15.0)
