"""A TCP proxy on loopback: links that can be cut, frozen and counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK = 65536


class Proxy:
    """Passes bytes on to one address. Nothing is understood but, where it is HTTP, the first line of a connection."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.StreamWriter, str] = {}
        self._shut: str | None = None
        self._frozen = ""
        self.serving: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.listens_on = 0
        self.up = self.down = 0
        """Bytes to the address and from it."""
        self.passed = Counter[str]()
        """Bytes both ways, by the path that a connection asked for first."""
        self.connections = 0
        """Made so far."""
        self.broken = 0
        """Connections that were cut while they were open, or refused by `shut`."""
        self.held = 0
        """Pieces that were held back by `freeze`."""

    async def listen(self) -> None:
        """Take connections, on the port that was taken first."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.listens_on)
        self.listens_on = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuse new connections and break those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._break("")

    def shut(self, prefix: str) -> None:
        """As `cut`, of connections whose first path begins so; new ones are broken as soon as they have sent it."""
        self._shut = prefix
        self._break(prefix)

    def unshut(self) -> None:
        """Undo `shut`."""
        self._shut = None

    def freeze(self, prefix: str = "") -> None:
        """Hold everything back, or what is on connections whose first path begins so: connections stay, and nothing
        passes."""
        self._frozen = prefix
        self._open.clear()

    def thaw(self) -> None:
        """Undo `freeze`; what was held back is passed on."""
        self._open.set()

    def _break(self, prefix: str) -> None:
        for writer, path in list(self._writers.items()):
            if path.startswith(prefix):
                self.broken += 1
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self.serving.add(task)
            task.add_done_callback(self.serving.discard)
        writers = [writer]
        self._writers[writer] = ""
        try:
            there, back = await asyncio.open_connection(self._host, self._port)
            writers.append(back)
            self._writers[back] = ""
            first = await reader.read(CHUNK)
            path = _path(first)
            self._writers.update(dict.fromkeys(writers, path))
            if self._shut is not None and path.startswith(self._shut):
                self.broken += 1
                return
            await asyncio.gather(
                self._pass(reader, back, path, first, up=True), self._pass(there, writer, path, up=False)
            )
        except OSError:
            pass
        finally:
            for each in writers:
                self._writers.pop(each, None)
                each.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, first: bytes = b"", *, up: bool
    ) -> None:
        with suppress(OSError):
            while data := first or await reader.read(CHUNK):
                first = b""
                if not self._open.is_set() and path.startswith(self._frozen):
                    self.held += 1
                    await self._open.wait()
                self.passed[path] += len(data)
                if up:
                    self.up += len(data)
                else:
                    self.down += len(data)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


def _path(data: bytes) -> str:
    """Of a request's first line, without its query; empty where there is none."""
    words = data.partition(b"\r\n")[0].split(b" ")
    return words[1].partition(b"?")[0].decode("latin-1") if len(words) == 3 else ""


@asynccontextmanager
async def proxy(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before `url` (scheme, host and port), and the URL that leads through it."""
    parts = urlsplit(url)
    made = Proxy(str(parts.hostname), int(parts.port or 80))
    await made.listen()
    try:
        yield made, f"{parts.scheme}://127.0.0.1:{made.listens_on}"
    finally:
        made.thaw()
        await made.cut()
        if made.serving:
            await asyncio.wait(made.serving)


__all__ = ["Proxy", "proxy"]
