"""A receiver on loopback that answers as a test says, and a network that only has names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import httpcore
from umbral_chat.http_kit.outbound.addresses import Address

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Receiver:
    """Each request takes the next answer, the last one again and again."""

    port: int
    answers: list[Answer] = field(default_factory=lambda: [OK])
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0

    def take(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def receiving(*answers: Answer) -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    held: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        held.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *fields = head.decode().rstrip("\r\n").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                found.requests.append((line, headers, body))
                answer = found.take()
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            held.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found = Receiver(server.sockets[0].getsockname()[1], list(answers) or [OK])
    try:
        yield found
    finally:
        server.close()
        for writer in list(held):
            writer.transport.abort()
        await server.wait_closed()


class Names:
    """A resolver: each lookup of a name takes its next addresses, the last ones again and again."""

    def __init__(self, **names: Sequence[str] | Sequence[Sequence[str]]) -> None:
        self.names = {
            name.replace("_", "."): [[one] if isinstance(one, str) else list(one) for one in lookups]
            for name, lookups in names.items()
        }
        self.lookups = 0

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.lookups += 1
        found = self.names.get(host)
        if found is None:
            raise OSError("Name or service not known")
        return [ip_address(one) for one in (found.pop(0) if len(found) > 1 else found[0])]


class _Stream(httpcore.AsyncMockStream):
    def __init__(self, network: Network, answer: bytes) -> None:
        super().__init__([answer])
        self._network = network

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._network.sent += buffer

    async def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self._network.tls.append(server_hostname)
        return self


class Network(httpcore.AsyncNetworkBackend):
    """Connections that only note where they lead to; those to `silent` addresses fail."""

    def __init__(self, answer: bytes = OK, silent: Sequence[str] = ()) -> None:
        self.answer = answer
        self.silent = silent
        self.connected: list[tuple[str, int]] = []
        self.tls: list[str | None] = []
        self.sent = b""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, port))
        if host in self.silent:
            raise httpcore.ConnectTimeout
        return _Stream(self, self.answer)


__all__ = ["OK", "Answer", "Names", "Network", "Receiver", "receiving"]
