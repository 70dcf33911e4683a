"""What we are measured against: `python -m bench.peers NAME PORT` serves one of them on the same uvicorn and loop."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvicorn
import uvloop
from litestar import Litestar, asgi, get, post
from litestar.types import Receive, Scope, Send

ANSWER = b'{"ok":true}'


@post("/noop", status_code=201)
async def noop_post() -> dict[str, bool]:
    """An ordinary route that does nothing."""
    return {"ok": True}


@get("/noop")
async def noop_get() -> dict[str, bool]:
    """An ordinary route that does nothing."""
    return {"ok": True}


@asgi("/bare", copy_scope=False)
async def bare(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - it does nothing
    """An `@asgi` handler that does nothing."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER, "more_body": False})


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


def main() -> None:
    name, port = sys.argv[1], int(sys.argv[2])
    if name == "floor":
        uvloop.run(floor(port))
        return
    app = Litestar([noop_post, noop_get, bare], openapi_config=None, logging_config=None)
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", log_level="error", access_log=False)


if __name__ == "__main__":
    main()
