"""Subscribers of one conversation over streams while it is written to: `python -m bench.stream_driver EDGE PORT
PID SUBSCRIBERS RATE SECONDS`. Prints one JSON object.

Each message carries the time at which it was sent, so a delivery's delay is from the send's first byte to its arrival
in a subscriber. What is counted are messages in whole events or frames, as a client parses them, and not writes. The
driver shares the machine with the server, so its own work is in every delay.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar, cast

import uvloop

from bench.cases import AUTH, KEY, request
from bench.servers import cpu_seconds

SETTLE = 1.0
"""Seconds of the load that are not counted."""

DRAIN = 2.0
"""Seconds after the last message in which what is behind may still arrive."""

OPEN_TIMEOUT = 20.0
"""Seconds until all streams must be open."""

CONTENT = "x" * 180
_MARK = f" {CONTENT}".encode()
"""What follows the nanoseconds at which a message was sent, their 19 digits. Messages are found by it, not by a pattern
of digits: that took more time than everything else here, and the rates would have been the driver's."""
_UPGRADE = (
    "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

Framing = Literal["sse", "websocket"]


class Edge(NamedTuple):
    """How one server is written to and followed."""

    publish: str
    """Path of the POST that sends a message."""
    follow: str
    """Path of the stream."""
    framing: Framing
    frames: tuple[str, ...] = ()
    """Texts that a subscriber sends over its WebSocket once it is open."""
    auth: str = ""
    """Header lines."""
    socketio: bool = False
    """Whether Engine.IO's packets are in the frames: `0` opens and is answered `40`, `2` pings and is answered `3`."""


CONVERSATION = f"streams-{time.time_ns()}"
"""A conversation of this run's own."""

OURS = f"/v1/conversations/{CONVERSATION}"
SUBSCRIBE = (
    json.dumps({"type": "auth", "token": KEY}),
    json.dumps({"type": "subscribe", "id": "s", "conversation": CONVERSATION}),
)

EDGES = {
    "ours-sse": Edge(f"{OURS}/messages", f"{OURS}/stream", "sse", auth=AUTH),
    "ours-websocket": Edge(f"{OURS}/messages", "/v1/ws", "websocket", frames=SUBSCRIBE, auth=AUTH),
    "channels-sse": Edge("/publish", "/stream", "sse"),
    "channels-websocket": Edge("/publish", "/ws", "websocket"),
    "socketio": Edge("/publish", "/socket.io/?EIO=4&transport=websocket", "websocket", socketio=True),
    "nchan-sse": Edge("/publish", "/stream", "sse"),
    "nchan-websocket": Edge("/publish", "/ws", "websocket"),
}


class Run:
    """What all connections share."""

    def __init__(self) -> None:
        self.counting = self.over = False
        self.delays: list[float] = []
        self.lost = 0
        """Streams that the server closed."""
        self.open = 0
        self.idle: list[Publisher] = []


class Connection(asyncio.Protocol):
    """A connection that writes something when it is made."""

    def __init__(self, run: Run, edge: Edge) -> None:
        self.run, self.edge = run, edge
        self.transport: asyncio.Transport | None = None
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.connected(self.transport)

    def connected(self, transport: asyncio.Transport) -> None:
        """The connection was made."""
        raise NotImplementedError


class Publisher(Connection):
    """One of a pool, as an HTTP client keeps it: a message goes out on a connection that waits for no answer."""

    def connected(self, transport: asyncio.Transport) -> None:
        del transport
        self.run.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class names it
        # An idle connection may be closed at any time; a message that was lost by it is missed by the subscribers.
        if self in self.run.idle:
            self.run.idle.remove(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r", 1)[0])
            whole = len(self.buffer) >= end + 4 + length
        else:
            whole = self.buffer.endswith(b"0\r\n\r\n")
        if whole:
            self.buffer = b""
            self.run.idle.append(self)

    def send(self) -> None:
        """Send a message of 200 bytes that says when."""
        assert self.transport is not None
        body = json.dumps({"content": f"{time.time_ns()} {CONTENT}"})
        self.transport.write(request("POST", self.edge.publish, body, self.edge.auth).encode())


class Subscriber(Connection):
    """One that parses what it is sent into events or frames."""

    def __init__(self, run: Run, edge: Edge) -> None:
        super().__init__(run, edge)
        self.messages = 0
        self._feed: Callable[[], None] = self._head

    def connected(self, transport: asyncio.Transport) -> None:
        headers = "accept: text/event-stream\r\n" if self.edge.framing == "sse" else _UPGRADE
        transport.write(request("GET", self.edge.follow, "", headers + self.edge.auth).encode())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class names it
        self.run.lost += not self.run.over

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        self._feed()

    def _head(self) -> None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        status = self.buffer.split(b" ", 2)[1]
        if status not in {b"200", b"101"}:
            raise RuntimeError(f"The stream was refused: {self.buffer[:400]!r}")
        self.buffer = self.buffer[end + 4 :]
        self.run.open += 1
        self._feed = self._events if self.edge.framing == "sse" else self._frames
        for text in self.edge.frames:
            self._write(text)
        self._feed()

    def _events(self) -> None:
        # The frame of a chunk stands between events: no server here splits an event over two.
        end = max(self.buffer.rfind(b"\n\n"), self.buffer.rfind(b"\r\n\r\n"))
        if end >= 0:
            self._count(self.buffer[:end])
            self.buffer = self.buffer[end + 2 :]

    def _frames(self) -> None:
        data, at = self.buffer, 0
        size = len(data)
        while size - at >= 2:
            length, head = data[at + 1] & 127, 2
            if length == 126:
                length, head = int.from_bytes(data[at + 2 : at + 4]), 4
            elif length == 127:
                length, head = int.from_bytes(data[at + 2 : at + 10]), 10
            if size - at < head + length:
                break
            first = data[at + head] if length else 0
            if data[at] & 15 == 9:
                self._answer(_masked(10, data[at + head : at + head + length]))
            elif self.edge.socketio and first in b"02":
                self._answer(_masked(1, b"40" if first == b"0"[0] else b"3"))
            at += head + length
        self._count(data[:at])  # whole frames alone
        self.buffer = data[at:]

    def _answer(self, frame: bytes) -> None:
        if self.transport is not None:
            self.transport.write(frame)

    def _count(self, data: bytes) -> None:
        sent = [int(before[-19:]) for before in data.split(_MARK)[:-1]]
        self.messages += len(sent)
        if self.run.counting:
            now = time.time_ns()
            self.run.delays.extend([(now - one) / 1e6 for one in sent])

    def _write(self, text: str) -> None:
        assert self.transport is not None
        self.transport.write(_masked(1, text.encode()))


S = TypeVar("S", bound=Subscriber)


def _masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame. Its mask is zero, which leaves the payload as it is."""
    length = len(payload)
    size = bytes([128 | length]) if length < 126 else bytes([128 | 126]) + length.to_bytes(2)
    return bytes([128 | opcode]) + size + b"\0\0\0\0" + payload


async def drive(name: str, port: int, pid: int, subscribers: int, rate: float, seconds: float) -> dict[str, float]:
    """The processor time is the server's while deliveries are counted: what it takes to open streams is not in it.

    Write `rate` messages a second to `subscribers`, for `seconds` after the first one that is not counted. With rate
    0 the connections are opened, and held for `seconds`."""
    loop, run, edge = asyncio.get_running_loop(), Run(), EDGES[name]

    async def send() -> None:
        if not run.idle:
            await loop.create_connection(lambda: Publisher(run, edge), "127.0.0.1", port)
        run.idle.pop().send()

    if rate:
        await send()
        await asyncio.sleep(0.2)
    pairs = await subscribed(run, edge, port, subscribers, Subscriber)
    began = counted_from = time.perf_counter()
    spent = cpu_seconds(pid)
    known = [subscriber.messages for _, subscriber in pairs]
    sent = 0
    if not rate:
        await asyncio.sleep(seconds)
    for number in range(round(rate * (SETTLE + seconds))):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if not run.counting and number >= rate * SETTLE:
            run.counting, counted_from, spent = True, time.perf_counter(), cpu_seconds(pid)
        await send()
        sent += 1
    run.counting, elapsed, spent = False, time.perf_counter() - counted_from, cpu_seconds(pid) - spent
    if rate:
        await asyncio.sleep(DRAIN)
    run.over = True
    behind = sum(sent - (subscriber.messages - before) for (_, subscriber), before in zip(pairs, known, strict=True))
    quantiles = statistics.quantiles(run.delays, n=100) if len(run.delays) > 1 else [0.0] * 99
    return {
        "per_second": len(run.delays) / elapsed if rate else 0.0,
        "p50_ms": quantiles[49],
        "p99_ms": quantiles[98],
        "behind": float(behind),
        "lost": float(run.lost),
        "cpu_us": spent * 1e6 / max(1, len(run.delays)),
    }


async def subscribed(
    run: Run, edge: Edge, port: int, number: int, kind: Callable[[Run, Edge], S]
) -> list[tuple[object, S]]:
    """The connections of `number` subscribers, all of them open. Raises RuntimeError where some are not."""
    loop = asyncio.get_running_loop()
    pairs: list[tuple[object, S]] = []
    while len(pairs) < number:
        pairs.append(await loop.create_connection(lambda: kind(run, edge), "127.0.0.1", port))
        if len(pairs) % 50 == 0:
            await asyncio.sleep(0.05)
    deadline = time.perf_counter() + OPEN_TIMEOUT
    while run.open < number and time.perf_counter() < deadline:  # noqa: ASYNC110 - protocols count, and none is alone
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    if run.open < number:
        raise RuntimeError(f"{run.open} of {number} streams opened")
    return pairs


if __name__ == "__main__":
    edge_name, port, pid, subscribers, rate, seconds = sys.argv[1:]
    figures = uvloop.run(drive(edge_name, int(port), int(pid), int(subscribers), float(rate), float(seconds)))
    print(json.dumps(figures))
