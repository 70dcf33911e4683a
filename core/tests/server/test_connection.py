"""Requests over the real server: in order, within bounds, refused with a problem and a closed connection."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from umbral_chat._core.http.outer_middleware import FOR_BROWSERS
from umbral_chat.settings import Limits

from .rig import echo, get, post, serving


async def test_requests_on_one_connection_are_answered_one_after_another() -> None:
    async with serving(echo) as rig:
        peer = await rig.connect()
        first = await peer.ask(get("/a%20b?x=1", "X-Y: z"))
        told = json.loads(first.body)
        assert (told["method"], told["path"], told["query"]) == ("GET", "/a b", "x=1")
        assert ["x-y", "z"] in told["headers"]
        assert json.loads((await peer.ask(post(b"body"))).body)["body"] == "body"
        chunked = get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        assert json.loads((await peer.ask(chunked)).body)["body"] == "abcde"
        assert json.loads((await peer.ask(get("/last"))).body)["path"] == "/last"
        assert len(rig.held) == 1


async def test_pipelined_requests_are_answered_in_order_also_in_one_write_and_byte_by_byte() -> None:
    requests = b"\r\n".join(
        [
            *(post(b"x" * number, f"/{number}") for number in range(40)),
            get("/40", "Transfer-Encoding: chunked", method="PUT") + b"2\r\nhi\r\n0\r\n\r\n",
            get("/41"),
        ]
    )
    async with serving(echo) as rig:
        for whole in (True, False):
            peer = await rig.connect()
            if whole:
                await peer.send(requests)
            else:
                for at in range(0, len(requests), 97):
                    await peer.send(requests[at : at + 97])
            paths = [json.loads((await peer.answer()).body)["path"] for _ in range(42)]
            assert paths == [f"/{number}" for number in range(42)]


async def test_pipelined_requests_wait_in_the_socket_while_one_is_answered() -> None:
    begun, go = [], asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["path"])
        await receive()
        await go.wait()
        await echo(scope, receive_nothing, send)

    async def receive_nothing() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async with serving(slow) as rig:
        peer = await rig.connect()
        much = get("/one") + post(b"x" * 50, "/more") * 40_000  # some 4 MB
        writing = asyncio.create_task(peer.send(much))
        await rig.until(lambda: begun)
        await rig.until(lambda: rig.held[0].flow.read_paused)
        for _ in range(50):
            await asyncio.sleep(0)
        assert begun == ["/one"]
        assert len(rig.held[0]._waiting) <= 300_000  # one read of the socket
        go.set()
        for _ in range(20):
            assert (await peer.answer()).status == 200
        writing.cancel()


async def test_an_answer_without_end_in_sight_is_written_as_it_comes() -> None:
    go = asyncio.Event()

    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await go.wait()
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b"two", "more_body": False})

    async with serving(stream) as rig:
        peer = await rig.connect()
        await peer.send(get())
        answer = await peer.answer(head_only=True)  # before the first piece is there
        assert answer.headers["transfer-encoding"] == "chunked"
        go.set()
        assert await peer.reader.readexactly(21) == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        old = await rig.connect()
        answer = await old.ask(get(version="1.0"))
        assert answer.headers.get("transfer-encoding") is None
        assert answer.body == b"onetwo"


async def test_an_answer_is_one_write_and_sending_does_not_suspend() -> None:
    done: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sending = send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        with pytest.raises(StopIteration):
            sending.send(None)
        writes: list[bytes] = []
        [one] = rig.held
        transport = one.transport
        one.cycle.transport = Recorder(transport, writes)  # type: ignore[assignment]
        sending = send({"type": "http.response.body", "body": b"ok"})
        with pytest.raises(StopIteration):
            sending.send(None)
        one.cycle.transport = transport
        assert len(writes) == 1
        done.append(writes[0])

    async with serving(app) as rig:
        peer = await rig.connect()
        assert (await peer.ask(get())).body == b"ok"
        assert done[0].startswith(b"HTTP/1.1 200 OK\r\n")
        assert done[0].endswith(b"\r\n\r\nok")


class Recorder:
    """A transport that remembers what was written."""

    def __init__(self, transport: asyncio.Transport, writes: list[bytes]) -> None:
        self._transport = transport
        self._writes = writes

    def write(self, data: bytes) -> None:
        self._writes.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_head_and_http_1_0_are_answered_as_they_ask() -> None:
    async with serving(echo) as rig:
        peer = await rig.connect()
        await peer.send(get(method="HEAD"))
        answer = await peer.answer(head_only=True)
        assert int(answer.headers["content-length"]) > 0
        assert (await peer.ask(get())).status == 200  # and no body came between
        old = await rig.connect()
        answer = await old.ask(b"GET /old HTTP/1.0\r\n\r\n")  # a Host is not needed there
        assert json.loads(answer.body)["path"] == "/old"
        assert answer.headers["connection"] == "close"
        assert await old.ended() == b""


async def test_a_client_that_asks_first_may_go_on() -> None:
    async with serving(echo) as rig:
        peer = await rig.connect()
        await peer.send(get("/", "Content-Length: 5", "Expect: 100-continue", method="POST"))
        assert (await peer.answer()).status == 100
        assert json.loads((await peer.ask(b"hello")).body)["body"] == "hello"


@pytest.mark.parametrize(
    "headers",
    [
        ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"],
        ["Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
        ["CONNECTION: UPGRADE", "UPGRADE: TLS/1.0"],
        ["Upgrade: h2c"],
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "CONNECT", "FOO"])
async def test_a_body_is_read_whatever_other_protocol_is_offered(headers: list[str], method: str) -> None:
    async with serving(echo) as rig:
        peer = await rig.connect()
        told = json.loads((await peer.ask(post(b"kept", "/x", *headers, method=method))).body)
        assert (told["method"], told["body"]) == (method, "kept")
        chunked = get("/", "Transfer-Encoding: chunked", *headers, method=method) + b"4\r\nkept\r\n0\r\n\r\n"
        assert json.loads((await peer.ask(chunked)).body)["body"] == "kept"
        assert json.loads((await peer.ask(get("/y", *headers))).body)["path"] == "/y"


LONG = "x" * 9_000
BAD = {
    "length and chunks": (get("/", "Content-Length: 5", "Transfer-Encoding: chunked", method="POST"), 400),
    "chunks and length": (get("/", "Transfer-Encoding: chunked", "Content-Length: 5", method="POST"), 400),
    "two lengths": (get("/", "Content-Length: 5", "Content-Length: 6", method="POST"), 400),
    "the same length twice": (get("/", "Content-Length: 5", "Content-Length: 5", method="POST"), 400),
    "a list of lengths": (get("/", "Content-Length: 5, 5", method="POST"), 400),
    "a signed length": (get("/", "Content-Length: +5", method="POST"), 400),
    "a negative length": (get("/", "Content-Length: -5", method="POST"), 400),
    "a length in hex": (get("/", "Content-Length: 0x5", method="POST"), 400),
    "an endless length": (get("/", f"Content-Length: {'9' * 40}", method="POST"), 400),
    "an empty length": (get("/", "Content-Length: ", method="POST"), 400),
    "another coding": (get("/", "Transfer-Encoding: gzip, chunked", method="POST"), 400),
    "a coding after chunks": (get("/", "Transfer-Encoding: chunked, identity", method="POST"), 400),
    "chunks twice": (get("/", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", method="POST"), 400),
    "chunks that are not": (get("/", "Transfer-Encoding: xchunked", method="POST"), 400),
    "a vertical tab in a coding": (get("/", "Transfer-Encoding: \x0bchunked", method="POST"), 400),
    "chunks of HTTP/1.0": (get("/", "Transfer-Encoding: chunked", method="POST", version="1.0"), 400),
    "a bad chunk size": (get("/", "Transfer-Encoding: chunked", method="POST") + b"5g\r\nhello\r\n0\r\n\r\n", 400),
    "a trailer": (get("/", "Transfer-Encoding: chunked", method="POST") + b"0\r\nA: b\r\n\r\n", 400),
    "a space before the colon": (get("/", "Content-Length : 5", method="POST"), 400),
    "a folded header": (get("/", "X: a\r\n b"), 400),
    "a folded length": (get("/", "Content-Length:\r\n 5", method="POST"), 400),
    "a header without a colon": (get("/", "nothing"), 400),
    "a header without a name": (get("/", ": x"), 400),
    "a NUL in a header": (get("/", "X: a\x00b"), 400),
    "a CR in a header": (get("/", "X: a\rb"), 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare LF in one line": (b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (get("/", "Host: other"), 400),
    "a fragment": (get("/v1/conversations/a#/presence", method="DELETE"), 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "HTTP/0.9": (b"GET / HTTP/0.9\r\nHost: x\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/3.7": (get("/", version="3.7"), 400),
    "no HTTP": (b"GET / FTP/1.1\r\nHost: x\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "two empty lines first": (b"\r\n\r\n" + get(), 400),
    "a path that is none": (get("no-slash"), 400),
    "an authority for a path": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 400),
    "a space in the path": (get("/a b"), 400),
    "high bytes in the path": (get("/\xff\xfe"), 400),
    "a control in the path": (get("/\x1b[2J"), 400),
    "a long path": (get(f"/{LONG}"), 414),
    "a long query": (get(f"/?q={LONG}"), 414),
    "a long path without end": (b"GET /" + b"x" * 9_000, 414),
    "a long header": (get("/", f"X: {LONG * 4}"), 431),
    "a long header without end": (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000, 431),
    "a long name": (get("/", f"{LONG * 4}: x"), 431),
    "many headers": (get("/", *(f"X-{number}: y" for number in range(100))), 431),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("split", [False, True])
async def test_a_bad_request_is_a_problem_and_the_end_of_the_connection(
    name: str, split: bool, caplog: pytest.LogCaptureFixture
) -> None:
    data, status = BAD[name]
    async with serving(echo) as rig:
        peer = await rig.connect()
        if split:
            await peer.send(data[: len(data) // 2])
            await asyncio.sleep(0)
        await peer.send(data[len(data) // 2 :] if split else data)
        answer = await peer.answer()
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert dict(FOR_BROWSERS).items() <= {a.encode(): b.encode() for a, b in answer.headers.items()}.items()
        assert await peer.ended() == b""
        assert rig.refused(answer.code) == 1
        peer.close()
        await rig.until(lambda: not rig.held)
        other = await rig.connect()
        assert (await other.ask(get())).status == 200
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


async def test_the_codes_and_limits_of_refusals_are_told() -> None:
    async with serving(echo) as rig:
        for data, code, limit in (
            (get(f"/{LONG}"), "uri_too_long", 8192),
            (BAD["many headers"][0], "headers_too_large", 100),
            (BAD["a long header"][0], "headers_too_large", 32_768),
            (BAD["a trailer"][0], "trailers_refused", None),
            (BAD["a folded header"][0], "invalid_http_request", None),
        ):
            answer = await (await rig.connect()).ask(data)
            assert (answer.code, json.loads(answer.body).get("limit")) == (code, limit)


async def test_headers_without_end_are_refused_while_they_come_and_the_refusal_is_read() -> None:
    async with serving(echo) as rig:
        peer = await rig.connect()

        async def pour() -> None:
            await peer.send(b"GET / HTTP/1.1\r\n")
            for number in range(20_000):
                await peer.send(b"X-%d: %b\r\n" % (number, b"y" * 1_000))

        pouring = asyncio.create_task(pour())
        answer = await peer.answer()
        assert (answer.status, answer.code) == (431, "headers_too_large")
        await rig.elapse(2)  # the client reads no further, and is still there
        await rig.until(lambda: not rig.held)
        with pytest.raises(ConnectionError):
            await pouring


async def test_an_error_after_good_requests_comes_in_its_turn() -> None:
    async with serving(echo) as rig:
        peer = await rig.connect()
        await peer.send(post(b"1") + get("/2") + b"nonsense\r\n\r\n" + get("/3"))
        assert [(await peer.answer()).status for _ in range(3)] == [200, 200, 400]
        assert await peer.ended() == b""


async def test_a_bad_chunk_ends_a_request_whose_application_waits_for_more() -> None:
    ended = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await echo(scope, receive, send)
        ended.append((await receive())["type"])

    async with serving(app) as rig:
        peer = await rig.connect()
        await peer.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        await rig.until(lambda: rig.held[0].phase)
        await peer.send(b"zz\r\n")
        assert (await peer.answer()).code == "invalid_http_request"
        await rig.until(lambda: ended)
        assert ended == ["http.disconnect"]


async def test_what_is_left_of_a_body_after_its_answer_is_passed_over_within_a_bound() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app) as rig:
        peer = await rig.connect()
        await peer.send(post(b"x" * 100_000) + get("/next"))
        assert [(await peer.answer()).status for _ in range(2)] == [413, 413]
        pouring = asyncio.create_task(
            peer.send(get("/", "Content-Length: 100000000", method="POST") + b"x" * 50_000_000)
        )
        assert (await peer.answer()).status == 413
        await rig.until(lambda: rig.held[0].flow.read_paused)  # lingering, and past what is dropped
        await rig.elapse(2)
        await rig.until(lambda: not rig.held)
        with pytest.raises(ConnectionError):
            await pouring


async def test_an_application_that_fails_is_a_problem_too(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("broken on purpose")

    async with serving(app) as rig:
        answer = await (await rig.connect()).ask(get())
        assert (answer.status, answer.code) == (500, "internal_error")
    assert [record.exc_info for record in caplog.records if record.levelno == logging.ERROR]


async def test_limits_are_the_settings() -> None:
    limits = Limits(request_line_bytes=300, header_bytes=2_000, headers=10)
    async with serving(echo, limits) as rig:
        for data, status in (
            (get("/" + "x" * 280), 200),
            (get("/" + "x" * 300), 414),
            (get("/", "X: " + "y" * 1_900), 200),
            (get("/", "X: " + "y" * 2_100), 431),
            (get("/", *["X: y"] * 9), 200),
            (get("/", *["X: y"] * 10), 431),
        ):
            assert (await (await rig.connect()).ask(data)).status == status
