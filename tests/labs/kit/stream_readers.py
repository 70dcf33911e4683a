"""Readers over streams, SSE and WebSocket: one conversation, from its cursor, across every end of a connection."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import httpx
from httpx_sse import EventSource, SSEError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

OPEN_TIMEOUT = 10.0
"""Seconds for a connection, and for the first answer on it."""

SILENCE = 40.0
"""Seconds without a byte after which a connection is dead: heartbeats come more often."""

PAUSE = 0.2
"""Seconds after a connection that was refused or cut, at most; drawn anew each time."""

AGAIN = frozenset({429, 502, 503, 504})
"""Statuses of a refusal that passes: the reader comes back, and asks again from its cursor."""

TakeEntry = Callable[[dict[str, Any]], None]
TakeStatus = Callable[[dict[str, Any]], None]
Wait = Callable[[], Awaitable[None]]


async def pause() -> None:
    """What a reader does where there is no stream, unless it is given something else to do."""
    await asyncio.sleep(random.uniform(0, PAUSE))


class StreamEnded(Exception):
    """The service ended the stream for good, or refused it: its status says not to come back."""


class StreamReader(Protocol):
    """Hands each entry on as it arrives. `cursor` is where it stands, `connections` how often it connected."""

    cursor: str
    connections: int

    async def run(self) -> None:
        """Read until cancelled. Raises StreamEnded."""
        ...


class SseReader:
    """Over server-sent events, resumed with `Last-Event-ID`, as a browser does."""

    def __init__(
        self,
        url: str,
        key: str | None,
        conversation: str,
        entry: TakeEntry,
        *,
        status: TakeStatus = lambda _status: None,
        without: Wait = pause,
    ) -> None:
        self.cursor = "0"
        self.connections = 0
        self._status, self._without = status, without
        self._path = f"/v1/conversations/{conversation}/stream"
        self._entry = entry
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(OPEN_TIMEOUT, read=SILENCE),
            trust_env=False,
        )

    async def run(self) -> None:
        """Read until cancelled. Raises StreamEnded."""
        async with self._http:
            while True:
                try:
                    async with self._http.stream(
                        "GET", self._path, headers={"Last-Event-ID": self.cursor, "Accept": "text/event-stream"}
                    ) as answer:
                        if answer.status_code == 200:
                            self.connections += 1
                            await self._read(answer)
                        elif answer.status_code == 204:
                            await self._without()
                        elif answer.status_code not in AGAIN:
                            raise StreamEnded(f"{answer.status_code}: {(await answer.aread())[:300]!r}")
                except (httpx.TransportError, SSEError):
                    pass
                await pause()

    async def _read(self, answer: httpx.Response) -> None:
        async for event in EventSource(answer).aiter_sse():
            if event.event == "entry":
                self.cursor = event.id
                self._entry(json.loads(event.data))
            elif event.event == "status":
                status = json.loads(event.data)
                self._status(status)
                if status["state"] == "closed":
                    await _leave(status, self._without)
                    return


class SocketReader:
    """Over the WebSocket."""

    def __init__(
        self,
        url: str,
        key: str | None,
        conversation: str,
        entry: TakeEntry,
        *,
        status: TakeStatus = lambda _status: None,
        without: Wait = pause,
        ping_interval: float | None = 20.0,
    ) -> None:
        """`ping_interval`: seconds between the client's own pings, by which it notices that it is cut off; None: there
        are none, as in a browser."""
        self.cursor = "0"
        self.connections = 0
        self._status, self._without = status, without
        self._url = url.replace("http", "ws", 1) + "/v1/ws"
        self._key, self._conversation, self._entry = key, conversation, entry
        self._ping_interval = ping_interval

    async def run(self) -> None:
        """Read until cancelled. Raises StreamEnded."""
        while True:
            try:
                async with connect(
                    self._url,
                    open_timeout=OPEN_TIMEOUT,
                    ping_interval=self._ping_interval,
                    compression=None,
                    proxy=None,
                ) as socket:
                    self.connections += 1
                    await self._read(socket)
            except (OSError, TimeoutError, WebSocketException):
                pass
            await pause()

    async def _read(self, socket: ClientConnection) -> None:
        await _send(socket, type="auth", token=self._key)
        await _send(socket, type="subscribe", id="s", conversation=self._conversation, after=self.cursor)
        async for text in socket:
            frame = json.loads(text)
            match frame["type"]:
                case "entry":
                    self.cursor = frame["cursor"]
                    self._entry(frame["entry"])
                case "error":
                    if frame["error"]["status"] in AGAIN:
                        return
                    raise StreamEnded(f"subscribing was refused: {frame['error']}")
                case "status":
                    self._status(frame["status"])
                    if frame["status"]["state"] == "closed":
                        await _leave(frame["status"], self._without)
                        return


async def _send(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


async def _leave(status: dict[str, Any], without: Wait) -> None:
    """Wait as the last status asks. Raises StreamEnded where it says not to come back."""
    if status["reconnect"] in {"never", "renew"}:
        raise StreamEnded(str(status))
    if status["reconnect"] == "poll":
        await without()
    await asyncio.sleep(random.uniform(0, status.get("retry_ms", 0) / 1000))


__all__ = ["SocketReader", "SseReader", "StreamEnded", "StreamReader", "pause"]
