"""The WebSocket under servers other than our own: the writer that sends through ASGI, alone and behind uvicorn."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.http_kit.websocket import encode_text
from umbral_chat_streaming.ws.writer import BUFFERED, PortableWriter, split_frames

from .rig import KEY, Kind, Served, served

LARGE = {"core__limits__content_chars": "200000", "core__limits__body_bytes": "400000"}
"""Messages that fill the buffers of a socket soon."""

PLAIN: dict[str, Any] = {"max_size": None, "ping_interval": None, "compression": None}
"""Options of a client whose messages are as long on the wire as they look."""

SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])


@given(st.lists(SIZES, max_size=5))
def test_frames_that_were_joined_are_taken_apart_again(sizes: list[int]) -> None:
    payloads = [bytes([97 + index]) * size for index, size in enumerate(sizes)]
    assert list(split_frames(b"".join(map(encode_text, payloads)))) == payloads


class Client:
    """Takes what is sent while it reads."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = False

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        if self.gone:
            raise ConnectionResetError("the client is gone")
        assert message["type"] == "websocket.send"
        self.texts.append(message["text"])


def text(content: str) -> bytes:
    return encode_text(content.encode())


@pytest.fixture
async def client() -> Client:
    return Client()


async def test_what_is_written_is_sent_in_order_one_message_a_frame(client: Client) -> None:
    writer = PortableWriter(client.send, write_timeout=30)
    running = asyncio.create_task(writer.run())
    assert writer.write(text("eins") + text("zw\u00f6lf \U0001f389"))
    assert writer.write(text("drei"))
    writer.close()
    await asyncio.wait_for(running, 30)
    assert client.texts == ["eins", "zw\u00f6lf \U0001f389", "drei"]
    assert not writer.write(text("too late"))
    assert not writer.writable
    assert not await writer.drained()


async def test_a_client_that_does_not_read_holds_its_writer_up_and_nothing_is_lost(client: Client) -> None:
    client.reads.clear()
    writer = PortableWriter(client.send, write_timeout=30)
    running = asyncio.create_task(writer.run())
    half = "x" * (BUFFERED // 2)
    assert writer.write(text(half))
    assert not writer.write(text(half)), "the bound is reached"
    assert not writer.writable
    waiting = asyncio.create_task(writer.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    client.reads.set()
    assert await asyncio.wait_for(waiting, 30)
    assert writer.write(text("more"))
    writer.close()
    await asyncio.wait_for(running, 30)
    assert client.texts == [half, half, "more"]


async def test_a_writer_that_is_closed_lets_go_whoever_waits(client: Client) -> None:
    client.reads.clear()
    writer = PortableWriter(client.send, write_timeout=30)
    running = asyncio.create_task(writer.run())
    writer.write(text("x" * BUFFERED))
    waiting = [asyncio.create_task(writer.drained()) for _ in range(2)]
    await asyncio.sleep(0)
    writer.close()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 30) == [False, False]
    client.reads.set()
    await asyncio.wait_for(running, 30)
    assert len(client.texts) == 1


async def test_a_client_that_takes_no_frame_in_time_ends_the_writer(client: Client) -> None:
    client.reads.clear()
    writer = PortableWriter(client.send, write_timeout=0.05)
    running = asyncio.create_task(writer.run())
    writer.write(text("x" * BUFFERED))
    assert not await asyncio.wait_for(writer.drained(), 30)
    await asyncio.wait_for(running, 30)
    assert not writer.write(text("more"))


async def test_what_a_server_raises_of_its_own_is_not_hidden() -> None:
    async def send(_message: Any) -> None:
        raise RuntimeError("a wrong message")

    writer = PortableWriter(send, write_timeout=30)
    writer.write(text("x" * BUFFERED))
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(writer.run(), 30)
    assert not await asyncio.wait_for(writer.drained(), 30)


async def test_a_client_that_is_gone_ends_the_writer_and_whoever_waits(client: Client) -> None:
    client.reads.clear()
    client.gone = True
    writer = PortableWriter(client.send, write_timeout=30)
    running = asyncio.create_task(writer.run())
    writer.write(text("x" * BUFFERED))
    waiting = asyncio.create_task(writer.drained())
    await asyncio.sleep(0)
    client.reads.set()
    assert not await asyncio.wait_for(waiting, 30)
    assert not writer.writable
    assert not writer.write(text("more"))
    await asyncio.wait_for(running, 30)


@pytest.fixture(params=["websockets-sansio", "wsproto"])
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    kind: Kind = request.param
    async with served(tmp_path, key=KEY, kind=kind, **LARGE) as found:
        yield found


async def test_a_conversation_is_followed_and_written_to(service: Served) -> None:
    await service.say("before")
    async with service.socket(KEY) as socket, service.socket(await service.token()) as visitor:
        for one in (socket, visitor):
            assert (await one.ask(type="subscribe", conversation="room"))["result"] == {"cursor": "0", "head": 1}
        answers = [
            await visitor.ask(type="send", conversation="room", content=f"{n} \u00e4\U0001f389") for n in range(30)
        ]
        assert [answer["result"]["entry"]["seq"] for answer in answers] == list(range(2, 32))
        frames = [await socket.until("entry") for _ in range(31)]
        assert [frame["entry"]["seq"] for frame in frames] == list(range(1, 32))
        poll = (await service.http.get("/v1/conversations/room/events")).json()
        assert [frame["entry"] for frame in frames] == poll["entries"]
        assert (await visitor.ask(type="nonsense"))["error"]["code"] == "unknown_type"
    await service.until(lambda: service.services.feeds.readers.count == 0)


async def test_the_last_status_comes_before_the_close_frame(service: Served) -> None:
    async with service.socket(KEY) as socket:
        await socket.ask(type="subscribe", conversation="room")
        service.services.lifecycle.drain()
        last, code = await socket.end()
        assert code == 4001
        assert last is not None
        assert (last["status"]["code"], last["status"]["reconnect"]) == ("draining", "now")


async def test_what_is_no_text_or_too_long_has_its_code(service: Served) -> None:
    limit = service.services.base.settings.core.limits.body_bytes
    for given_, code in ((b"binary", 1003), ("x" * (limit + 1), 1009)):
        async with service.socket(KEY) as socket:
            await socket.connection.send(given_)
            assert (await socket.end())[1] == code
    await service.until(lambda: service.services.feeds.readers.count == 0)


async def small_link(service: Served) -> socket.socket:
    """A connection that takes little ahead of its reader."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", service.port))
    return link


@pytest.mark.slow
async def test_a_client_that_reads_late_gets_every_entry_once(service: Served) -> None:
    """Megabytes wait for it: it costs a buffer, its subscription reads the log from its cursor, and others go on."""
    count, content = 40, "x" * 180_000
    slow = service.connect(sock=await small_link(service), **PLAIN)
    async with slow as connection, service.socket(KEY) as fast:
        await connection.send(json.dumps({"type": "auth", "token": KEY}))
        await connection.send(json.dumps({"type": "subscribe", "id": "s", "conversation": "room"}))
        await fast.ask(type="subscribe", conversation="room")
        await service.until(lambda: service.services.feeds.readers.count == 2)
        connection.transport.pause_reading()
        for number in range(count):
            await service.say(f"{number} {content}")
        assert await fast.entries(count) == list(range(1, count + 1))
        assert service.services.base.telemetry.counter("umbral_chat.streams.slow").labels().value >= 1
        connection.transport.resume_reading()
        seqs: list[int] = []
        async with asyncio.timeout(60):
            while len(seqs) < count:
                frame = json.loads(await connection.recv())
                if frame["type"] == "entry":
                    seqs.append(frame["entry"]["seq"])
        assert seqs == list(range(1, count + 1))


async def test_a_client_that_reads_nothing_any_more_leaves_nothing_behind(tmp_path: Path) -> None:
    settings = LARGE | {"core__limits__write_timeout": "1"}
    async with served(tmp_path, key=KEY, kind="websockets-sansio", **settings) as service:
        async with service.socket(KEY, sock=await small_link(service), **PLAIN) as stuck:
            await stuck.ask(type="subscribe", conversation="room")
            stuck.connection.transport.pause_reading()
            for _ in range(40):  # its answers: it is held up until the write timeout, and then its frames are dropped
                await stuck.send(type="send", id="x", conversation="room", content="x" * 180_000)
            await service.until(lambda: service.services.feeds.waited_on == [])
            stuck.connection.transport.abort()
        await service.until(lambda: service.services.feeds.readers.count == 0)
