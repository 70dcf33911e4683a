"""What stands between the bridge and a real n8n: it notes each call of a webhook with how it was answered, and breaks
it as the script says. n8n's API passes through it as it is.

Each connection has one request. While n8n is away nothing listens here either, so that the bridge is refused as n8n
itself would refuse it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from typing import Any, NamedTuple

from .caller import Caller
from .journal import Journal
from .plan import MERCY
from .script import Script
from .workflows import TASK

PAGE = b"<!doctype html><html><body><h1>504 Gateway Time-out</h1></body></html>"

REFUSALS: dict[str, tuple[int, bytes]] = {
    "refused": (400, b'{"message":"Bad request"}'),
    "too_large": (413, b'{"message":"request entity too large"}'),
    "forbidden": (403, b'{"message":"Authorization data is wrong!"}'),
    "absent": (404, b'{"code":404,"message":"The requested webhook is not registered."}'),
}

ITEM, HALF = b'"type":"item"', 4
"""A streamed answer that is cut ends in the middle of the line with so many of these."""

UNREADY = frozenset({404, 503})
"""Statuses of an n8n that has not all of its webhooks yet."""

STARTING = b"n8n is starting up. Please wait"
"""What it answers, with 200, until its database is ready."""

READ = 65_536


class Request(NamedTuple):
    """One, as it was read."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def encoded(self, body: bytes | None = None) -> bytes:
        """As it is sent on, with another body if one is given."""
        content = self.body if body is None else body
        kept = [(name, value) for name, value in self.headers if name.lower() not in {"connection", "content-length"}]
        lines = [*kept, ("Connection", "close"), ("Content-Length", str(len(content)))]
        head = f"{self.method} {self.target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
        return head.encode("latin-1") + b"\r\n" + content


async def read_request(reader: asyncio.StreamReader) -> Request:
    """The next. Raises OSError, EOFError, or ValueError for what is none."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    return Request(method, target, headers, await reader.readexactly(length))


class AnswerBytes:
    """An answer as it arrives: n8n leaves a connection open for seconds after the end of a stream."""

    def __init__(self) -> None:
        self._data = b""
        self._head_end = -1
        self._length: int | None = None
        self.status = 0

    def feed(self, data: bytes) -> None:
        """What arrived next."""
        self._data += data
        if self._head_end < 0 and (end := self._data.find(b"\r\n\r\n")) >= 0:
            self._head_end = end + 4
            first, *lines = self._data[:end].decode("latin-1").split("\r\n")
            self.status = int(first.split(" ")[1])
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            self._length = int(headers["content-length"]) if "content-length" in headers else None

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived."""
        if self._head_end < 0:
            return False
        if self._length is not None:
            return len(self._data) >= self._head_end + self._length
        return self._data.endswith(b"\r\n0\r\n\r\n")

    @property
    def half(self) -> int | None:
        """How many of its bytes are half of it; None: there are not so many yet."""
        if self._head_end < 0:
            return None
        if self._length is not None:
            end = self._head_end + self._length // 2
            return end if len(self._data) >= end else None
        end = self._head_end
        for _ in range(HALF):
            found = self._data.find(ITEM, end)
            if found < 0:
                return None
            end = found + len(ITEM)
        return end

    @property
    def bytes(self) -> bytes:
        """What has arrived."""
        return self._data


class FaultyProxy:
    """Passes requests on to the n8n on port `upstream`."""

    def __init__(self, port: int, upstream: int, journal: Journal) -> None:
        self.port = port
        self.script: Script | None = None
        """None: nothing fails."""
        self.questions = 0
        """Requests that were no calls of a webhook: those of n8n's API."""
        self._upstream, self._journal = upstream, journal
        self._random = random.Random()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512)

    def close(self) -> None:
        """Listen no more. The connections that there are go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def end(self) -> None:
        """Break everything off."""
        self.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            request = await read_request(reader)
            if request.method == "POST" and request.target.startswith("/webhook/"):
                await self._call(request, Caller(writer))
            else:
                self.questions += 1
                await self._pass(request.encoded(), Caller(writer), None)
        except (OSError, EOFError, ValueError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._serving.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _call(self, request: Request, caller: Caller) -> None:
        body = json.loads(request.body)
        key, run_id = body["chatInput"].partition(" ")[0], body["metadata"]["umbral_run"]
        script = self.script
        kind = None if script is None else script.failing(key, self._journal.busy(key), mercy=MERCY)
        call = self._journal.called(key, run_id, kind)
        how = str(kind)
        match kind:
            case "cut_before":
                caller.cut()
            case "busy":
                status = self._random.choice((429, 503))
                await caller.answer(status, b'{"message":"try later"}', "Retry-After: 1\r\n")
            case "refused" | "too_large" | "forbidden" | "absent":
                await caller.answer(*REFUSALS[kind])
            case _:
                slow = 0.0 if script is None else script.slow
                how = await self._pass(request.encoded(_with_task(body, kind, slow)), caller, kind)
        self._journal.concluded(call, how)

    async def _pass(self, request: bytes, caller: Caller, kind: str | None) -> str:
        """Pass a request on, and its answer back. How it was answered."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            caller.cut()
            return "died"
        try:
            writer.write(request)
            await writer.drain()
            if kind == "proxy":
                await caller.answer(504, PAGE)
                caller.cut()
            return await self._answer(reader, caller, kind)
        except OSError:
            caller.cut()
            return "died"
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, caller: Caller, kind: str | None) -> str:
        answer, passed = AnswerBytes(), 0
        while not answer.complete:
            data = await reader.read(READ)
            if not data:
                caller.cut()
                return "died"
            answer.feed(data)
            end = len(answer.bytes)
            if kind == "cut" and answer.half is not None:
                await caller.write(answer.bytes[passed : answer.half])
                caller.cut()
                return "lost"
            if kind == "cut" and answer.complete:
                caller.cut()
            await caller.write(answer.bytes[passed:end])
            passed = end
            # n8n is left by a caller that is gone, as without a proxy. One that a proxy answered is not waited for.
            if caller.gone and kind != "proxy":
                return "lost"
        if answer.status in UNREADY or answer.bytes.endswith(STARTING):
            return "unready"
        return "lost" if caller.gone else "answered"


def _with_task(body: dict[str, Any], kind: str | None, slow: float) -> bytes:
    tasks: dict[str | None, dict[str, Any]] = {"slow": {"sleep": slow}, "error": {"fail": True}}
    if kind not in tasks:
        return json.dumps(body).encode()
    return json.dumps(body | {"metadata": body["metadata"] | {TASK: tasks[kind]}}).encode()


__all__ = ["HALF", "STARTING", "AnswerBytes", "FaultyProxy", "Request", "read_request"]
