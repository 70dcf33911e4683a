"""WebSockets over the real server: opened, refused, bounded, kept alive, drained."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from umbral_chat._core.server.frames import CONTROL_FRAMES
from umbral_chat._core.server.timed_websocket import CLOSE_TIMEOUT, PING_INTERVAL, QUEUE
from umbral_chat._core.server.websocket import WebSocketConnection
from umbral_chat.http_kit.raw_writer import RawWriter, raw_writer
from umbral_chat.http_kit.websocket import encode_text
from umbral_chat.settings import Limits
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .rig import TIMEOUT, Answer, Peer, Rig, get, serving

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Send every message back."""
    assert scope["type"] == "websocket"
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


def client(rig: Rig, path: str = "/", **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{rig.port}{path}", proxy=None, **options)


async def opened(rig: Rig, path: str = "/") -> Peer:
    """A raw connection that became a WebSocket."""
    peer = await rig.connect()
    await peer.send(get(path, *UPGRADE))
    answer = await peer.answer(head_only=True)
    assert answer.status == 101
    return peer


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A client's frame (RFC 6455, section 5.2); its mask is all zeros."""
    first = (0x80 if fin else 0) | rsv | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


async def frames_to_end(peer: Peer) -> list[tuple[int, bytes]]:
    """Opcode and payload of each frame that the server sent until it ended the connection."""
    data, found = await peer.ended(), []
    while data:
        size, at = data[1] & 0x7F, 2
        if size == 126:
            size, at = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            size, at = struct.unpack("!Q", data[2:10])[0], 10
        found.append((data[0] & 0x0F, data[at : at + size]))
        data = data[at + size :]
    return found


def close_code(frames: list[tuple[int, bytes]]) -> int:
    opcode, payload = frames[-1]
    assert opcode == 8
    return int(struct.unpack("!H", payload[:2])[0])


def sockets(rig: Rig) -> list[WebSocketConnection]:
    return [one for one in rig.server.server_state.connections if isinstance(one, WebSocketConnection)]


async def received(socket: ClientConnection) -> Any:
    return await asyncio.wait_for(socket.recv(), TIMEOUT)


async def test_messages_go_both_ways_and_the_socket_counts_as_a_connection() -> None:
    async with serving(echo, websockets=True) as rig:
        async with client(rig) as socket:
            await socket.send("hello")
            assert await received(socket) == "hello"
            await socket.send(b"\x00\xff")
            assert await received(socket) == b"\x00\xff"
            await socket.send(["in ", "two ", "pieces"])
            assert await received(socket) == "in two pieces"
            assert len(rig.server.server_state.connections) == len(sockets(rig)) == 1
            await asyncio.wait_for(await socket.ping(), TIMEOUT)
        await rig.until(lambda: not rig.server.server_state.connections and not rig.server.server_state.tasks)


async def test_frames_that_follow_the_handshake_at_once_are_read() -> None:
    async with serving(echo, websockets=True) as rig:
        peer = await rig.connect()
        await peer.send(get("/", *UPGRADE) + frame(1, b"early") + frame(8, struct.pack("!H", 1000)))
        answer = await peer.answer(head_only=True)
        assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, section 1.3
        sent = await frames_to_end(peer)
        assert (8, struct.pack("!H", 1000)) in sent


async def test_the_scope_has_what_asgi_asks_for() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "b", "headers": [(b"x-y", b"z")]})
        await send({"type": "websocket.close", "code": 4001, "reason": "draining"})

    async with serving(app, websockets=True) as rig, client(rig, "/a%20b?c=d", subprotocols=["a", "b"]) as socket:
        assert socket.subprotocol == "b"
        assert socket.response is not None
        assert socket.response.headers["x-y"] == "z"
        with pytest.raises(ConnectionClosed):
            await received(socket)
        assert (socket.close_code, socket.close_reason) == (4001, "draining")
    assert (seen["path"], seen["raw_path"], seen["query_string"]) == ("/a b", b"/a%20b", b"c=d")
    assert (seen["scheme"], seen["subprotocols"], seen["http_version"]) == ("ws", ["a", "b"], "1.1")
    assert "method" not in seen


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        (UPGRADE[:3], 400, "invalid_handshake"),
        ((*UPGRADE[:3], "Sec-WebSocket-Key: c2hvcnQ="), 400, "invalid_handshake"),
        ((*UPGRADE, f"Sec-WebSocket-Key: {KEY}"), 400, "invalid_handshake"),
        ((*UPGRADE[:2], UPGRADE[3]), 426, "upgrade_required"),
        ((*UPGRADE[:2], "Sec-WebSocket-Version: 8", UPGRADE[3]), 426, "upgrade_required"),
        ((*UPGRADE, "Content-Length: 1"), 400, "invalid_http_request"),
        ((*UPGRADE, "Host: two"), 400, "invalid_http_request"),
    ],
)
async def test_a_handshake_that_is_none_is_refused(lines: tuple[str, ...], status: int, code: str) -> None:
    async with serving(echo, websockets=True) as rig:
        peer = await rig.connect()
        answer = await peer.ask(get("/", *lines))
        assert (answer.status, answer.code) == (status, code)
        if status == 426:
            assert answer.headers["sec-websocket-version"] == "13"
        assert await peer.ended() == b""
        assert not sockets(rig)


async def test_the_application_refuses_with_an_answer_of_its_own_or_with_403() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if scope["path"] == "/close":
            await send({"type": "websocket.close"})
        elif scope["path"] == "/own":
            headers = [(b"content-length", b"4"), (b"x-y", b"z")]
            await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": b"no", "more_body": True})
            await send({"type": "websocket.http.response.body", "body": b"ne"})
        elif scope["path"] == "/raises":
            raise RuntimeError("a fault of the application")
        assert (await receive())["type"] == "websocket.disconnect"

    async def ask(rig: Rig, path: str) -> Answer:
        peer = await rig.connect()
        answer = await peer.ask(get(path, *UPGRADE))
        assert await peer.ended() == b""
        return answer

    async with serving(app, websockets=True) as rig:
        assert (await ask(rig, "/close")).code == "forbidden"
        own = await ask(rig, "/own")
        assert (own.status, own.headers["x-y"], own.body) == (404, "z", b"none")
        assert (await ask(rig, "/raises")).code == "internal_error"
        with pytest.raises(InvalidStatus):
            async with client(rig, "/own"):
                pass


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(1, b"\xff"), 1007),
        (frame(1, b"\xce", fin=False) + frame(0, b"\x20"), 1007),
        (frame(1, b"x" * 5_001), 1009),
        (frame(1, b"x" * 3_000, fin=False) + frame(0, b"x" * 2_001), 1009),
        (frame(1, fin=False) + frame(0, fin=False) * 200, 1008),
        (frame(9) * (CONTROL_FRAMES + 1), 1008),
        (frame(10) * (CONTROL_FRAMES + 1), 1008),
        (frame(1, b"x", rsv=0x40), 1002),  # compressed, which was not agreed on
        (frame(3, b"x"), 1002),
        (frame(0, b"x"), 1002),
        (frame(1, fin=False) + frame(1), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, fin=False), 1002),
        (frame(8, b"\x00"), 1002),
        (frame(8, struct.pack("!H", 1005)), 1002),
        (b"\x81\x01x", 1002),  # not masked
        (b"\x81\xff" + b"\xff" * 8, 1009),  # says that it is endless
    ],
)
async def test_what_breaks_the_protocol_or_a_bound_ends_the_connection_with_its_code(sent: bytes, code: int) -> None:
    async with serving(echo, Limits(body_bytes=5_000), websockets=True) as rig:
        peer = await opened(rig)
        await peer.send(sent + frame(10) * 5_000)  # what follows is not read
        assert close_code(await frames_to_end(peer)) == code
        assert rig.refused("websocket_failed") == 1
        peer.close()
        await rig.until(lambda: not rig.server.server_state.connections and not rig.server.server_state.tasks)


async def test_an_application_that_is_behind_holds_a_bounded_number_of_messages() -> None:
    go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await go.wait()
        count = 0
        while (await receive())["type"] == "websocket.receive":
            count += 1
            if count == 50_000:
                await send({"type": "websocket.send", "text": "all"})

    async with serving(slow, websockets=True) as rig:
        peer = await opened(rig)
        writing = asyncio.create_task(peer.send(frame(1) * 50_000))
        await rig.until(lambda: sockets(rig)[0]._rest)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(sockets(rig)[0]._messages) <= QUEUE + 700
        assert len(sockets(rig)[0]._rest) <= 300_000  # one read of the socket
        await rig.elapse(PING_INTERVAL + 1)
        await rig.elapse(PING_INTERVAL + 1)  # an unanswered ping says nothing while the socket is not read
        go.set()
        await writing
        async with asyncio.timeout(TIMEOUT):
            assert (await peer.reader.readuntil(b"all")).endswith(encode_text(b"all"))


async def test_a_client_is_pinged_and_one_that_is_gone_is_cut_off() -> None:
    async with serving(echo, websockets=True) as rig:
        peer = await opened(rig)
        for _ in range(3):
            await rig.elapse(PING_INTERVAL)
            assert await asyncio.wait_for(peer.reader.readexactly(2), TIMEOUT) == b"\x89\x00"
            await peer.send(frame(10))
            await rig.until(lambda: sockets(rig)[0]._received)
        await rig.elapse(PING_INTERVAL)
        await rig.elapse(PING_INTERVAL)
        await rig.until(lambda: not rig.server.server_state.connections and not rig.server.server_state.tasks)
        assert rig.refused("half_open") == 1


async def test_a_message_that_does_not_end_is_given_up_although_the_client_answers_pings() -> None:
    async with serving(echo, Limits(body_timeout=30.0), websockets=True) as rig:
        peer = await opened(rig)
        await peer.send(frame(1, b"begun", fin=False))
        await rig.until(lambda: sockets(rig)[0]._frames.partial)
        await rig.elapse(20)
        await peer.send(frame(0, b"more", fin=False) + frame(10))
        await rig.elapse(11)
        assert close_code(await frames_to_end(peer)) == 1008


async def test_a_client_that_reads_nothing_is_cut_off_and_until_then_its_writer_waits() -> None:
    wrote, results = [], []

    async def flood(scope: Any, receive: Any, send: Any) -> None:
        writer = raw_writer(scope)
        assert writer is not None
        await receive()
        assert not writer.writable  # not yet open
        await send({"type": "websocket.accept"})
        piece = encode_text(b"x" * 65_536)
        while True:
            wrote.append(1)
            if not writer.write(piece) and not await writer.drained():
                results.append(await receive())
                return

    async with serving(flood, Limits(write_timeout=30.0), websockets=True) as rig:
        peer = await rig.connect(receive_buffer=4_096)
        await peer.send(get("/", *UPGRADE))
        await rig.until(lambda: sockets(rig) and sockets(rig)[0]._write_paused)
        await rig.elapse(29)
        assert not results
        while not results:  # what the test's own stream reads ahead is progress
            await rig.elapse(31)
            await asyncio.sleep(0.01)
        assert len(wrote) < 200
        assert results[0]["type"] == "websocket.disconnect"
        assert rig.refused("unread") == 1


async def test_a_frame_that_is_encoded_once_is_written_to_many() -> None:
    writers: list[RawWriter] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        found = raw_writer(scope)
        assert found is not None
        writers.append(found)
        await receive()

    async with serving(app, websockets=True) as rig:
        clients = [await client(rig) for _ in range(5)]
        await rig.until(lambda: len(writers) == 5)
        for payload in (b"", "ä".encode() * 60, b"x" * 125, b"x" * 126, b"x" * 70_000):
            one = encode_text(payload)
            assert all([writer.write(one) or await writer.drained() for writer in writers])
            assert [await received(socket) for socket in clients] == [payload.decode()] * 5
        for socket in clients:
            await socket.close()
        await rig.until(lambda: not rig.server.server_state.connections)
        assert not any(writer.writable or writer.write(encode_text(b"late")) for writer in writers)


async def test_the_server_closes_what_the_application_leaves_open_when_it_stops() -> None:
    async with serving(echo, websockets=True) as rig:
        peer, late = await opened(rig), await opened(rig)
        for one in sockets(rig):
            one.shutdown()
        async with asyncio.timeout(TIMEOUT):
            head = await peer.reader.readexactly(4)
            assert (head[0], head[2:]) == (0x88, struct.pack("!H", 1012))
        await peer.send(frame(8, struct.pack("!H", 1012)))
        await peer.ended()
        await late.ended()  # which does not answer the close frame
        await rig.until(lambda: not rig.server.server_state.connections and not rig.server.server_state.tasks)


async def test_a_close_frame_that_is_not_answered_ends_the_connection_after_a_while() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4403, "reason": "ü" * 100})
        assert (await receive())["code"] == 4403

    async with serving(app, websockets=True) as rig:
        peer = await opened(rig)
        await rig.elapse(CLOSE_TIMEOUT)
        frames = await frames_to_end(peer)
        assert close_code(frames) == 4403
        assert len(frames[0][1]) <= 125


async def test_an_application_that_fails_closes_with_1011_and_one_that_returns_with_1000() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/fails":
            raise RuntimeError("a fault of the application")

    async with serving(app, websockets=True) as rig:
        for path, code in (("/fails", 1011), ("/returns", 1000)):
            async with client(rig, path) as socket:
                with pytest.raises(ConnectionClosed):
                    await received(socket)
                assert socket.close_code == code


async def test_sockets_count_to_the_limit_of_connections() -> None:
    async with serving(echo, Limits(connections=4, reserved_connections=1), websockets=True) as rig:
        held = [await opened(rig) for _ in range(3)]
        answer = await (await rig.connect()).ask(get("/", *UPGRADE))  # the reserved place is not for sockets
        assert answer.code == "too_many_connections"
        answer = await (await rig.connect()).ask(get("/", *UPGRADE))
        assert answer.code == "too_many_connections"
        held[0].close()
        await rig.until(lambda: len(sockets(rig)) == 2)
        await opened(rig)


@pytest.mark.parametrize("websockets", [True, False])
async def test_where_no_websocket_is_offered_or_taken_the_request_is_answered(websockets: bool) -> None:
    from .rig import echo as http_echo

    async with serving(http_echo, websockets=websockets) as rig:
        peer = await rig.connect()
        for lines in ([], ["Connection: Upgrade", "Upgrade: h2c"], *([] if websockets else [list(UPGRADE)])):
            assert (await peer.ask(get("/", *lines))).status == 200
        old = await rig.connect()
        assert (await old.ask(get("/", *UPGRADE, version="1.0"))).status == 200
