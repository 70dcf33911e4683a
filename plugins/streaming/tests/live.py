"""A whole service behind a real server on a port of its own, and its streams as the client library httpx-sse reads
them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import httpx_sse
import uvicorn
from umbral_chat._core.app import create_app
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins import boot
from umbral_chat._core.server.serve import Server

from tests.stores import store_variables

Kind = Literal["own", "uvicorn", "suspending"]
"""Our own server; uvicorn's, whose `send` completes without suspending; and one whose `send` always suspends."""

PATIENCE = 30.0
"""Seconds that a stalled machine may take for what takes milliseconds."""


class Stream:
    """One stream as it is read."""

    def __init__(self, source: httpx_sse.EventSource) -> None:
        self.response = source.response
        self._events = source.aiter_sse()
        self.read: list[httpx_sse.ServerSentEvent] = []

    async def next(self) -> httpx_sse.ServerSentEvent:
        event = await asyncio.wait_for(anext(self._events), PATIENCE)
        self.read.append(event)
        return event

    async def status(self) -> dict[str, Any]:
        return await self._next("status")

    async def signal(self, kind: str) -> dict[str, Any]:
        """The next signal of this kind."""
        while (signal := await self._next("signal"))["signal"] != kind:
            pass
        return signal

    async def entry(self) -> dict[str, Any]:
        return await self._next("entry")

    async def entries(self, count: int) -> list[str]:
        """The contents of the next entries."""
        return [(await self.entry())["content"] for _ in range(count)]

    async def closed(self) -> dict[str, Any]:
        """The last status, behind which the stream has to end."""
        status = await self.status()
        while status["state"] == "open":
            status = await self.status()
        rest = [event async for event in self._events]
        assert rest == []
        return status

    async def _next(self, kind: str) -> dict[str, Any]:
        while (event := await self.next()).event != kind:
            pass
        found: dict[str, Any] = json.loads(event.data)
        return found


@dataclass
class Live:
    """A running service."""

    url: str
    client: httpx.AsyncClient
    services: ServiceParts
    server: uvicorn.Server
    port: int

    async def send(self, content: str, conversation: str = "room", **body: Any) -> str:
        """Send a message; the cursor behind it."""
        answer = await self.client.post(f"/v1/conversations/{conversation}/messages", json={"content": content, **body})
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["cursor"])

    async def draft(self, text: str, offset: int = 0, message_id: str = "m1") -> None:
        answer = await self.client.post(
            "/v1/conversations/room/drafts", json={"message_id": message_id, "offset": offset, "text": text}
        )
        assert answer.status_code == 200, answer.text

    @asynccontextmanager
    async def stream(
        self, conversation: str = "room", *, headers: dict[str, str] | None = None, **query: str
    ) -> AsyncIterator[Stream]:
        """A stream, which begins with its status."""
        path = f"/v1/conversations/{conversation}/stream"
        async with httpx_sse.aconnect_sse(
            self.client, "GET", path, params=query, headers=dict(headers or {})
        ) as source:
            source.response.raise_for_status()
            yield Stream(source)

    async def refused(self, path: str = "/v1/conversations/room/stream", **request: Any) -> dict[str, Any]:
        """The problem that a request is answered with, instead of a stream."""
        answer = await self.client.get(path, **request)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        found: dict[str, Any] = answer.json()
        assert found["status"] == answer.status_code
        return found

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what is waited for announces nothing
                await asyncio.sleep(0.01)

    @property
    def streams(self) -> int:
        """The readers that are open: every stream takes a permit."""
        return self.services.feeds.readers.count

    def counted(self, metric: str, *labels: str) -> int | float:
        return self.services.base.telemetry.counter(metric).labels(*labels).value


@asynccontextmanager
async def live(folder: Path, kind: Kind = "own", **environ: str) -> AsyncIterator[Live]:
    """A service with these settings, as variables without their prefix."""
    given = store_variables(folder / "chat.sqlite3") | environ
    settings, plugins = boot(
        environ={"UMBRAL_CHAT_CONFIG": "", **{f"UMBRAL_CHAT_{name}": value for name, value in given.items()}}
    )
    app = create_app(settings, plugins)
    served = cast("Any", app if kind != "suspending" else suspending(app))
    config = uvicorn.Config(
        served, lifespan="off", log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=10,
        http="httptools",
    )  # fmt: skip
    async with app.lifespan():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            server = uvicorn.Server(config) if kind != "own" else Server(config, app)
            config.load()
            server.lifespan = config.lifespan_class(config)
            await server.startup([listener])
            ticking = asyncio.create_task(_tick(server))
            port = listener.getsockname()[1]
            url = f"http://127.0.0.1:{port}"
            try:
                async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
                    yield Live(url, client, app.state.services, server, port)
            finally:
                ticking.cancel()
                await asyncio.gather(ticking, return_exceptions=True)
                app.state.services.lifecycle.drain()
                await asyncio.wait_for(server.shutdown([listener]), PATIENCE)


async def _tick(server: uvicorn.Server) -> None:
    counter = 0
    while True:
        await server.on_tick(counter)
        counter += 1
        await asyncio.sleep(0.1)


def suspending(app: Any) -> Any:
    """`app` under a server whose `send` never completes at once, and that has no extension."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        async def suspended(message: Any) -> None:
            await asyncio.sleep(0)
            await send(message)

        await app({**scope, "extensions": {}}, receive, suspended)

    return served
