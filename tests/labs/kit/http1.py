"""One keep-alive HTTP/1.1 connection on asyncio streams: a driver has to be faster than the service that it drives."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple


class NoAnswer(Exception):
    """No whole answer was received: refused, cut off, or not in time. What the request did is unknown."""


class Answer(NamedTuple):
    """A whole answer. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError when it is none."""
        return json.loads(self.body)


class Connection:
    """Asks one request at a time, opens itself when needed, and closes itself after any error."""

    def __init__(self, host: str, port: int, *, key: str | None = None, prefix: str = "", tls: bool = False) -> None:
        self._address = host, port
        self._tls = tls
        self._prefix = prefix
        self._fixed = f"Host: {host}:{port}\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        """Send a request (`body` as JSON) and return its answer; raises NoAnswer, in `timeout` seconds at most."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        if body is not None:
            lines += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        head = f"{method} {self._prefix}{path} HTTP/1.1\r\n{self._fixed}{lines}\r\n"
        try:
            async with asyncio.timeout(timeout):
                reader, writer = self._streams or await self._connect()
                writer.write(head.encode() + content)
                answer = await _read(reader)
        except (OSError, EOFError, TimeoutError, ValueError, LookupError, asyncio.LimitOverrunError) as error:
            self.close()
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        except asyncio.CancelledError:
            self.close()  # the answer may still arrive, and would be taken for the next one's
            raise
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    async def open(self) -> None:
        """Connect now, so that the next `ask` writes before anything else can happen; raises NoAnswer."""
        if not self._streams or self._streams[0].at_eof():
            self.close()
            try:
                await self._connect()
            except OSError as error:
                raise NoAnswer(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Drop the connection at once; the next `ask` opens another."""
        if self._streams:
            self._streams[1].transport.abort()
            self._streams = None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._address
        self._streams = await asyncio.open_connection(host, port, limit=1 << 20, ssl=self._tls or None)
        return self._streams


async def _read(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    status = int(first.split(" ", 2)[1])
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if status in {204, 304}:
        return Answer(status, headers, b"")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, headers, await _read_chunks(reader))
    return Answer(status, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":  # trailers
        pass
    return bytes(body)


__all__ = ["Answer", "Connection", "NoAnswer"]
