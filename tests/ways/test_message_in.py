"""A sent message, from the socket to the commit: the files that it enters are those that CONTRIBUTING.md lists."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path

import uvicorn
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat._core.server.connection import Connection
from umbral_chat._core.server.connections import Connections
from umbral_chat.testing import ManualClock

from tests.ways.page import LEFT_OUT, file_of, lines_of, way
from tests.ways.recording import Recording

KEY = "a-key-of-this-test-alone-0123456789"
TIMEOUT = 120.0
REST = 0.5
"""Seconds in which what the start set going comes to rest."""
WAY = way("A message in")
BESIDE = "umbral_chat/_core/sqlite/log/housekeeping"
"""What the writer's thread asks before it waits for a write, and after it has answered one."""


async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    body = json.dumps({"content": "hello", "client_id": f"c{number}"}).encode()
    head = (
        "POST /v1/conversations/room/messages HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    async with asyncio.timeout(TIMEOUT):
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
    assert answer.startswith(b"HTTP/1.1 201 ")


async def modules_entered(folder: Path) -> list[str]:
    """By the second message: the first one makes the conversation and fills caches. The clock stands still, so that no
    background loop runs meanwhile."""
    environ = {
        "UMBRAL_CHAT_CORE__DATABASE": str(folder / "store.sqlite3"),
        "UMBRAL_CHAT_CORE__KEYS": json.dumps([{"name": "test", "key": KEY}]),
    }
    recording, clock = Recording(), ManualClock()
    recording.install()
    try:
        app = create_app(*boot(None, environ), clock=clock)
        base = app.state.services.base
        shared = Connections(base.settings.core.limits, base.telemetry, clock, set())
        config = uvicorn.Config(app, log_config=None, access_log=False, ws="none")
        config.load()
        async with app.lifespan():
            state = uvicorn.server.ServerState()
            protocol = partial(Connection, config, state, {}, shared=shared)
            server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
            await send(reader, writer, 1)
            await asyncio.sleep(REST)
            with recording.recording():
                await send(reader, writer, 2)
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()
    finally:
        recording.remove()
    return [file_of(module) for module in recording.modules if not LEFT_OUT.fullmatch(module)]


async def test_a_message_enters_the_files_that_the_page_lists(tmp_path: Path) -> None:
    found = await modules_entered(tmp_path)
    # After the commit the entry goes out, which is the other way.
    found = [path for path in found[: found.index("umbral_chat/_core/delivery/bus")] if path != BESIDE]
    assert [path for path in found if path in WAY.steps] == WAY.steps, "entered in another order"
    assert sorted(found) == sorted({*WAY.steps, *WAY.called})


def test_the_way_is_short_and_each_step_says_what_it_does() -> None:
    assert len(WAY.steps) <= 8
    assert not set(WAY.steps) & WAY.called
    assert all(len(verb.split()) >= 3 for verb in WAY.verbs)
    long = {path: lines for path in {*WAY.steps, *WAY.called} if (lines := lines_of(path)) > 300}
    assert not long
