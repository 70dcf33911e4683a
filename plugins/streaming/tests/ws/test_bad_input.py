"""What a client may do wrong with a socket: each has its code, costs bounded memory, and touches nobody else."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from umbral_chat._core.server.websocket import WebSocketConnection

from .rig import KEY, TIMEOUT, Served, Socket, served

LIMIT = 4_096
"""Of a frame, in bytes, in these tests."""


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, key=KEY, core__limits__body_bytes=str(LIMIT)) as found:
        yield found


def masked(opcode: int, payload: bytes, *, rsv: int = 0) -> bytes:
    """A client's frame (RFC 6455, section 5.2); its mask is all zeros."""
    head = struct.pack("!BBH", 0x80 | rsv | opcode, 0x80 | 126, len(payload))
    return head + bytes(4) + payload


def bomb() -> bytes:
    """A megabyte of zeros in a kilobyte, as permessage-deflate has it (RFC 7692)."""
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(bytes(1_000_000)) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


async def raw(socket: Socket, data: bytes) -> None:
    socket.connection.transport.write(data)


async def bystander_is_notified(service: Served, bystander: Socket) -> None:
    seq = await service.say("for the others")
    assert await bystander.entries(1) == [seq]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(2, b"binary"), 1003),
        (masked(1, b"\xff\xfe"), 1007),
        (masked(1, b'"' + b"x" * LIMIT + b'"'), 1009),
        (masked(1, bomb(), rsv=0x40), 1002),
        (masked(3, b""), 1002),
    ],
    ids=["binary", "not UTF-8", "too long", "compressed", "unknown opcode"],
)
async def test_what_is_no_frame_of_text_closes_the_socket(service: Served, data: bytes, code: int) -> None:
    async with service.socket(KEY) as bystander, service.socket(KEY, compression=None) as socket:
        for one in (bystander, socket):
            await one.ask(type="subscribe", conversation="room")
        await raw(socket, data)
        assert (await socket.end())[1] == code
        await service.until(lambda: service.services.feeds.readers.count == 1)
        await bystander_is_notified(service, bystander)


async def test_compression_is_not_agreed_on(service: Served) -> None:
    async with service.connect(compression="deflate") as connection:
        assert connection.response is not None
        assert "sec-websocket-extensions" not in connection.response.headers


@pytest.mark.parametrize(
    ("frame", "status", "code"),
    [
        ({"type": "noise"}, 400, "unknown_type"),
        ({"type": "entry", "conversation": "room"}, 400, "unknown_type"),
        ({}, 400, "invalid_frame"),
        ({"type": "subscribe"}, 400, "missing_field"),
        ({"type": "subscribe", "conversation": "room", "before": 3}, 400, "unknown_field"),
        ({"type": "subscribe", "conversation": "room", "after": "12"}, 400, "invalid_cursor"),
        ({"type": "subscribe", "conversation": "room", "after": "2345abcdef.1"}, 410, "cursor_expired"),
        ({"type": "subscribe", "conversation": "room", "after": "PAST"}, 410, "cursor_expired"),
        ({"type": "subscribe", "conversation": ""}, 400, "invalid_conversation_id"),
        ({"type": "subscribe", "conversation": "x" * 200}, 400, "invalid_conversation_id"),
        ({"type": "send", "conversation": "room"}, 400, "missing_field"),
        ({"type": "edit", "conversation": "room", "message_id": "nothing", "content": "x"}, 404, "message_not_found"),
    ],
)
async def test_what_cannot_be_carried_out_is_an_error_and_the_socket_stays(
    tmp_path: Path, frame: dict[str, Any], status: int, code: str
) -> None:
    async with served(tmp_path, key=KEY, core__limits__depth="6") as service, service.socket(KEY) as socket:
        await service.say("first")
        if frame.get("after") == "PAST":
            cursor = (await service.http.get("/v1/conversations/room/events")).json()["cursor"]
            frame = frame | {"after": cursor.split(".")[0] + ".99"}
        answer = await socket.ask(**frame)
        assert answer["type"] == "error"
        assert (answer["error"]["status"], answer["error"]["code"]) == (status, code)
        assert {"title", "detail"} <= answer["error"].keys()
        if code == "cursor_expired":
            assert answer["error"]["start"] == "0"
        assert await socket.ask(type="ping") == {"type": "pong", "id": "2"}


async def test_a_client_that_says_nothing_sensible_is_closed(service: Served) -> None:
    async with service.socket(KEY) as socket:
        for _ in range(10):
            await socket.connection.send("nonsense")
        codes = [(await socket.until("error"))["error"]["code"] for _ in range(10)]
        assert codes == ["invalid_frame"] * 10
        last, closed = await socket.end()
        assert last is not None
        assert (last["status"]["code"], last["status"]["reconnect"], closed) == ("invalid_frame", "never", 4400)


async def test_a_frame_that_is_too_deep_is_an_error_without_its_id(service: Served) -> None:
    async with service.socket(KEY) as socket:
        await socket.connection.send('{"type":"send","id":"1","metadata":' + "[" * 1_000 + "]" * 1_000 + "}")
        answer = await socket.next()
        assert answer["error"]["code"] == "too_deep"
        assert "id" not in answer


@pytest.mark.slow
async def test_ten_thousand_subscriptions_are_an_error_each_past_the_hundredth(service: Served) -> None:
    async with service.socket(KEY) as bystander, service.socket(KEY) as socket:
        await bystander.ask(type="subscribe", conversation="room")

        async def ask_for_all() -> None:
            for number in range(10_000):
                await socket.send(type="subscribe", id=str(number), conversation=f"c{number}")

        asking = asyncio.create_task(ask_for_all())
        found = dict[str, str]()
        while len(found) < 10_000:
            frame = await socket.next()
            if frame["type"] in {"result", "error"}:
                found[frame["id"]] = frame.get("error", {}).get("code", "")
        await asking
        assert [found[str(number)] for number in range(100)] == [""] * 100
        assert {found[str(number)] for number in range(100, 10_000)} == {"too_many_subscriptions"}
        assert len(service.services.feeds.waited_on) <= 101
        await bystander_is_notified(service, bystander)
    await service.until(lambda: not service.services.feeds.waited_on)


async def test_a_client_that_never_reads_costs_bounded_memory(tmp_path: Path) -> None:
    async with (
        served(tmp_path, key=KEY, core__limits__write_timeout="1") as service,
        service.socket(KEY) as bystander,
        service.connect() as connection,
    ):
        await bystander.ask(type="subscribe", conversation="room")
        stuck = Socket(connection)
        await stuck.send(type="auth", token=KEY)
        await stuck.next()
        await stuck.ask(type="subscribe", conversation="room")
        connection.transport.pause_reading()
        (held,) = [
            one
            for one in service.server.server_state.connections
            if isinstance(one, WebSocketConnection)
            and one._transport.get_extra_info("peername")[1] == connection.transport.get_extra_info("sockname")[1]
        ]
        for _ in range(200):
            seq = await service.say("x" * 30_000)
            assert await bystander.entries(1) == [seq]
            assert held._transport.get_write_buffer_size() <= 400_000
        await service.until(lambda: held not in service.server.server_state.connections)
        counted = service.services.base.telemetry.counter("umbral_chat.http.refused").labels("unread").value
        assert counted == 1
        await bystander_is_notified(service, bystander)


async def test_a_half_open_socket_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("umbral_chat._core.server.timed_websocket.PING_INTERVAL", 0.5)
    async with served(tmp_path, key=KEY) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        lines = [
            "GET /v1/ws HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
        ]  # fmt: skip
        writer.write("\r\n".join(lines).encode())
        writer.write(masked(1, json.dumps({"type": "auth", "token": KEY}).encode()))
        await asyncio.wait_for(reader.readuntil(b"ready"), TIMEOUT)
        assert service.services.feeds.readers.count == 1
        await service.until(lambda: service.services.feeds.readers.count == 0)  # it never answers a ping
        writer.close()


def test_the_bomb_is_one() -> None:
    assert len(bomb()) < 1_100
