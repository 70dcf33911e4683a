"""How many connections there may be, and who still gets in when they are all taken."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import pytest
from umbral_chat._core.runtime.descriptors import descriptors, most_connections
from umbral_chat._core.server.refusals import FULL, LOG_INTERVAL, Refusals
from umbral_chat._core.server.timed_connection import Phase
from umbral_chat.settings import Limits
from umbral_chat.telemetry import Telemetry
from umbral_chat.testing.clock import ManualClock

from .rig import Rig, echo, get, serving


@pytest.mark.parametrize(
    ("limits", "files", "most", "ordinary"),
    [
        (Limits(), 1024, 819, 755),
        (Limits(), 65_536, 52_428, 52_364),
        (Limits(), 100, 80, 60),
        (Limits(), 3, 4, 3),
        (Limits(connections=500), 1024, 500, 436),
        (Limits(connections=500, reserved_connections=0), 1024, 500, 500),
        (Limits(connections=1), 1024, 1, 1),
    ],
)
def test_connections_are_a_share_of_the_descriptors(limits: Limits, files: int, most: int, ordinary: int) -> None:
    assert most_connections(limits, files) == (most, ordinary)


def test_descriptors_are_what_the_process_may_open() -> None:
    assert 0 < descriptors() <= max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 65_536)


LIMITS = Limits(connections=8, reserved_connections=2)


async def fill(rig: Rig, number: int) -> None:
    for _ in range(number):
        await rig.connect()
    await rig.until(lambda: len(rig.held) == number)


async def test_past_the_bound_newcomers_are_told_to_come_again_and_health_answers() -> None:
    async with serving(echo, LIMITS) as rig:
        await fill(rig, 6)
        for path, status in (("/v1/x", 503), ("/health/live", 200), ("/metrics", 200), ("/metricsx", 503)):
            answer = await (await rig.connect()).ask(get(path))
            assert (answer.status, answer.headers["connection"]) == (status, "close")
            if status == 503:
                assert answer.code == "too_many_connections"
                assert int(answer.headers["retry-after"]) > 0
            await rig.until(lambda: len(rig.held) == 6)
        assert rig.refused("too_many_connections") == 2


async def test_when_the_reserve_is_taken_too_the_next_are_refused_at_once() -> None:
    async with serving(echo, LIMITS) as rig:
        await fill(rig, 8)
        for _ in range(20):
            peer = await rig.connect()
            answer = await peer.answer()  # nothing was asked
            assert (answer.status, answer.code) == (503, "too_many_connections")
            assert await peer.ended() == b""
        await rig.until(lambda: len(rig.held) == 8)


async def test_the_reserve_is_soon_free_again() -> None:
    async with serving(echo, LIMITS) as rig:
        await fill(rig, 8)
        await rig.elapse(2.5)
        await rig.until(lambda: len(rig.held) == 6)
        assert (await (await rig.connect()).ask(get("/health/ready"))).status == 200


async def test_who_waits_longest_gives_way_to_a_newcomer_and_nobody_who_is_served() -> None:
    go = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/poll":
            await go.wait()
        await echo(scope, receive, send)

    async with serving(app, LIMITS) as rig:
        served, idle = await rig.connect(), await rig.connect()
        await served.send(get("/poll"))
        assert (await idle.ask(get())).status == 200
        unfinished = []
        for _ in range(4):
            unfinished.append(await rig.connect())
            await unfinished[-1].send(b"GET / HT")
            await rig.elapse(0.1)
        await rig.until(lambda: sum(one.phase is Phase.HEAD for one in rig.held) == 4)
        await rig.elapse(1.5)
        newcomers = []
        for peer in [*unfinished, idle]:
            newcomers.append(await rig.connect())
            assert (await newcomers[-1].ask(get())).status == 200
            assert await peer.ended() == b""
        assert rig.refused("gave_way") == 5
        # Those who just came do not give way at once, and who is served never does.
        assert (await (await rig.connect()).ask(get())).status == 503
        go.set()
        assert (await served.answer()).status == 200


@pytest.mark.parametrize("phase", [Phase.BODY, Phase.DISCARD, Phase.CLOSING], ids=lambda phase: phase.name)
async def test_bodies_that_do_not_end_and_answers_that_are_not_read_give_way_too(phase: Phase) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/refused":  # as what is refused by its headers is
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await echo(scope, receive, send)

    begun = {
        Phase.BODY: b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx",
        Phase.DISCARD: b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx",
        Phase.CLOSING: b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    }[phase]
    async with serving(app, LIMITS) as rig:
        for _ in range(6):
            await (await rig.connect()).send(begun)
        await rig.until(lambda: [one.phase for one in rig.held] == [phase] * 6)
        await rig.elapse(0.5)
        for _ in range(6):
            assert (await (await rig.connect()).ask(get())).status == 200
        assert rig.refused("gave_way") == 6


async def test_a_request_that_is_still_arriving_gives_way_last_and_is_told_so() -> None:
    async with serving(echo, LIMITS) as rig:
        arriving = await rig.connect()
        await arriving.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        idle = [await rig.connect() for _ in range(5)]
        for peer in idle:
            assert (await peer.ask(get())).status == 200
        await rig.elapse(1.0)  # the body's deadline comes sooner than theirs
        for _ in idle:
            assert (await (await rig.connect()).ask(get())).status == 200
        for peer in idle:
            assert await peer.ended() == b""
        newcomer = await rig.connect()
        answer = await arriving.answer()
        assert (answer.status, answer.code) == (503, "too_many_connections")
        assert (await newcomer.ask(get())).status == 200


async def test_a_flood_of_newcomers_takes_no_more_than_there_are() -> None:
    async with serving(echo, LIMITS) as rig:
        for _ in range(5):
            for _ in range(30):
                await rig.connect()
                assert len(rig.held) <= 11  # with those that give way or are refused, and are about to go
            await rig.elapse(1.1)


async def test_whoever_leaves_makes_room() -> None:
    async with serving(echo, LIMITS) as rig:
        await fill(rig, 5)
        last = await rig.connect()
        assert (await last.ask(get())).status == 200
        assert (await (await rig.connect()).ask(get())).status == 503
        last.close()
        await rig.until(lambda: len(rig.held) == 5)
        assert (await (await rig.connect()).ask(get())).status == 200


async def test_refusals_are_counted_in_the_metrics() -> None:
    async with serving(echo, LIMITS) as rig:
        await fill(rig, 6)
        for _ in range(3):
            assert (await (await rig.connect()).ask(get())).status == 503
        await rig.until(lambda: len(rig.held) == 6)
        scraped = rig.telemetry.prometheus()[0].decode()
        assert 'umbral_chat_http_refused_total{reason="too_many_connections"} 3.0' in scraped
        assert "umbral_chat_http_connections 6.0" in scraped


async def test_the_log_has_a_line_about_a_reason_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock, telemetry = ManualClock(), Telemetry.create()
    refusals = Refusals(telemetry, clock)
    for _ in range(10):
        refusals.count(FULL.code, FULL.detail)
        refusals.count("idle")
    assert len(caplog.messages) == 1
    assert "core.limits.connections" in caplog.messages[0]
    await clock.elapse(LOG_INTERVAL)
    refusals.count(FULL.code, FULL.detail)
    refusals.count("uri_too_long", "another reason")
    assert ["10 since" in line for line in caplog.messages] == [False, True, False]
