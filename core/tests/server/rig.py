"""The real server over a small application, on a port of its own, asked through raw sockets; its clock stands still."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import msgspec
import uvicorn
from litestar import Litestar
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat._core.server.connection import Connection
from umbral_chat._core.server.serve import Server
from umbral_chat.settings import Limits
from umbral_chat.telemetry import Telemetry
from umbral_chat.testing.clock import ManualClock

TIMEOUT = 30.0
"""Seconds that a stalled machine may take for what takes milliseconds."""

App = Callable[[Any, Any, Any], Awaitable[None]]


class Answer(NamedTuple):
    """One answer as it was read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Of the problem."""
        assert self.headers["content-type"] == "application/problem+json"
        found = json.loads(self.body)
        assert found["status"] == self.status
        return str(found["code"])


class Peer:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await asyncio.wait_for(self._writer.drain(), TIMEOUT)

    async def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer: by its length, its chunks, or to the end of the connection."""
        async with asyncio.timeout(TIMEOUT):
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            status = int(first.split(" ")[1])
            if head_only or status == 100:
                body = b""
            elif "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(await self.reader.readline(), 16):
                    body += await self.reader.readexactly(size)
                    await self.reader.readline()
                await self.reader.readline()
            else:
                body = await self.reader.read()
        return Answer(status, headers, body)

    async def ask(self, data: bytes) -> Answer:
        await self.send(data)
        return await self.answer()

    async def ended(self) -> bytes:
        """Wait for the server to end the connection; what it still sent."""
        try:
            return await asyncio.wait_for(self.reader.read(), TIMEOUT)
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        self._writer.close()


class Rig:
    """A server that runs."""

    def __init__(self, server: Server, clock: ManualClock, telemetry: Telemetry, port: int) -> None:
        self.server = server
        self.clock = clock
        self.telemetry = telemetry
        self.port = port
        self._peers: list[Peer] = []

    async def connect(self, *, receive_buffer: int | None = None) -> Peer:
        link = socket.socket()
        if receive_buffer is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        link.setblocking(False)
        await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", self.port))
        # A small limit: what the test does not read stays in the socket.
        peer = Peer(*await asyncio.open_connection(sock=link, limit=65_536))
        self._peers.append(peer)
        return peer

    async def elapse(self, seconds: float) -> None:
        """Let the server's time pass, and let it look at its deadlines."""
        await self.clock.elapse(seconds)
        self.server.shared.sweep()

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for what the server does without being asked."""
        async with asyncio.timeout(TIMEOUT):
            while not condition():  # noqa: ASYNC110 - what is waited for announces nothing
                await asyncio.sleep(0.005)

    @property
    def held(self) -> list[Connection]:
        """Connections as the server has them."""
        return [one for one in self.server.server_state.connections if isinstance(one, Connection)]

    def refused(self, reason: str) -> int:
        """How many were counted for this reason."""
        return self.telemetry.counter("umbral_chat.http.refused").labels(reason).value

    def close(self) -> None:
        for peer in self._peers:
            peer.close()


@asynccontextmanager
async def serving(app: App, limits: Limits | None = None, *, websockets: bool = False) -> AsyncIterator[Rig]:
    """`app` behind the server."""
    clock, telemetry = ManualClock(), Telemetry.create()
    base = SimpleNamespace(
        settings=SimpleNamespace(core=SimpleNamespace(limits=limits or Limits())), telemetry=telemetry
    )
    state = SimpleNamespace(services=SimpleNamespace(base=base, lifecycle=Lifecycle(clock)))
    config = uvicorn.Config(
        cast("Any", app), lifespan="off", log_config=None, access_log=False, server_header=False, date_header=False,
        proxy_headers=False, ws="none", timeout_graceful_shutdown=int(TIMEOUT),
    )  # fmt: skip
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = Server(config, cast("Litestar", SimpleNamespace(state=state)), clock=clock, websockets=websockets)
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup([listener])
        await server.on_tick(1)
        rig = Rig(server, clock, telemetry, listener.getsockname()[1])
        try:
            yield rig
        finally:
            rig.close()
            for one in rig.held:
                one.transport.abort()
            for task in list(server.server_state.tasks):
                task.cancel()
            for listening in server.servers:
                listening.close()
            await rig.until(lambda: not server.server_state.tasks and not server.server_state.connections)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer what was asked, as JSON."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    told = msgspec.json.encode(
        {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
            "body": body.decode("latin-1"),
        }
    )
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})


def get(path: str = "/", *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request without a body."""
    lines = [f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def post(body: bytes, path: str = "/", *headers: str, method: str = "POST") -> bytes:
    """A request with a body of known length."""
    return get(path, f"Content-Length: {len(body)}", *headers, method=method) + body
