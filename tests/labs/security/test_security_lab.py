"""The lab can tell a service that holds from one that does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from . import floods, tricks
from .attack import Scale
from .bystanders import Seen
from .verdict import GROWTH, STAYS, WORST, Memory, broken

SCALE = Scale(seconds=0.5, connections=4, megabytes=1)
STEADY = Memory(before=80, peak=90, after=85)
WELL = {"times": [0.01, 0.02], "let_in": 10}


@pytest.mark.parametrize(
    ("own", "seen", "memory", "says"),
    [
        ([], Seen(**WELL), STEADY, None),  # type: ignore[arg-type]
        (["own"], Seen(**WELL), STEADY, "own"),  # type: ignore[arg-type]
        ([], Seen(), STEADY, "no other user"),
        ([], Seen(times=[WORST + 0.1], let_in=10), STEADY, "waited"),
        ([], Seen(times=[0.1], let_in=10, failures=["POST: 500"]), STEADY, "POST: 500"),
        ([], Seen(times=[0.1], let_in=5, turned_away=5), STEADY, "turned away"),
        ([], Seen(**WELL), Memory(80, 81 + GROWTH, 85), "grew"),  # type: ignore[arg-type]
        ([], Seen(**WELL), Memory(80, 90, 81 + STAYS), "stayed"),  # type: ignore[arg-type]
    ],
)
def test_each_harm_breaks_the_verdict(own: list[str], seen: Seen, memory: Memory, says: str | None) -> None:
    found = broken(own, seen, memory)
    assert found == [] if says is None else len(found) == 1 and says in found[0]


class Victim:
    """What the attacks need of a target."""

    def __init__(self, port: int, log: str = "") -> None:
        self.port = port
        self.log = log


@asynccontextmanager
async def answering(answer: bytes, log: str = "", *, take: bool = True) -> AsyncIterator[Any]:
    """A server without a bound: it answers each connection the same once, and takes whatever comes, or closes."""
    serving = set[asyncio.Task[Any]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.closing(writer), contextlib.suppress(OSError):
            if not take:
                await reader.read(1 << 16)
            writer.write(answer)
            while take and await reader.read(1 << 20):
                continue

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield cast("Any", Victim(server.sockets[0].getsockname()[1], log))
        await asyncio.wait_for(asyncio.gather(*serving), 30)
    await asyncio.sleep(0.01)  # both ends of an aborted connection end in a later turn of the loop


async def test_a_service_that_takes_headers_without_end_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floods, "TIMEOUT", 0.1)
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n") as target:
        found = await floods.headers(target, SCALE)
    assert any("were taken" in what for what in found)
    assert any("was not closed" in what for what in found)


async def test_a_service_that_reads_two_requests_where_one_was_meant_is_found_out() -> None:
    async with answering(b"HTTP/1.1 400 Bad\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n{}", take=False) as target:
        found = await tricks.smuggling(target, SCALE)
    assert len(found) == 10


@pytest.mark.parametrize(
    "line", ["2026-01-01 00:00:00,000 ERROR umbral_chat: forged", "a\x1b[2J", "a\u202eb", "Traceback (most"]
)
async def test_a_log_that_was_forged_is_found_out(line: str) -> None:
    answer = b"HTTP/1.1 405 Not\r\nallow: GET\r\ncontent-length: 0\r\n\r\n"
    async with answering(answer, log="2026-11-29 08:00:00,000 INFO all is well\n") as target:
        assert await tricks.forging(target, SCALE) == []
        target.log += line + "\n"
        assert len(await tricks.forging(target, SCALE)) == 1
