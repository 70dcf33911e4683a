"""The service as its command starts it: on a signal it says good-bye to its sockets, and stops."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.docs.session import surroundings
from tests.ports import free_port

from .rig import TIMEOUT, Socket


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def process(port: int, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "umbral_chat", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, env=surroundings(tmp_path), stderr=subprocess.PIPE) as found:
        yield found
        found.kill()


async def connected(port: int) -> ClientConnection:
    """A connection, once the service listens."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                return await connect(f"ws://127.0.0.1:{port}/v1/ws", proxy=None)
            except OSError:
                await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_a_signal_drains_sockets_and_the_process_ends_soon(port: int, process: subprocess.Popen[bytes]) -> None:
    sockets = [Socket(await connected(port)) for _ in range(3)]
    for socket in sockets:
        await socket.send(type="auth")
        assert (await socket.next())["type"] == "ready"
        await socket.ask(type="subscribe", conversation="room")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    for socket in sockets:
        last, code = await socket.end()
        assert code == 4001
        assert last is not None
        assert last["status"]["code"] == "draining"
    await asyncio.to_thread(process.wait, TIMEOUT)
    assert time.monotonic() - began < 8  # and not after all of core.shutdown_timeout
    assert process.stderr is not None
    said = process.stderr.read().decode()
    assert "Traceback" not in said, said
    assert "ERROR" not in said, said
