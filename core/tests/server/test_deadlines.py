"""What does not come in time is ended, and so is an answer that nobody takes; the clock is the test's."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from umbral_chat._core.server.timed_connection import Phase
from umbral_chat.http_kit.asgi import server_disconnect
from umbral_chat.settings import Limits

from .rig import Rig, echo, get, post, serving

LIMITS = Limits(header_timeout=10, body_timeout=30, keep_alive=75, write_timeout=30)


async def arrived(rig: Rig, number: int) -> None:
    """So many bytes of an unfinished head have arrived."""
    await rig.until(lambda: rig.held and len(rig.held[0]._waiting) == number)


async def test_headers_that_are_not_finished_end_after_their_time_however_they_trickle() -> None:
    async with serving(echo, LIMITS) as rig:
        peer = await rig.connect()
        await peer.send(b"GET / HTTP/1.1\r\n")
        for number in range(1, 10):
            await peer.send(b"X: y\r\n")
            await arrived(rig, 16 + 6 * number)
            await rig.elapse(1)
        assert rig.held[0].phase is Phase.HEAD
        await rig.elapse(1.5)
        answer = await peer.answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert json.loads(answer.body)["limit"] == 10
        assert await peer.ended() == b""


async def test_headers_of_a_later_request_have_their_own_time() -> None:
    async with serving(echo, LIMITS) as rig:
        peer = await rig.connect()
        assert (await peer.ask(get())).status == 200
        await rig.elapse(60)
        await peer.send(b"GET / ")
        await rig.until(lambda: rig.held[0].phase is Phase.HEAD)
        await rig.elapse(9)
        await peer.send(b"HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await peer.answer()).status == 200
        await peer.send(b"GET / ")
        await rig.until(lambda: rig.held[0].phase is Phase.HEAD)
        await rig.elapse(11)
        assert (await peer.answer()).status == 408


@pytest.mark.parametrize("used", [False, True])
async def test_an_idle_connection_is_closed_without_a_word(used: bool) -> None:
    async with serving(echo, LIMITS) as rig:
        peer = await rig.connect()
        await rig.until(lambda: rig.held)
        if used:
            assert (await peer.ask(get())).status == 200
        await rig.elapse(74 if used else 9)
        assert len(rig.held) == 1
        await rig.elapse(2)
        assert await peer.ended() == b""
        assert rig.refused("idle") == 1
        await rig.until(lambda: not rig.held)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_not_finished_ends_after_its_time(chunked: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(echo, LIMITS) as rig:
        peer = await rig.connect()
        how = "Transfer-Encoding: chunked" if chunked else "Content-Length: 100"
        await peer.send(get("/", how, method="POST") + b"5\r\nhello\r\n")
        await rig.until(lambda: rig.held and rig.held[0].phase is Phase.BODY)
        await rig.elapse(29)
        assert rig.held[0].phase is Phase.BODY
        await peer.send(b"5\r\nhello\r\n")
        await rig.elapse(2)
        answer = await peer.answer()
        assert (answer.status, answer.code, json.loads(answer.body)["field"]) == (408, "request_timeout", "body")
        assert await peer.ended() == b""
        await rig.until(lambda: not rig.server.server_state.tasks)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_application_has_as_long_as_it_takes() -> None:
    go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await echo(scope, receive, send)

    async with serving(slow, LIMITS) as rig:
        peer = await rig.connect()
        await peer.send(post(b"x"))
        await rig.until(lambda: rig.held and rig.held[0].phase is Phase.ANSWER)
        await rig.elapse(100_000)
        go.set()
        assert (await peer.answer()).status == 200


async def test_an_application_may_wait_for_the_client_to_leave_without_a_task() -> None:
    seen: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        disconnect = server_disconnect(scope)
        assert disconnect is not None
        if not seen:
            seen.append(disconnect.happened)
            await echo(scope, receive, send)
            return
        disconnect.waiter = asyncio.get_running_loop().create_future()
        await disconnect.waiter
        seen.append(disconnect.happened)

    async with serving(app, LIMITS) as rig:
        peer = await rig.connect()
        assert (await peer.ask(get())).status == 200
        await peer.send(get())
        await rig.until(lambda: rig.held[0].phase is Phase.ANSWER)
        peer.close()
        await rig.until(lambda: len(seen) == 2)
        assert seen == [False, True]


def large(size: int, *, close: bool = False) -> Any:
    """An application whose answer is too large for the sockets' buffers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", str(size).encode()), *([(b"connection", b"close")] if close else [])]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for start in range(0, size, 1_000_000):
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": start + 1_000_000 < size})

    return app


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("requests", [1, 50])
async def test_an_answer_that_nobody_takes_is_bounded_and_given_up(close: bool, requests: int) -> None:
    async with serving(large(20_000_000, close=close), LIMITS) as rig:
        peer = await rig.connect(receive_buffer=4096)
        await peer.send(get() * requests)
        await rig.until(lambda: rig.held and rig.held[0].transport.get_write_buffer_size())
        # However much was asked for, two pieces of it at most wait in memory.
        assert rig.held[0].transport.get_write_buffer_size() <= 2_000_000
        await rig.elapse(29)
        assert rig.held
        await rig.elapse(2)  # what went into the buffers since the writing stopped counts as taken
        await rig.elapse(31)
        await rig.until(lambda: not rig.held and not rig.server.server_state.tasks)
        assert rig.refused("unread") == 1


async def test_a_small_answer_that_nobody_takes_ends_with_the_idle_connection() -> None:
    async with serving(large(1_000_000), LIMITS) as rig:
        peer = await rig.connect()
        assert len((await peer.ask(get())).body) == 1_000_000
        one = rig.held[0]
        one.transport.set_write_buffer_limits(high=100_000_000)
        await peer.send(get() * 20)
        await rig.until(lambda: one.phase is Phase.IDLE and one.transport.get_write_buffer_size())
        await rig.elapse(76)
        await rig.until(lambda: not rig.held)


@pytest.mark.parametrize("close", [False, True])
async def test_a_slow_reader_is_served_as_long_as_it_reads(close: bool) -> None:
    async with serving(large(6_000_000, close=close), LIMITS) as rig:
        peer = await rig.connect(receive_buffer=65_536)
        await peer.send(get())
        await peer.answer(head_only=True)
        read = 0
        while read < 6_000_000:
            left = min(200_000, 6_000_000 - read)
            read += len(await asyncio.wait_for(peer.reader.readexactly(left), 30))
            await asyncio.sleep(0.001)
            await rig.elapse(20)  # in all much longer than the write timeout
        assert rig.refused("unread") == 0


async def test_draining_answers_everybody_who_waits_and_closes_the_others() -> None:
    drained = asyncio.Event()

    async def poll(scope: Any, receive: Any, send: Any) -> None:
        await drained.wait()
        await echo(scope, receive, send)

    async with serving(poll, LIMITS) as rig:
        peers = [await rig.connect() for _ in range(200)]
        for peer in peers:
            await peer.send(get())
        idle, unfinished = await rig.connect(), await rig.connect()
        await unfinished.send(b"GET / HT")
        await rig.until(lambda: len(rig.server.server_state.tasks) == 200 and len(rig.held) == 202)
        await rig.until(lambda: any(one.phase is Phase.HEAD for one in rig.held))
        drained.set()
        shutdown = asyncio.create_task(rig.server.shutdown())
        answers = await asyncio.gather(*(peer.answer() for peer in peers))
        assert {answer.status for answer in answers} == {200}
        assert await idle.ended() == await unfinished.ended() == b""
        assert {await peer.ended() for peer in peers} == {b""}
        await asyncio.wait_for(shutdown, 30)


async def test_a_request_in_service_when_draining_begins_is_the_last_of_its_connection() -> None:
    go = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await echo(scope, receive, send)

    async with serving(app, LIMITS) as rig:
        peer = await rig.connect()
        await peer.send(get("/1") + get("/2"))
        await rig.until(lambda: rig.held and rig.held[0].phase is Phase.ANSWER)
        for one in rig.held:
            one.shutdown()
        go.set()
        answer = await peer.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await peer.ended() == b""
