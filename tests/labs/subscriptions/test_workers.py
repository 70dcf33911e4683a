"""Workers against a toy that gives claims of one conversation: what they record is what the verdict needs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from .observations import Observations, Stored
from .pull_verdict import judge_pull
from .workers import Pull, Worker

ENTRIES = 12
STORED = [Stored(f"m{seq}", "room", "aaaaaaaaaa", seq, f"m{seq} text") for seq in range(1, ENTRIES + 1)]


class Desk:
    """Gives up to two entries a claim. `fenced=False`: to everybody at once, and takes any ack."""

    def __init__(self, *, fenced: bool) -> None:
        self.fenced = fenced
        self.cursor = self.given = 0
        self.held = ""
        self.until = 0.0
        self.lasts: dict[str, int] = {}

    async def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path.endswith("/claim"):
            return 200, {"claims": await self._claim(body["lease"])}
        (claim_id,) = body["claim_ids"]
        if self.fenced and (claim_id != self.held or time.time() > self.until):
            return 409, {"code": "claim_expired"}
        if path.endswith("/ack"):
            self.cursor = self.lasts[claim_id]
        self.held = ""
        return 200, {}

    async def _claim(self, lease: float) -> list[dict[str, Any]]:
        if self.cursor == ENTRIES or (self.fenced and self.held and time.time() < self.until):
            await asyncio.sleep(0.02)
            return []
        self.given += 1
        last = min(ENTRIES, self.cursor + 2)
        self.held, self.until = f"claim-{self.given}", time.time() + lease
        self.lasts[self.held] = last
        entries = [
            {
                "id": f"id-{one.seq}",
                "type": "entry",
                "conversation": "room",
                "cursor": f"{one.epoch}.{one.seq}",
                "entry": {"content": one.content},
            }
            for one in STORED[self.cursor : last]
        ]
        until = datetime.fromtimestamp(self.until, UTC).isoformat()
        return [{"claim_id": self.held, "conversation": "room", "entries": entries, "lease_until": until}]


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[Any]:
    """The toy as a service of the lab: a host and a port."""

    serving: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving[asyncio.current_task()] = writer
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("Content-Length:"))
                path, body = head.split(" ")[1], json.loads(await reader.readexactly(length))
                status, answer = await desk.answer(path, body)
                data = json.dumps(answer).encode()
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
                await writer.drain()
        except (EOFError, OSError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield SimpleNamespace(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    server.close()
    for writer in serving.values():
        writer.transport.abort()
    await asyncio.gather(*filter(None, serving))


async def worked(desk: Desk, *, calm: bool) -> Observations:
    """What three workers recorded until everything was acknowledged."""
    observed = Observations()
    async with served(desk) as service, asyncio.timeout(30):
        pull = Pull("pull", [service], "key", observed, seed=5, lease=0.3, calm=calm)
        tasks = [asyncio.create_task(Worker(pull, number).work()) for number in range(3)]
        try:
            while desk.cursor < ENTRIES:  # noqa: ASYNC110 - the toy runs beside
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)  # the last ack's answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return observed


@pytest.mark.parametrize("calm", [True, False])
async def test_what_workers_were_given_by_a_sound_service_breaks_no_promise(*, calm: bool) -> None:
    observed = await worked(Desk(fenced=True), calm=calm)
    assert observed.claims
    assert not observed.surprises
    assert list(judge_pull("pull", STORED, observed.claims)) == []


async def test_a_service_that_gives_a_conversation_twice_is_found() -> None:
    observed = await worked(Desk(fenced=False), calm=True)
    kinds = {violation.kind for violation in judge_pull("pull", STORED, observed.claims)}
    assert kinds & {"reordered", "repeated", "fencing", "shared"}
