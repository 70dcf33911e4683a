"""The edge sse over real servers, read by httpx-sse."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from .live import Kind, Live

Start = Callable[..., Awaitable[Live]]

KEYS = json.dumps([{"name": "n8n", "key": "n8n-key-for-tests-only-0001"}])
KEY = {"Authorization": "Bearer n8n-key-for-tests-only-0001"}


@pytest.fixture(params=["own", "uvicorn", "suspending"])
async def any_service(request: pytest.FixtureRequest, start: Start) -> Live:
    kind: Kind = request.param
    return await start(kind)


async def test_a_stream_has_what_is_missing_and_what_is_new(any_service: Live) -> None:
    service = any_service
    cursors = [await service.send(f"old {number}") for number in range(3)]
    async with service.stream(after=cursors[0]) as stream:
        headers = stream.response.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-cache, no-transform"
        assert headers["x-accel-buffering"] == "no"
        mode = service.services.failover.mode
        assert await stream.status() == {"state": "open", "mode": mode, "cursor": cursors[0], "head": 3}
        assert await stream.entries(2) == ["old 1", "old 2"]
        assert stream.read[-1].id == cursors[2]
        newest = await service.send("new")
        assert await stream.entries(1) == ["new"]
        assert stream.read[-1].id == newest
    await service.until(lambda: service.streams == 0)


async def test_last_event_id_goes_before_after(service: Live) -> None:
    first, second = await service.send("one"), await service.send("two")
    await service.send("three")
    async with service.stream(after=first, headers={"Last-Event-ID": second}) as stream:
        assert (await stream.status())["cursor"] == second
        assert await stream.entries(1) == ["three"]


async def test_a_conversation_that_is_only_read_may_be_waited_on(any_service: Live) -> None:
    async with any_service.stream("later") as stream:
        assert (await stream.status())["cursor"] == "0"
        await any_service.send("first", "later")
        assert await stream.entries(1) == ["first"]


async def test_a_draft_is_streamed_in_pieces_until_its_entry(any_service: Live) -> None:
    service = any_service
    await service.send("question")
    async with service.stream() as stream:
        await stream.status()
        text = ""
        for piece in ("Let me ", "see … ", "🎉 ", "yes."):
            await service.draft(piece, len(text))
            text += piece
        known = ""
        while known != text:
            signal = await stream.signal("draft")
            known = known[: signal["offset"]] + signal["text"]
        async with service.stream() as late:
            assert (await late.signal("draft"))["text"] == text
        await service.send(text, message_id="m1")
        assert await stream.signal("draft") == {"signal": "draft", "message_id": "m1", "ended": True}
        assert (await stream.entry())["message_id"] == "m1"


async def test_typing_and_presence_come_as_whole_lists(service: Live) -> None:
    async with service.stream() as stream:
        await stream.status()
        await service.client.put("/v1/conversations/room/presence", json={"sender": {"role": "agent", "name": "Grace"}})
        while not (await stream.signal("presence"))["presence"]["count"]:
            pass
        await service.client.post("/v1/conversations/room/typing", json={"sender": {"role": "agent", "name": "Grace"}})
        assert [one["name"] for one in (await stream.signal("typing"))["typing"]] == ["Grace"]


async def test_a_stream_holds_the_presence_of_its_device(start: Start) -> None:
    service = await start(PRESENCE__TTL="5", PRESENCE__HOLD_BACK="0.1")
    await service.client.put("/v1/conversations/room/presence", json={"device": "phone", "ttl": 5})
    async with service.stream(device="phone") as stream:
        await stream.status()
        await asyncio.sleep(6)
        here = (await service.client.get("/v1/conversations/room/presence")).json()
        assert here["count"] == 1


async def test_heartbeats_keep_a_silent_stream_open(start: Start) -> None:
    service = await start(STREAMING__HEARTBEAT="0.5")
    raw: list[str] = []
    async with service.client.stream("GET", "/v1/conversations/room/stream") as response:
        async with asyncio.timeout(30):
            async for line in response.aiter_lines():
                raw.append(line)
                if raw.count(": ping") == 2:
                    break
    assert raw[0] == "retry: 2000"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"params": {"after": "17"}}, 400, "invalid_cursor"),
        ({"headers": {"Last-Event-ID": "x"}}, 400, "invalid_cursor"),
        ({"params": {"after": "aaaaaaaaaa.1"}}, 410, "cursor_expired"),
        ({"params": {"limit": "3"}}, 400, "unknown_parameter"),
        ({"params": [("after", "0"), ("after", "0")]}, 400, "duplicate_parameter"),
        ({"params": {"device": "x" * 300}}, 400, "invalid_field"),
        ({"params": {"ticket": "guess"}}, 401, "invalid_ticket"),
        ({"params": {"ticket": "A" * 32}}, 401, "invalid_ticket"),
        ({"params": {"ticket": "A" * 5000}}, 401, "invalid_ticket"),
        ({"headers": {"Origin": "https://evil.example"}}, 403, "origin_refused"),
        ({"headers": {"Origin": "null"}}, 403, "origin_refused"),
    ],
)
async def test_what_cannot_be_streamed_is_a_problem(
    service: Live, request_: dict[str, Any], status: int, code: str
) -> None:
    await service.send("one")
    problem = await service.refused(**request_)
    assert (problem["status"], problem["code"]) == (status, code)
    assert service.streams == 0


async def test_pages_of_allowed_origins_may_stream(start: Start) -> None:
    service = await start(CORE__CORS_ORIGINS='["https://shop.example"]')
    for origin in ("https://shop.example", service.url):
        async with service.stream(headers={"Origin": origin}) as stream:
            await stream.status()
            assert stream.response.headers["access-control-allow-origin"] == "https://shop.example"
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "Last-Event-ID"}
    preflight = await service.client.options(
        "/v1/conversations/room/stream", headers={"Origin": "https://shop.example", **asked}
    )
    assert preflight.status_code == 204
    assert "last-event-id" in preflight.headers["access-control-allow-headers"].lower()


async def test_head_begins_no_stream(service: Live) -> None:
    answer = await service.client.head("/v1/conversations/room/stream", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream"
    assert service.streams == 0


async def test_a_client_of_http_1_0_gets_a_plain_body(start: Start) -> None:
    service = await start(CORE__KEYS=KEYS)
    service.client.headers.update(KEY)
    await service.send("one")
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    key = KEY["Authorization"].encode()
    writer.write(b"GET /v1/conversations/room/stream HTTP/1.0\r\nHost: x\r\nAuthorization: %b\r\n\r\n" % key)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert b"transfer-encoding" not in head.lower()
    assert await asyncio.wait_for(reader.readuntil(b"\n\n"), 10) == b"retry: 2000\n\n"
    assert (await asyncio.wait_for(reader.readuntil(b"\n\n"), 10)).startswith(b"event: status\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\n\n"), 10)).startswith(b"event: entry\nid: ")
    writer.close()


async def test_a_slow_client_reads_the_log_from_its_cursor(any_service: Live) -> None:
    """The client does not read until megabytes wait for it: it costs a buffer, and then gets every entry once."""
    service = any_service
    count, content = 200, "x" * 30_000
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", service.port))
    reader, writer = await asyncio.open_connection(sock=link, limit=4096)
    writer.write(b"GET /v1/conversations/room/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    await service.until(lambda: service.streams == 1)
    async with service.stream() as fast:
        for number in range(count):
            await service.send(f"{number} {content}")
        assert [text.partition(" ")[0] for text in await fast.entries(count)] == [str(each) for each in range(count)]
        assert service.counted("umbral_chat.streams.slow") >= 1
        await service.send("last")
        assert await fast.entries(1) == ["last"]
        data = bytearray()
        async with asyncio.timeout(30):
            while b'"content":"last"' not in data[-1000:]:
                data += await reader.read(65_536)
    seqs = [int(line.rpartition(b".")[2]) for line in data.splitlines() if line.startswith(b"id: ")]
    assert seqs == list(range(1, count + 2))
    writer.close()


async def test_a_deleted_conversation_ends_with_a_status(any_service: Live) -> None:
    service = any_service
    await service.send("one")
    async with service.stream() as stream:
        await stream.status()
        await service.client.delete("/v1/conversations/room")
        closed = await stream.closed()
        assert (closed["code"], closed["reconnect"]) == ("conversation_deleted", "never")
    assert (await service.refused())["code"] == "conversation_deleted"
    assert service.streams == 0


async def test_the_toggle_closes_streams_and_answers_204(any_service: Live) -> None:
    service = any_service
    async with service.stream() as stream:
        await stream.status()
        await service.client.put("/v1/admin/realtime", json={"enabled": False})
        closed = await stream.closed()
        assert (closed["code"], closed["reconnect"]) == ("realtime_off", "poll")
    answer = await service.client.get("/v1/conversations/room/stream")
    assert (answer.status_code, answer.content) == (204, b"")
    offers = (await service.client.post("/v1/conversations/room/connect")).json()["offers"]
    assert [offer["edge"] for offer in offers] == ["poll"]
    await service.client.put("/v1/admin/realtime", json={"enabled": True})
    async with service.stream() as stream:
        await stream.status()


async def test_a_drain_says_when_to_come_back(any_service: Live) -> None:
    async with any_service.stream() as stream:
        await stream.status()
        any_service.services.lifecycle.drain()
        closed = await stream.closed()
        assert (closed["code"], closed["reconnect"]) == ("draining", "now")
        assert 0 <= closed["retry_ms"] <= 5000
        assert stream.read[-1].retry == closed["retry_ms"]
    assert (await any_service.refused())["code"] == "draining"


async def test_a_token_reads_its_conversation_only_and_ends_with_it(start: Start) -> None:
    service = await start(CORE__KEYS=KEYS)
    made = await service.client.post(
        "/v1/tokens", headers=KEY, json={"conversation": "room", "subject": "ada", "rights": ["read"], "ttl": 60}
    )
    token = {"Authorization": f"Bearer {made.json()['token']}"}
    assert (await service.refused())["code"] == "unauthorized"
    assert (await service.refused("/v1/conversations/other/stream", headers=token))["code"] == "foreign_conversation"
    async with service.stream(headers=token) as stream:
        await stream.status()
        await service.client.delete("/v1/conversations/room", headers=KEY)
        await service.client.post("/v1/conversations", headers=KEY, json={"id": "room"})
        # The one that is there now is another: neither this token nor a cursor of it is for that.
        assert (await stream.closed())["reconnect"] == "never"
    assert (await service.refused(headers=token))["code"] == "conversation_deleted"


async def test_readers_are_bounded(start: Start) -> None:
    service = await start(CORE__KEYS=KEYS, CORE__LIMITS__READERS_PER_PRINCIPAL="2")
    made = await service.client.post(
        "/v1/tokens", headers=KEY, json={"conversation": "room", "subject": "ada", "rights": ["read"], "ttl": 60}
    )
    token = {"Authorization": f"Bearer {made.json()['token']}"}
    async with service.stream(headers=token), service.stream(headers=token):
        problem = await service.refused(headers=token)
        assert (problem["status"], problem["code"]) == (429, "too_many_own_readers")
    await service.until(lambda: service.streams == 0)
    async with service.stream(headers=token) as stream:
        await stream.status()


async def test_connect_offers_it_with_a_ticket_that_is_valid_once(service: Live) -> None:
    await service.send("one")
    offers = (await service.client.post("/v1/conversations/room/connect")).json()["offers"]
    assert [offer["edge"] for offer in offers] == ["websocket", "sse", "poll"]
    sse = offers[1]
    assert sse["url"] == "/v1/conversations/room/stream"
    assert set(sse["parameters"]) == {"ticket", "ticket_expires_in", "heartbeat_ms"}
    async with service.stream(ticket=sse["parameters"]["ticket"]) as stream:
        assert await stream.entries(1) == ["one"]
    problem = await service.refused(params={"ticket": sse["parameters"]["ticket"]})
    assert (problem["status"], problem["code"]) == (401, "invalid_ticket")


async def test_metrics_count_streams_and_deliveries(service: Live) -> None:
    async with service.stream() as stream:
        await service.send("one")
        assert await stream.entries(1) == ["one"]
        metrics = (await service.client.get("/metrics")).text
        assert 'umbral_chat_streams{edge="sse"} 1' in metrics
        assert 'umbral_chat_deliveries_total{edge="sse"} 1' in metrics
    await service.until(lambda: service.streams == 0)
    assert service.counted("umbral_chat.streams.closed", "left") == 1


async def test_many_clients_of_one_conversation(service: Live) -> None:
    limits = httpx.Limits(max_connections=60)
    async with httpx.AsyncClient(base_url=service.url, limits=limits, timeout=30) as client:
        service.client, own = client, service.client
        got: list[list[str]] = []

        async def follow() -> None:
            async with service.stream() as stream:
                got.append(await stream.entries(20))

        followers = [asyncio.create_task(follow()) for _ in range(50)]
        await service.until(lambda: service.streams == 50)
        service.client = own
        for number in range(20):
            await service.send(str(number))
        await asyncio.wait_for(asyncio.gather(*followers), 30)
        assert got == [[str(number) for number in range(20)]] * 50
        assert service.counted("umbral_chat.streams.frames") < 100
