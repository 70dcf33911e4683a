"""One subscriber beside a load: `python -m bench.subscriber KIND PORT [CURSOR]` follows until it is ended, and prints
how many messages it received."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bench.cases import KEY
from bench.servers import DRIVER_CPU, pinned, python
from tests.labs.kit.http1 import Connection

FOLLOWED = "bench-0"
"""The conversation that is followed; the senders write to it and to others in turn."""


class Count:
    """How many messages were received."""

    messages = 0


async def poll(port: int, count: Count) -> None:
    """A long poll after the other."""
    connection = Connection("127.0.0.1", port, key=KEY)
    await connection.open()
    cursor = "0"
    while True:
        path = f"/v1/conversations/{FOLLOWED}/events?after={cursor}&wait=30"
        answer = await connection.ask("GET", path, timeout=60.0)
        found = answer.json()
        cursor = found["cursor"]
        count.messages += len(found["entries"])


async def sse(port: int, count: Count) -> None:
    """Litestar's channels, as server-sent events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    async for line in reader:
        count.messages += line.startswith(b"data:")


async def socket_io(port: int, count: Count) -> None:
    """python-socketio, over a WebSocket (Engine.IO 4: `0` opens, `2` pings, `40` connects, `42` is an event)."""
    from websockets.asyncio.client import connect

    async with connect(f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket") as socket:
        async for frame in socket:
            if isinstance(frame, bytes):
                continue
            if frame.startswith("0"):
                await socket.send("40")
            elif frame == "2":
                await socket.send("3")
            count.messages += frame.startswith("42")


KINDS = {"poll": poll, "sse": sse, "socketio": socket_io}


async def follow(kind: str, port: int) -> int:
    """Follow until SIGTERM; the number of messages."""
    count, ended = Count(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    following, ending = asyncio.ensure_future(KINDS[kind](port, count)), asyncio.ensure_future(ended.wait())
    done, _ = await asyncio.wait([following, ending], return_when=asyncio.FIRST_COMPLETED)
    if following in done:
        await following  # raises what ended it
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    return count.messages


@contextmanager
def subscribed(kind: str, port: int) -> Iterator[None]:
    """With one subscriber in a process of its own. Raises RuntimeError when it received nothing."""
    command = pinned(DRIVER_CPU, python("-m", "bench.subscriber", kind, str(port)))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        process.terminate()
        try:
            said, _ = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.returncode or not json.loads(said):
        raise RuntimeError(f"The subscriber ({kind}) received nothing: {said!r}")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(follow(sys.argv[1], int(sys.argv[2])))))
