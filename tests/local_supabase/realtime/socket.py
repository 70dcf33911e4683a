"""One client's socket: its frames in, its frames out, and the faults in between.

Frames are handled one after another, and a join in progress delays all that follow, and all that are to be sent,
as in the real server, whose socket waits for the channel.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from .channel import PREFIX, Channel
from .frames import BadFrame, Frame, decode, encode
from .joins import handle_join, send_first_messages
from .tokens import Claims

if TYPE_CHECKING:
    from .server import Realtime


class Socket:
    """An open socket. `claims` are those of the handshake, from `token` unless that was an opaque key."""

    def __init__(
        self,
        server: Realtime,
        connection: web.WebSocketResponse,
        request: web.Request,
        claims: Claims,
        token: str | None = None,
    ) -> None:
        self.server, self.claims, self.token = server, claims, token
        self.vsn = 2 if request.query.get("vsn") == "2.0.0" else 1
        self.channels: dict[str, Channel] = {}
        self.half_open = False
        self._connection, self._request = connection, request
        self._held: Frame | None = None
        self._joining = False
        self._delayed: deque[Frame] = deque()
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Handle frames until the socket closes, or the client is silent for too long."""
        try:
            while not self._connection.closed:
                # A ping restarts the wait, too.
                message = await self._connection.receive(timeout=self.server.limits.silence)
                if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    break
                with suppress(BadFrame):
                    frame = decode(message.data, self.vsn)
                    if not self.server.faults.stall and not self.half_open:
                        await self._handle(frame)
        except TimeoutError:
            await self.close(1000)
        finally:
            self._ended.set()
            for channel in list(self.channels.values()):
                await channel.detach()
            for task in list(self._tasks):
                task.cancel()

    async def _handle(self, frame: Frame) -> None:
        if frame.topic == "phoenix" and frame.event == "heartbeat":
            await self.reply(frame, {})
            return
        channel = self.channels.get(frame.topic)
        if frame.event == "phx_join" and frame.topic.startswith(PREFIX):
            await self._join(frame, channel)
        elif channel is not None:
            await channel.handle(frame)
        elif frame.event == "phx_leave":
            await self.reply(frame, {})
        else:
            await self.reply(frame, {"reason": "unmatched topic"}, status="error")

    async def _join(self, frame: Frame, before: Channel | None) -> None:
        if before is not None:
            # A client that joins again on one socket replaces its channel.
            await before.detach()
        self._joining = True
        try:
            channel = await handle_join(self, frame)
        finally:
            self._joining = False
        while self._delayed:
            await self._write(self._delayed.popleft())
        if before is not None:
            await before.send_close()
        if channel is not None:
            await send_first_messages(channel, frame.payload.get("config") or {})

    async def pause(self, seconds: float) -> None:
        """Wait, until the socket ends at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    async def answer(self, frame: Frame, response: Any, *, status: str = "ok") -> None:
        """Answer the join in progress."""
        await self._write(_reply(frame, response, status))

    async def reply(self, frame: Frame, response: Any, *, status: str = "ok") -> None:
        """Answer a frame."""
        await self.send(_reply(frame, response, status))

    async def send(self, frame: Frame) -> None:
        """Send a frame: at once, or after the join in progress."""
        if self._joining:
            self._delayed.append(frame)
        else:
            await self._write(frame)

    async def _write(self, frame: Frame) -> None:
        if self._connection.closed:
            return
        if self.server.faults.stall or self.half_open:
            self.server.hits["half_open" if self.half_open else "stall"] += 1
            return
        # A broadcast that has no binary form, such as one without a payload, is not sent.
        with suppress(ConnectionError, RuntimeError, BadFrame):
            data = encode(frame, self.vsn)
            if isinstance(data, bytes):
                await self._connection.send_bytes(data)
            elif data is not None:
                await self._connection.send_str(data)

    async def deliver(self, frame: Frame) -> None:
        """Send a broadcast or a presence diff, subject to the faults."""
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
                self.spawn(self._send_later(each, faults.delay))
            else:
                await self.send(each)

    async def _send_later(self, frame: Frame, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.send(frame)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a task beside the reading; it is cancelled when the socket ends."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def drop(self) -> None:
        """Abort the TCP connection without a close frame."""
        self._ended.set()
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self, code: int) -> None:
        """Close the socket with a code."""
        self._ended.set()
        await self._connection.close(code=code)

    def freeze(self) -> None:
        """Become half-open: TCP stays, nothing is read or written, not even a pong."""
        self.half_open = True
        transport = self._request.transport
        if isinstance(transport, asyncio.Transport):
            transport.pause_reading()


def _reply(frame: Frame, response: Any, status: str) -> Frame:
    return Frame(frame.topic, "phx_reply", {"status": status, "response": response}, frame.ref, frame.join_ref)


__all__ = ["Socket"]
