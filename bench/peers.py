"""What we are measured against: `python -m bench.peers NAME PORT` serves one of them on the same uvicorn and loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, cast

import msgspec
import socketio
import uvicorn
import uvloop
from litestar import Litestar, Request, WebSocket, asgi, get, post, websocket
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend
from litestar.response import ServerSentEvent
from litestar.types import Receive, Scope, Send
from umbral_chat._core.app import create_app
from umbral_chat._core.plugins import boot
from umbral_chat._core.server.connection import Connection
from umbral_chat._core.server.connections import Connections
from umbral_chat.clock import SystemClock
from umbral_chat.settings import Limits
from umbral_chat.telemetry import Telemetry

ANSWER = b'{"ok":true}'
ROOM = "room"


@post("/noop", status_code=201)
async def noop_post() -> dict[str, bool]:
    """An ordinary route that does nothing."""
    return {"ok": True}


@get("/noop")
async def noop_get() -> dict[str, bool]:
    """An ordinary route that does nothing."""
    return {"ok": True}


@asgi("/bare", copy_scope=False)
async def bare_route(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - it does nothing
    """An `@asgi` handler that does nothing."""
    await answer(send, 200)


async def answer(send: Any, status: int) -> None:
    """Eleven bytes of JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER, "more_body": False})


async def body(receive: Any) -> bytes:
    """The whole body of a request."""
    data, more = b"", True
    while more:
        message = await receive()
        data, more = data + message.get("body", b""), message.get("more_body", False)
    return data


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """A bare ASGI application that reads its request and does nothing: the floor of any that runs on this server."""
    if scope["type"] == "http":
        await body(receive)
        await answer(send, 201 if scope["method"] == "POST" else 200)


def socket_io() -> Any:
    """python-socketio: `POST /publish` emits the message's content to one room, in which every connection is."""
    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")

    async def connected(sid: str, environ: Any, auth: Any = None) -> None:  # noqa: ARG001 - the library's signature
        await server.enter_room(sid, ROOM)

    server.on("connect", connected)

    async def publish(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await server.emit("message", msgspec.json.decode(await body(receive))["content"], room=ROOM)
            await answer(send, 201)

    return socketio.ASGIApp(server, other_asgi_app=publish)


def channels() -> Litestar:
    """Litestar's channels plugin in memory: `POST /publish` publishes to one channel, `/stream` and `/ws` follow it."""
    plugin = ChannelsPlugin(backend=MemoryChannelsBackend(), channels=[ROOM], subscriber_max_backlog=10_000)

    @post("/publish", status_code=201)
    async def publish(request: Request[Any, Any, Any]) -> dict[str, bool]:
        plugin.publish(msgspec.json.decode(await request.body())["content"], ROOM)
        return {"ok": True}

    @get("/stream")
    async def stream() -> ServerSentEvent:
        async def events() -> AsyncIterator[str]:
            async with plugin.start_subscription([ROOM]) as subscriber:
                async for event in subscriber.iter_events():
                    yield event.decode()

        return ServerSentEvent(events())

    @websocket("/ws")
    async def socket(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        async with plugin.start_subscription([ROOM]) as subscriber, subscriber.run_in_background(socket.send_text):
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass

    return Litestar([publish, stream, socket], plugins=[plugin], openapi_config=None, logging_config=None)


class Floor(asyncio.Protocol):
    """A hand-written protocol that parses nothing but where a request ends."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if b"\r\n\r\n" in data:
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n" + ANSWER)


async def floor(port: int) -> None:
    """Serve the floor until killed."""
    server = await asyncio.get_running_loop().create_server(Floor, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def litestar() -> Litestar:
    """Litestar's routes that do nothing."""
    return Litestar([noop_post, noop_get, bare_route], openapi_config=None, logging_config=None)


APPS: dict[str, Callable[[], Any]] = {
    "litestar": litestar,
    "bare": lambda: bare,
    "socketio": socket_io,
    "channels": channels,
}


def bounded(port: int) -> None:
    """The bare application on our own server, with the bounds and deadlines that it has and uvicorn has not."""
    config = uvicorn.Config(
        bare, host="127.0.0.1", port=port, loop="uvloop", log_level="error", access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    shared = Connections(Limits(), Telemetry(None), SystemClock(), server.server_state.connections)
    config.http = cast("type[asyncio.Protocol]", partial(Connection, shared=shared))
    server.run()


def portable(port: int) -> None:
    """Our application as any ASGI server runs it, with the settings of the environment: without our own server no
    encoded bytes are written past ASGI, and each subscriber has a task."""
    settings, plugins = boot(None)
    uvicorn.run(
        create_app(settings, plugins),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        log_level="error",
        access_log=False,
        timeout_keep_alive=75,
    )


def main() -> None:
    name, port = sys.argv[1], int(sys.argv[2])
    if name == "portable":
        portable(port)
        return
    if name == "floor":
        uvloop.run(floor(port))
        return
    if name == "bounded":
        bounded(port)
        return
    uvicorn.run(
        APPS[name](),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
