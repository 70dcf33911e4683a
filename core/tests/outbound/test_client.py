"""Calls to receivers: where they connect to, and what they make of each answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit.outbound import OutboundAnswer, OutboundClient, OutboundError, parse_url
from umbral_chat.http_kit.outbound.addresses import Address
from umbral_chat.settings import OutboundLimits

from .receiver import OK, Names, Network, receiving

LOOPBACK = OutboundLimits(allow=["127.0.0.0/8"], timeout=30.0)

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


async def failed(client: OutboundClient, url: str, *, timeout: float | None = None) -> str:
    """The code of a call that fails."""
    with pytest.raises(OutboundError) as caught:
        await client.post(client.parse(url), b"{}", {}, timeout=timeout)
    assert "/secret-path" not in caught.value.detail
    return caught.value.code


async def test_a_call_and_its_answer() -> None:
    async with receiving() as receiver, OutboundClient(LOOPBACK) as client:
        url = client.parse(f"http://localhost:{receiver.port}/hook?a=b")
        for _ in range(2):
            answer = await client.post(url, b'{"a":1}', {"Content-Type": "application/json"})
            assert (answer.status, answer.body, answer.complete) == (200, b"ok", True)
        line, headers, body = receiver.requests[0]
        assert line == "POST /hook?a=b HTTP/1.1"
        assert headers["host"] == f"localhost:{receiver.port}"
        assert headers["content-type"] == "application/json"
        assert headers["user-agent"].startswith("umbral-chat/")
        assert "cookie" not in headers
        assert body == b'{"a":1}'
        assert receiver.connections == 1


async def test_what_is_read_has_no_body() -> None:
    async with receiving() as receiver, OutboundClient(LOOPBACK) as client:
        url = client.parse(f"http://localhost:{receiver.port}/list?a=b")
        answer = await client.get(url, {"Accept": "application/json"}, answer_limit=1)
        assert (answer.status, answer.body, answer.complete) == (200, b"o", False)
        line, headers, body = receiver.requests[0]
        assert (line, body) == ("GET /list?a=b HTTP/1.1", b"")
        assert headers["accept"] == "application/json"
        assert "content-length" not in headers


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost.", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "169.254.169.254", "[fe80::1]", "10.0.0.1", "192.168.1.1"),
    ],
)
async def test_no_spelling_of_this_machine_is_called(host: str) -> None:
    async with receiving() as receiver, OutboundClient(OutboundLimits()) as client:
        with pytest.raises((InvalidRequest, OutboundError)) as caught:
            await client.post(client.parse(f"http://{host}:{receiver.port}/"), b"", {})
        assert cast("Any", caught.value).code in {"refused_url", "host_not_found"}
        assert receiver.connections == 0


async def test_the_reason_names_no_address() -> None:
    async with OutboundClient(OutboundLimits(), resolve=Names(example_com=["10.1.2.3"])) as client:
        with pytest.raises(InvalidRequest) as caught:
            await client.check("https://example.com/secret-path", field="push.url")
    error = caught.value
    assert (error.code, error.field) == ("refused_url", "push.url")
    assert "private" in error.detail
    assert "core.outbound.allow" in error.detail
    assert "10.1.2.3" not in error.detail
    assert "secret-path" not in error.detail


async def test_a_host_that_does_not_resolve_yet_passes_the_check() -> None:
    async with OutboundClient(OutboundLimits(), resolve=Names()) as client:
        assert (await client.check("https://later.example/")).host == "later.example"
        assert await failed(client, "https://later.example/secret-path") == "host_not_found"


async def test_an_address_that_changes_after_the_check_is_not_connected_to() -> None:
    network = Network()
    names = Names(rebind_example=["93.184.215.14", "127.0.0.1"])
    async with OutboundClient(OutboundLimits(), resolve=names, backend=network) as client:
        await client.check("http://rebind.example/")
        assert await failed(client, "http://rebind.example/secret-path") == "refused_url"
        assert network.connected == []


async def test_a_connection_leads_to_the_address_that_was_judged() -> None:
    network = Network()
    names = Names(rebind_example=["93.184.215.14", "127.0.0.1"])
    async with OutboundClient(OutboundLimits(), resolve=names, backend=network) as client:
        await client.post(client.parse("https://rebind.example/"), b"", {})
        assert names.lookups == 1
        assert network.connected == [("93.184.215.14", 443)]
        assert network.tls == ["rebind.example"]
        assert b"Host: rebind.example\r\n" in network.sent


async def test_of_several_addresses_only_permitted_ones_are_tried_each() -> None:
    network = Network(silent=["2606:4700::1111"])
    names = Names(both_example=[["fd00::1", "2606:4700::1111", "10.0.0.1", "93.184.215.14"]])
    async with OutboundClient(OutboundLimits(), resolve=names, backend=network) as client:
        await client.post(client.parse("http://both.example/"), b"", {})
        assert [host for host, _ in network.connected] == ["2606:4700::1111", "93.184.215.14"]


async def test_a_silent_resolver_is_a_host_that_is_not_found() -> None:
    async def silent(host: str, port: int) -> list[Address]:
        await asyncio.get_running_loop().create_future()
        return []

    settings = OutboundLimits(connect_timeout=0.05, timeout=30.0)
    async with OutboundClient(settings, resolve=silent) as client:
        assert await failed(client, "https://example.com/secret-path") == "host_not_found"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with receiving() as target, OutboundClient(LOOPBACK) as client:
        where = f"http://127.0.0.1:{target.port}/elsewhere"
        answer = f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()
        async with receiving(answer) as receiver:
            assert await failed(client, f"http://127.0.0.1:{receiver.port}/secret-path") == "redirected"
        assert target.requests == []


@pytest.mark.parametrize("status", [200, 204, 304, 400, 410, 429, 500, 503])
async def test_any_other_status_is_an_answer(status: int) -> None:
    async with (
        receiving(f"HTTP/1.1 {status} Any\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".encode()) as receiver,
        OutboundClient(LOOPBACK) as client,
    ):
        answer = await client.post(client.parse(f"http://127.0.0.1:{receiver.port}/"), b"", {})
        assert answer.status == status
        assert answer.retry_after(NOW) == 7


async def test_only_so_much_of_an_answer_is_read() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
            await writer.drain()

    async with receiving(endless) as receiver, OutboundClient(LOOPBACK) as client:
        url = client.parse(f"http://127.0.0.1:{receiver.port}/")
        answer = await client.post(url, b"", {}, answer_limit=1_000)
        assert (answer.body, answer.complete) == (b"x" * 1_000, False)


async def test_an_answer_that_does_not_come() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await writer.drain()

    async def trickling(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    for answer in (silent, trickling):
        async with receiving(answer) as receiver, OutboundClient(LOOPBACK) as client:
            url = f"http://127.0.0.1:{receiver.port}/secret-path"
            assert await failed(client, url, timeout=0.2) == "call_timeout"


async def test_connections_that_are_refused_or_cut() -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async def shut(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with OutboundClient(LOOPBACK) as client:
        async with receiving(cut) as receiver:
            assert await failed(client, f"http://127.0.0.1:{receiver.port}/") in {"connection_failed", "invalid_answer"}
            receiver.answers = [shut]
            assert await failed(client, f"http://127.0.0.1:{receiver.port}/") in {"connection_failed", "invalid_answer"}
            receiver.answers = [b"SSH-2.0-OpenSSH_9.6\r\n\r\n"]
            assert await failed(client, f"http://127.0.0.1:{receiver.port}/") == "invalid_answer"
        assert await failed(client, f"http://127.0.0.1:{receiver.port}/") == "connection_failed"


async def test_tls_is_not_given_up() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server, OutboundClient(LOOPBACK) as client:
        port = server.sockets[0].getsockname()[1]
        assert await failed(client, f"https://127.0.0.1:{port}/secret-path") == "tls_failed"


async def test_a_call_that_runs_when_its_client_is_closed_leaves_no_connection() -> None:
    asked, answering = asyncio.Event(), asyncio.Event()
    closed: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await answering.wait()
        writer.write(OK)
        await writer.drain()
        closed.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with server, OutboundClient(LOOPBACK) as client:
        url = client.parse(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        call = asyncio.create_task(client.post(url, b"", {}))
        await asked.wait()
        await client.close()
        answering.set()
        assert (await call).body == b"ok"
        async with asyncio.timeout(2):  # an idle connection would be kept for five seconds and more
            assert await closed == b""


async def test_calls_are_bounded() -> None:
    waiting = asyncio.Event()

    async def held(writer: asyncio.StreamWriter) -> None:
        await waiting.wait()
        writer.write(OK)
        await writer.drain()

    async with receiving(held) as receiver, OutboundClient(LOOPBACK, connections=2) as client:
        url = client.parse(f"http://127.0.0.1:{receiver.port}/")
        calls = [asyncio.create_task(client.post(url, b"", {})) for _ in range(4)]
        await asyncio.sleep(0)
        assert await failed(client, str(url)) == "too_many_calls"
        waiting.set()
        assert [answer.status for answer in await asyncio.gather(*calls)] == [200] * 4
        assert receiver.connections == 2


async def test_calls_that_are_cancelled_keep_no_connection() -> None:
    """httpcore's pool has one connection less for each call that asyncio cancels at the wrong moment."""
    async with OutboundClient(LOOPBACK, connections=2) as client:
        for turns in range(1, 14):
            async with receiving() as receiver:
                url = client.parse(f"http://127.0.0.1:{receiver.port}/")
                await asyncio.gather(*(client.post(url, b"", {}) for _ in range(2)))
            # Its connections are closed and are in the pool: the next call takes them out.
            async with receiving() as receiver:
                url = client.parse(f"http://127.0.0.1:{receiver.port}/")
                calls = [asyncio.create_task(client.post(url, b"", {})) for _ in range(2)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                for call in calls:
                    call.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
                answers = await asyncio.gather(*(client.post(url, b"", {}, timeout=5.0) for _ in range(2)))
                assert [answer.status for answer in answers] == [200, 200]


async def test_a_trusted_url_may_be_private_and_others_are_not_sent_to_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving() as receiver, receiving() as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        names = Names(n8n=["127.0.0.1"], n8n_example=["127.0.0.1"])
        async with OutboundClient(LOOPBACK, resolve=names) as client:
            await client.post(client.parse(f"http://n8n.example:{receiver.port}/hook"), b"", {})
            assert (len(receiver.requests), len(proxy.requests)) == (1, 0)
        async with OutboundClient(OutboundLimits(), trusted=True) as client:
            await client.post(await client.check(f"http://127.0.0.1:{receiver.port}/hook"), b"", {})
            assert (len(receiver.requests), len(proxy.requests)) == (2, 0)
            await client.post(await client.check("http://n8n:81/hook"), b"", {})
            assert proxy.requests[0][0].startswith("POST http://n8n:81/hook ")


@pytest.mark.parametrize("network", ["10.0.0.0/33", "10.0.0.1/8", "localhost", ""])
def test_what_is_no_network_is_no_setting(network: str) -> None:
    with pytest.raises(ValueError, match="which is no network"):
        OutboundLimits(allow=[network])


RETRY_AFTER = {
    "0": 0.0,
    "120": 120.0,
    "Thu, 01 Jan 2026 12:01:00 GMT": 60.0,
    "Thu, 01 Jan 2026 11:00:00 GMT": 0.0,
    "99999999999999999999": 86_400.0,
    "Thu, 01 Jan 2099 12:00:00 GMT": 86_400.0,
    "": None,
    "soon": None,
    "-1": None,
    "1.5": None,
}


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER.items())
def test_when_to_try_again(value: str, seconds: float | None) -> None:
    assert OutboundAnswer(503, {"retry-after": value}, b"", complete=True).retry_after(NOW) == seconds


@given(st.text())
def test_any_retry_after_is_read_or_ignored(value: str) -> None:
    seconds = OutboundAnswer(503, {"retry-after": value}, b"", complete=True).retry_after(NOW)
    assert seconds is None or 0 <= seconds <= 86_400


def test_parse_url_is_what_the_client_parses() -> None:
    text = "https://example.com:8443/x"
    assert OutboundClient(OutboundLimits()).parse(text) == parse_url(text)
