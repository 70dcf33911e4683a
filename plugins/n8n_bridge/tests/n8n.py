"""A double of n8n: its chat webhook, which answers as a test says, byte for byte; the WebSocket of its executions with
Chat nodes; and its API."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from .n8n_api import ExecutionsDouble
from .n8n_dialog import ExecutionDouble, serve_socket


class Reply:
    """The answer to one call."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._begun = False
        self.gone = asyncio.Event()
        """Set when the caller has closed the connection."""

    async def whole(self, body: object, status: int = 200, *headers: str) -> None:
        """A body at once."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(data)}", "Connection: close", *headers, "", ""]
        self._writer.write("\r\n".join(head).encode() + data)
        await self._writer.drain()

    async def lines(self, *lines: dict[str, Any] | bytes) -> None:
        """Lines of a stream."""
        if not self._begun:
            self._begun = True
            self._writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
        for line in lines:
            data = (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n"
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    async def end(self) -> None:
        """The end of a stream."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def cut(self) -> None:
        """The connection is lost."""
        self._writer.transport.abort()


Script = Callable[[dict[str, Any], Reply], Awaitable[None]]


async def echo(call: dict[str, Any], reply: Reply) -> None:
    """A workflow that answers with what it was asked, when its last node has run."""
    await reply.whole({"output": f"echo:{call['chatInput']}"})


@dataclass
class N8n:
    """The webhook, and the calls that it got."""

    url: str
    script: Script
    calls: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    dialogs: list[ExecutionDouble] = field(default_factory=list)
    """Executions with Chat nodes."""
    api: ExecutionsDouble = field(default_factory=ExecutionsDouble)
    url_of_api: str = ""

    async def dialog(
        self, call: dict[str, Any], reply: Reply, talk: Callable[[ExecutionDouble], Awaitable[None]]
    ) -> None:
        """Answer a call as a workflow with Chat nodes does, which then says what `talk` says."""
        execution = ExecutionDouble(str(len(self.dialogs) + 1), call["sessionId"])
        self.dialogs.append(execution)
        execution.start(talk)
        await reply.whole({"executionStarted": True, "executionId": execution.id, "resumeToken": execution.token})

    def asked(self) -> list[str]:
        """The texts of the calls."""
        return [call["chatInput"] for call in self.calls]


def call_of(content_type: str, body: bytes) -> dict[str, Any]:
    """What n8n's trigger makes of a request: of a form `metadata` stays text, and each file is there with its data. The
    standard library reads it, which has nothing in common with what wrote it."""
    if not content_type.startswith("multipart/form-data"):
        found: dict[str, Any] = json.loads(body)
        return found
    parts = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    call: dict[str, Any] = {"files": []}
    for part in parts.iter_parts():
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        name = part.get_param("name", header="content-disposition")
        if (file := part.get_filename()) is None:
            assert part["content-type"] is None
            call[str(name)] = data.decode()
        else:
            assert name == "files"
            call["files"].append({"fileName": file, "mimeType": part.get_content_type(), "data": data})
    return call


@asynccontextmanager
async def n8n(script: Script = echo) -> AsyncIterator[N8n]:
    """One on a port of its own."""
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        raw = await reader.readuntil(b"\r\n\r\n")
        head = raw.decode().rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in head[1:])}
        method, path, _ = head[0].split(" ")
        if path.startswith("/chat?"):
            await serve_socket(raw, path, reader, writer, found.dialogs)
            return
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if path.startswith("/api/"):
            status, answer = found.api.answer(method, path, headers)
            with contextlib.suppress(ConnectionError):
                await Reply(writer).whole(answer, status)
            writer.close()
            return
        found.headers.append(headers)
        found.bodies.append(body)
        found.calls.append(call_of(headers["content-type"], body))
        reply = Reply(writer)
        work = asyncio.ensure_future(found.script(found.calls[-1], reply))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                reply.gone.set()
                await work
            work.result()
        finally:
            gone.cancel()
            work.cancel()
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    found = N8n(f"{origin}/webhook/abc/chat", script, url_of_api=f"{origin}/api/v1")
    try:
        yield found
    finally:
        server.close()
        for execution in found.dialogs:
            execution.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()


__all__ = ["N8n", "Reply", "Script", "call_of", "echo", "n8n"]
