"""One client's socket: its frames in, its frames out, and the faults in between."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from aiohttp import WSMsgType, web

from .channel import Channel
from .frames import BadFrame, Frame, decode, encode
from .joining import join
from .tokens import Claims

if TYPE_CHECKING:
    from .server import Realtime


class Socket:
    """Open. `claims` are those of the handshake."""

    def __init__(
        self, server: Realtime, connection: web.WebSocketResponse, request: web.Request, claims: Claims
    ) -> None:
        self.server, self.claims = server, claims
        self.vsn = 2 if request.query.get("vsn") == "2.0.0" else 1
        self.channels: dict[str, Channel] = {}
        self.half_open = False
        self._connection, self._request = connection, request
        self._held: Frame | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the client goes."""
        try:
            async for message in self._connection:
                if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    continue
                with suppress(BadFrame):
                    frame = decode(message.data, self.vsn)
                    if not self.server.faults.stall and not self.half_open:
                        await self._handle(frame)
        finally:
            for channel in list(self.channels.values()):
                await channel.forget()
            for task in list(self._tasks):
                task.cancel()

    async def _handle(self, frame: Frame) -> None:
        if frame.topic == "phoenix" and frame.event == "heartbeat":
            await self.reply(frame, {})
            return
        channel = self.channels.get(frame.topic)
        if frame.event == "phx_join":
            if channel is not None:
                # A client that joins again on one socket replaces its channel.
                await channel.close()
            # Others go on while a join is being decided.
            self.spawn(join(self, frame))
        elif channel is not None:
            try:
                await channel.handle(frame)
            except psycopg.Error:
                await channel.fail("Realtime was unable to connect to the project database")

    async def reply(self, frame: Frame, response: dict[str, Any], *, status: str = "ok") -> None:
        """Answer a frame."""
        body = {"status": status, "response": response}
        await self.send(Frame(frame.topic, "phx_reply", body, frame.ref, frame.join_ref))

    async def send(self, frame: Frame) -> None:
        """Write it, if anybody is to get anything."""
        if self._connection.closed:
            return
        if self.server.faults.stall or self.half_open:
            self.server.hits["half_open" if self.half_open else "stall"] += 1
            return
        data = encode(frame, self.vsn)
        with suppress(ConnectionError, RuntimeError):
            if isinstance(data, bytes):
                await self._connection.send_bytes(data)
            elif data is not None:
                await self._connection.send_str(data)

    async def deliver(self, frame: Frame) -> None:
        """Send a broadcast or a presence, with what the faults make of it."""
        faults, topic = self.server.faults, frame.topic.partition(":")[2]
        hits = self.server.hits
        if faults.loses(topic):
            hits["lose"] += 1
            return
        if not faults.concerns(topic):
            await self.send(frame)
            return
        frames = [frame]
        if faults.reorder:
            if self._held is None:
                self._held = frame
                return
            frames, self._held = [frame, self._held], None
            hits["reorder"] += 1
        hits["duplicate"] += faults.duplicate
        hits["delay"] += faults.delay > 0
        for each in frames * 2 if faults.duplicate else frames:
            if faults.delay:
                self.spawn(self._later(each, faults.delay))
            else:
                await self.send(each)

    async def _later(self, frame: Frame, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.send(frame)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Do it beside the reading; it ends with the socket."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def drop(self) -> None:
        """Cut the connection without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self, code: int) -> None:
        """Close with a code."""
        await self._connection.close(code=code)

    def freeze(self) -> None:
        """From now on half-open: TCP stays, nothing is read or written, not even a pong."""
        self.half_open = True
        transport = self._request.transport
        if isinstance(transport, asyncio.Transport):
            transport.pause_reading()


__all__ = ["Socket"]
