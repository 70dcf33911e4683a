"""How many connections there may be, and who still gets in when they are all taken."""

from __future__ import annotations

import logging
import resource

import pytest
from umbral_chat.server.connections import descriptors, most_connections
from umbral_chat.server.refusals import LOG_PAUSE
from umbral_chat.settings.sections import Limits

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


async def test_whoever_leaves_makes_room() -> None:
    async with serving(echo, LIMITS) as rig:
        await fill(rig, 5)
        last = await rig.connect()
        assert (await last.ask(get())).status == 200
        assert (await (await rig.connect()).ask(get())).status == 503
        last.close()
        await rig.until(lambda: len(rig.held) == 5)
        assert (await (await rig.connect()).ask(get())).status == 200


async def test_the_log_has_a_line_now_and_then_and_the_metrics_the_number(caplog: pytest.LogCaptureFixture) -> None:
    def lines() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == "umbral_chat.server.refusals"]

    async with serving(echo, LIMITS) as rig:
        await fill(rig, 6)
        with caplog.at_level(logging.WARNING):
            for _ in range(10):
                assert (await (await rig.connect()).ask(get())).status == 503
            assert len(lines()) == 1
            assert "core.limits.connections" in lines()[0]
            rig.server.shared.clock._elapsed += LOG_PAUSE  # type: ignore[attr-defined]
            assert (await (await rig.connect()).ask(get())).status == 503
            assert len(lines()) == 2
            assert "10 since" in lines()[1]
        scraped = rig.telemetry.prometheus()[0].decode()
        assert 'umbral_chat_http_refused_total{reason="too_many_connections"} 11.0' in scraped
        assert "umbral_chat_http_connections 6.0" in scraped or "umbral_chat_http_connections 7.0" in scraped
