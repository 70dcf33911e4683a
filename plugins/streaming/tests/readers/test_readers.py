"""Readers of event streams that others wrote read ours: npm's `eventsource` (by header, and by ticket as a browser's)
and `eventsource-parser`, and `httpx-sse` of PyPI. All of them at once, on one service."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import EventSource, SSEError
from umbral_chat_streaming.sse import connection

from plugins.streaming.tests.live import PATIENCE, Live
from tests.local_supabase.stack.npm import modules, node

HERE = Path(__file__).parent
KEY = "n8n-key-for-tests-only-0001"
CONVERSATION = "room"

RETRY = 50
"""Milliseconds that these streams ask to wait before a reconnect, in place of two seconds: a reader that does not heed
the field waits for longer, by its own default, and the test fails by its time."""

HARD = [
    "Zeile eins\nZeile zwei\r\n\r\nZeile drei",
    "data: x\n\nid: of.nothing\nevent: status\n: ping\nretry: 1",
    "ß 中文 🎉👩\u200d👩\u200d👧 \ufeff \u2028 \u2029 \x0b \x1f \\ \" '",
]
"""Contents that would break a stream whose format took any of it as its own."""

Event = dict[str, Any]


class Reader:
    """What one reader got."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.comments: list[str] = []
        self.errors: list[Event] = []

    def take(self, line: Event) -> None:
        """Note one line of the program's output."""
        if "comment" in line:
            self.comments.append(line["comment"])
        elif "error" in line:
            self.errors.append(line)
        else:
            self.events.append({"event": line["event"], "last": line["last"], "data": json.loads(line["data"])})

    def of(self, kind: str) -> list[Any]:
        """The data of all events of a kind."""
        return [one["data"] for one in self.events if one["event"] == kind]

    @property
    def entries(self) -> list[tuple[str, Any]]:
        """The entries, each with the reader's last event id behind it."""
        return [(one["last"], one["data"]) for one in self.events if one["event"] == "entry"]


class Readers(dict[str, Reader]):
    """All of them, by name."""

    async def until(self, condition: Callable[[Reader], object], *names: str) -> None:
        """Wait until it is true of each of them, or of those that are named."""
        async with asyncio.timeout(PATIENCE):
            while not all(condition(self[name]) for name in names or self):  # noqa: ASYNC110 - each is its own program
                await asyncio.sleep(0.01)


async def _read_by_httpx(url: str, reader: Reader) -> None:
    last, pause = "", 1000
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE) as client:
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            with suppress(httpx.TransportError):
                async with client.stream(
                    "GET", f"/v1/conversations/{CONVERSATION}/stream", headers=headers
                ) as response:
                    if response.status_code != 200:
                        reader.take({"error": response.status_code, "closed": True})
                        return
                    async for event in EventSource(response).aiter_sse():
                        last, pause = event.id or last, event.retry or pause
                        if event.data:  # it hands on a block of `retry` alone, too
                            reader.take({"event": event.event, "last": last, "data": event.data})
            reader.take({"error": None, "closed": False})
            await asyncio.sleep(pause / 1000)


async def _read_by_node(url: str, readers: Readers) -> None:
    command = [str(node()), str(HERE / "read.mjs"), str(modules(HERE)), url, CONVERSATION]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"TOKEN": KEY},
        limit=1_000_000,
    )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            found = json.loads(line)
            readers[found["reader"]].take(found)
        raise AssertionError(f"the program ended with {await process.wait()}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def reading(service: Live) -> AsyncIterator[Readers]:
    """All readers, each in a stream of its own."""
    readers = Readers({name: Reader() for name in ("eventsource", "ticket", "eventsource-parser", "httpx-sse")})
    tasks = [
        asyncio.create_task(_read_by_node(service.url, readers)),
        asyncio.create_task(_read_by_httpx(service.url, readers["httpx-sse"])),
    ]
    try:
        yield readers
        assert not [task for task in tasks if task.done() and task.exception()]
    finally:
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, AssertionError | SSEError):
                raise found


def cut(service: Live) -> None:
    """Break every connection, as a network does."""
    for one in list(service.server.server_state.connections):
        one.transport.abort()


@pytest.fixture
async def service(start: Any, monkeypatch: pytest.MonkeyPatch) -> Live:
    monkeypatch.setattr(connection, "BEGIN", b"retry: %d\n\n" % RETRY)
    keys = json.dumps([{"name": "n8n", "key": KEY}])
    found: Live = await start(CORE__KEYS=keys, STREAMING__HEARTBEAT="0.5")
    found.client.headers["Authorization"] = f"Bearer {KEY}"
    return found


async def test_readers_of_others_read_our_streams_and_come_back(service: Live) -> None:
    cursors = [await service.send(content) for content in HARD]
    async with reading(service) as readers:
        await readers.until(lambda one: len(one.entries) == len(HARD))
        stored = (await service.client.get(f"/v1/conversations/{CONVERSATION}/events")).json()["entries"]
        for reader in readers.values():
            assert reader.events[0]["event"] == "status"
            assert reader.of("status")[0]["state"] == "open"
            assert reader.entries == list(zip(cursors, stored, strict=True))
            assert [entry["content"] for _, entry in reader.entries] == HARD
        await service.draft("Zwei\nZeilen 🎉")
        await readers.until(lambda one: any(signal["signal"] == "draft" for signal in one.of("signal")))
        for reader in readers.values():
            assert [one["text"] for one in reader.of("signal") if one["signal"] == "draft"] == ["Zwei\nZeilen 🎉"]
        await readers.until(lambda one: len(one.comments) >= 2, "eventsource-parser")  # the only one that shows them
        assert set(readers["eventsource-parser"].comments) == {"ping"}
        assert not [reader.errors for reader in readers.values() if reader.errors]

        cut(service)
        await readers.until(lambda one: [status["state"] for status in one.of("status")].count("open") == 2)
        cursors.append(await service.send("after"))
        await readers.until(lambda one: len(one.entries) == len(cursors))
        for name, reader in readers.items():
            assert reader.of("status")[-1]["cursor"] == cursors[-2], "it goes on behind the last entry that it got"
            assert [cursor for cursor, _ in reader.entries] == cursors, "and nothing is missing or there twice"
            # What a browser does: it comes back with the ticket that is used up, and has to get another one.
            assert [error["error"] for error in reader.errors if error["error"]] == ([401] if name == "ticket" else [])
            assert {one["event"] for one in reader.events} == {"status", "entry", "signal"}

        await service.client.put("/v1/admin/realtime", json={"enabled": False})
        await readers.until(lambda one: one.errors[-1]["closed"])
        for name, reader in readers.items():
            assert reader.of("status")[-1]["code"] == "realtime_off"
            # 204 is the answer after which an EventSource comes back no more; one with a ticket may get another first.
            refused = [error["error"] for error in reader.errors if error["error"]]
            assert refused in ([[401, 401], [401, 401, 204]] if name == "ticket" else [[204]])
