"""Answers that are read as they come, and whether a failed call may have reached its receiver."""

from __future__ import annotations

import asyncio

import pytest
from umbral_chat.http_kit.outbound import OutboundClient, OutboundError, OutboundStream
from umbral_chat.settings import OutboundLimits

from .receiver import Network, receiving

LOOPBACK = OutboundLimits(allow=["127.0.0.0/8"], timeout=30.0)
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Name: value\r\n\r\n"


async def drain(stream: OutboundStream, timeout: float) -> None:
    while await stream.read(timeout):
        pass


async def test_an_answer_is_read_while_it_is_written() -> None:
    more = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"3\r\none\r\n")
        await more.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    async with receiving(answer) as receiver, OutboundClient(LOOPBACK) as client:
        url = client.parse(f"http://127.0.0.1:{receiver.port}/")
        async with client.stream(url, b"{}", {"X-Mine": "1"}) as stream:
            assert (stream.status, stream.headers["x-name"]) == (200, "value")
            assert await stream.read(30) == b"one"
            more.set()
            assert await stream.read(30) == b"two"
            assert await stream.read(30) == b""
        assert receiver.requests[0][1]["x-mine"] == "1"
        assert receiver.requests[0][1]["connection"] == "close"


async def test_a_body_that_is_cut_or_silent_fails_and_was_sent() -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"3\r\none\r\n")
        writer.close()

    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)

    async with receiving(cut, silent) as receiver, OutboundClient(LOOPBACK, connections=1) as client:
        url = client.parse(f"http://127.0.0.1:{receiver.port}/")
        for code, timeout in (("invalid_answer", 30.0), ("call_timeout", 0.05)):
            async with client.stream(url, b"{}", {}) as stream:
                with pytest.raises(OutboundError) as caught:
                    await drain(stream, timeout)
            assert (caught.value.code, caught.value.sent) == (code, True)


async def test_a_head_that_does_not_come_was_sent() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        pass

    async with receiving(silent) as receiver, OutboundClient(LOOPBACK) as client:
        with pytest.raises(OutboundError) as caught:
            async with client.stream(client.parse(f"http://127.0.0.1:{receiver.port}/"), b"{}", {}, timeout=0.05):
                pass
        assert (caught.value.code, caught.value.sent) == ("call_timeout", True)


async def test_a_redirect_is_not_followed() -> None:
    async with (
        receiving(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n") as receiver,
        OutboundClient(LOOPBACK) as client,
    ):
        with pytest.raises(OutboundError) as caught:
            async with client.stream(client.parse(f"http://127.0.0.1:{receiver.port}/"), b"{}", {}):
                pass
        assert (caught.value.code, caught.value.sent) == ("redirected", True)


@pytest.mark.parametrize("trusted", [True, False])
async def test_without_a_connection_nothing_was_sent(trusted: bool) -> None:
    async with receiving() as receiver:
        port = receiver.port
    async with OutboundClient(LOOPBACK, trusted=trusted) as client:
        with pytest.raises(OutboundError) as caught:
            async with client.stream(client.parse(f"http://127.0.0.1:{port}/"), b"{}", {}):
                pass
        assert (caught.value.code, caught.value.sent) == ("connection_failed", False)


async def test_an_address_that_is_silent_got_nothing() -> None:
    network = Network(silent=["127.0.0.1"])
    async with OutboundClient(LOOPBACK, trusted=True, backend=network) as client:
        with pytest.raises(OutboundError) as caught:
            async with client.stream(client.parse("http://127.0.0.1/"), b"{}", {}):
                pass
        assert (caught.value.code, caught.value.sent) == ("call_timeout", False)


async def test_streams_are_bounded() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)

    async with receiving(silent) as receiver, OutboundClient(LOOPBACK, connections=1) as client:
        url = client.parse(f"http://127.0.0.1:{receiver.port}/")
        async with client.stream(url, b"{}", {}):
            with pytest.raises(OutboundError) as caught:
                async with client.stream(url, b"{}", {}, timeout=0.05):
                    pass
            assert caught.value.code == "call_timeout"
            first = asyncio.create_task(client.post(url, b"{}", {}))
            await asyncio.sleep(0)
            with pytest.raises(OutboundError) as caught:
                await client.post(url, b"{}", {})
            assert (caught.value.code, caught.value.sent) == ("too_many_calls", False)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
