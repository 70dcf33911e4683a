"""Many subscribers in one process: a connection each, raw, which comes back as the service's last event asks."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, cast

RETRY = 0.5
"""Seconds after a connection that was refused or cut without a last event, at most; drawn anew each time."""

HANDSHAKE = (
    "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@dataclass
class Crowd:
    """What all subscribers share, and what is known of them together."""

    port: int
    key: str
    open: int = 0
    over: bool = False
    opened_at: list[float] = field(default_factory=list)
    """Monotonic time of each stream that was opened."""
    last_events: Counter[str] = field(default_factory=Counter)
    """Codes of the last events; `none` for a connection that was cut without one."""
    longest_retry: float = 0.0
    """Seconds: the longest that a last event asked to wait."""
    refusals: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)


class Subscriber(asyncio.Protocol):
    """One of the crowd. `seqs` are the entries that it was sent, in order."""

    def __init__(self, crowd: Crowd, conversation: str, edge: Literal["sse", "websocket"]) -> None:
        self.crowd, self.conversation, self.edge = crowd, conversation, edge
        self.cursor = "0"
        self.seqs: list[int] = []
        self.ready = False
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._pause: float | None = None

    async def connect(self) -> None:
        """Connect, and again until that succeeds."""
        while not self.crowd.over:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.crowd.port)
            except OSError:
                await asyncio.sleep(random.uniform(0, RETRY))
            else:
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._buffer, self._pause, self.ready = b"", None, False
        if self.edge == "sse":
            path = f"/v1/conversations/{self.conversation}/stream"
            headers = f"accept: text/event-stream\r\nlast-event-id: {self.cursor}\r\n"
        else:
            path, headers = "/v1/ws", HANDSHAKE
        auth = f"authorization: Bearer {self.crowd.key}\r\n"
        self._transport.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{auth}{headers}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.ready:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            status = self._buffer.split(b" ", 2)[1].decode()
            if status not in {"200", "101"}:
                self.crowd.refusals[status] += 1
                self._close()
                return
            self._buffer = self._buffer[end + 4 :]
            self._opened()
        self._take_events() if self.edge == "sse" else self._take_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.open -= self.ready
        self.ready = False
        if self.crowd.over:
            return
        if self._pause is None:
            self.crowd.last_events["none"] += 1
        pause = random.uniform(0, RETRY) if self._pause is None else self._pause
        asyncio.get_running_loop().call_later(pause, lambda: _tasks.add(asyncio.ensure_future(self.connect())))

    def _opened(self) -> None:
        self.ready = True
        self.crowd.open += 1
        self.crowd.opened_at.append(time.monotonic())
        if self.edge == "websocket":
            self._write(type="auth", token=self.crowd.key)
            self._write(type="subscribe", id="s", conversation=self.conversation, after=self.cursor)

    def _take_events(self) -> None:
        # The head of a chunk stands between events: the service splits no event over two.
        *events, self._buffer = self._buffer.split(b"\n\n")
        for event in events:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line and line[:1] != b":")
            if b"event" in fields:
                self._take(fields[b"event"].decode(), json.loads(fields[b"data"]), fields.get(b"id", b"").decode())

    def _take_frames(self) -> None:
        data, at = self._buffer, 0
        while len(data) - at >= 2:
            length, head = data[at + 1] & 127, 2
            if length >= 126:
                head = 4 if length == 126 else 10
                length = int.from_bytes(data[at + 2 : at + head])
            if len(data) - at < head + length:
                break
            if data[at] & 15 == 1:
                frame = json.loads(data[at + head : at + head + length])
                self._take(frame["type"], frame.get("entry") or frame.get("status") or frame, frame.get("cursor", ""))
            at += head + length
        self._buffer = data[at:]

    def _take(self, kind: str, data: dict[str, Any], cursor: str) -> None:
        if kind == "entry":
            self.cursor = cursor
            self.seqs.append(data["seq"])
        elif kind == "status" and data["state"] == "closed":
            self.crowd.last_events[data["code"]] += 1
            longest = data.get("retry_ms", 0) / 1000
            self.crowd.longest_retry = max(self.crowd.longest_retry, longest)
            # A browser's EventSource waits as long as it is told, the JavaScript client at most so long.
            self._pause = longest if self.edge == "sse" else random.uniform(0, longest)
            if data["reconnect"] != "now":
                self.crowd.surprises.append(f"{self.edge}: {data}")
            self._close()
        elif kind == "error":
            self.crowd.surprises.append(f"{self.edge}: {data}")

    def _write(self, **frame: Any) -> None:
        payload = json.dumps(frame).encode()
        size = bytes([128 | len(payload)]) if len(payload) < 126 else bytes([254]) + len(payload).to_bytes(2)
        if self._transport is not None:
            # A mask of zeros leaves the payload as it is.
            self._transport.write(b"\x81" + size + b"\0\0\0\0" + payload)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


_tasks: set[asyncio.Future[None]] = set()
"""What connects again: kept here, since the loop holds no reference."""

__all__ = ["Crowd", "Subscriber"]
