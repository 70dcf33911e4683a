"""A whole service behind the real server on a port of its own, and clients of its WebSocket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import uvicorn
from umbral_chat._core.app import Application, create_app
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins.boot import boot
from umbral_chat._core.server.serve import Server
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.stores import store_variables

TIMEOUT = 30.0
"""Seconds that a stalled machine may take for what takes milliseconds."""

KEY = "n8n-key-for-tests-only-0001"
READER = "reader-key-for-tests-only-01"
KEYS = json.dumps([{"name": "n8n", "key": KEY}, {"name": "reader", "key": READER, "rights": ["read"]}])

Frame = dict[str, Any]

Kind = Literal["own", "websockets-sansio", "wsproto"]
"""Our own server, and uvicorn with each of its WebSocket protocols, under which a socket is written to by `send`."""


class Socket:
    """A client of `/v1/ws`."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._number = 0
        self._kept: list[Frame] = []

    async def send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def next(self) -> Frame:
        """The next frame."""
        if self._kept:
            return self._kept.pop(0)
        return await self._receive()

    async def _receive(self) -> Frame:
        found: Frame = json.loads(await asyncio.wait_for(self.connection.recv(), TIMEOUT))
        return found

    async def ask(self, **frame: Any) -> Frame:
        """Send a frame; the result or error that answers it. What comes in between is kept for `next`."""
        self._number += 1
        await self.send(id=str(self._number), **frame)
        while True:
            found = await self._receive()
            if found.get("id") == str(self._number):
                return found
            self._kept.append(found)

    async def until(self, kind: str, **members: Any) -> Frame:
        """The next frame of a type with these members; what comes before it is dropped."""
        while True:
            found = await self.next()
            if found["type"] == kind and all(found.get(name) == value for name, value in members.items()):
                return found

    async def entries(self, count: int) -> list[int]:
        """The seqs of the next entries."""
        return [(await self.until("entry"))["entry"]["seq"] for _ in range(count)]

    async def end(self) -> tuple[Frame | None, int]:
        """The last frame before the close frame, and the code of that."""
        last: Frame | None = None
        try:
            while True:
                last = await self.next()
        except ConnectionClosed:
            return last, int(self.connection.close_code or 0)


class Served:
    """A service that runs."""

    def __init__(self, server: uvicorn.Server, app: Application, port: int, http: httpx.AsyncClient) -> None:
        self.server = server
        self.app = app
        self.port = port
        self.http = http

    @property
    def services(self) -> ServiceParts:
        services: ServiceParts = self.app.state.services
        return services

    def connect(self, **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}/v1/ws", proxy=None, **options)

    @asynccontextmanager
    async def socket(self, token: str | None = None, **options: Any) -> AsyncIterator[Socket]:
        """A socket that is authenticated."""
        async with self.connect(**options) as connection:
            socket = Socket(connection)
            await socket.send(type="auth", token=token)
            ready = await socket.next()
            assert ready["type"] == "ready", ready
            yield socket

    async def token(self, conversation: str = "room", subject: str = "ada", **body: Any) -> str:
        """A conversation token for a visitor."""
        given = {"conversation": conversation, "subject": subject, "ttl": 3600} | body
        answer = await self.http.post("/v1/tokens", json=given)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def say(self, content: str, conversation: str = "room") -> int:
        answer = await self.http.post(f"/v1/conversations/{conversation}/messages", json={"content": content})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["entry"]["seq"])

    async def until(self, condition: Any) -> None:
        """Wait for what the service does without being asked."""
        async with asyncio.timeout(TIMEOUT):
            while not condition():  # noqa: ASYNC110 - what is waited for announces nothing
                await asyncio.sleep(0.01)


@asynccontextmanager
async def served(folder: Path, *, key: str | None = None, kind: Kind = "own", **environ: str) -> AsyncIterator[Served]:
    """A service with these settings; `key` is what its HTTP client sends."""
    variables = store_variables(folder / "chat.sqlite3") | {"realtime__reconcile_interval": "0.5"} | environ
    if key is not None:
        variables["core__keys"] = KEYS
    settings, plugins = boot(
        environ={
            "UMBRAL_CHAT_CONFIG": "",
            **{f"UMBRAL_CHAT_{name.upper()}": value for name, value in variables.items()},
        }
    )
    app = create_app(settings, plugins)
    config = uvicorn.Config(
        app, lifespan="on", log_config=None, access_log=False, server_header=False, date_header=False,
        proxy_headers=False, ws="none" if kind == "own" else kind, timeout_graceful_shutdown=10,
    )  # fmt: skip
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        own = Server(config, app, websockets=app.takes_websockets) if kind == "own" else None
        server = own or uvicorn.Server(config)
        running = asyncio.create_task(server._serve([listener]))
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
                async with asyncio.timeout(TIMEOUT):
                    while not server.started and not running.done():  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                yield Served(server, app, port, http)
        finally:
            app.state.services.lifecycle.drain()
            server.should_exit = True
            await asyncio.wait_for(running, TIMEOUT)
