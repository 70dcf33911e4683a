"""One client's channel: what it may, what it is told, and what ends it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from .authorization import allowed
from .frames import Frame
from .limits import Rate
from .tokens import BadToken, Claims, expiry_words, read

if TYPE_CHECKING:
    from .rooms import Room
    from .socket import Socket

PREFIX = "realtime:"


class Channel:
    """Joined. `config` is that of the join."""

    def __init__(self, socket: Socket, frame: Frame, config: dict[str, Any], claims: Claims) -> None:
        self.socket, self.claims = socket, claims
        self.join_ref = frame.join_ref or frame.ref
        self.topic = frame.topic.removeprefix(PREFIX)
        self.private = bool(config.get("private"))
        broadcast, presence = config.get("broadcast") or {}, config.get("presence") or {}
        self.hears_itself, self.acknowledged = bool(broadcast.get("self")), bool(broadcast.get("ack"))
        self.presence_enabled = bool(presence.get("enabled"))
        self.presence_key = presence.get("key") or f"{id(self):x}"
        self.room: Room = socket.server.rooms.enter((self.topic, self.private), self)
        # Asked once and remembered, until the token changes.
        self._may_write: dict[str, bool] = {}
        self._presence_calls = Rate(socket.server.limits.presence_window)
        self._rate = Rate(socket.server.limits.window)
        self._clock = asyncio.create_task(self._watch_token(), name="realtime: token")

    @property
    def name(self) -> str:
        """As frames name it."""
        return PREFIX + self.topic

    async def handle(self, frame: Frame) -> None:
        """What the client sends on it."""
        match frame.event:
            case "broadcast":
                await self._broadcast(frame)
            case "presence":
                await self._presence(frame)
            case "access_token":
                await self._new_token(frame)
            case "phx_leave":
                await self.socket.reply(frame, {})
                await self.close()

    async def deliver(self, frame: Frame) -> None:
        """Hand it to the client, unless there is too much of it."""
        if self.socket.server.count_event():
            await self.fail("Too many messages per second")
            return
        await self.socket.deliver(frame)

    async def fail(self, message: str) -> None:
        """A system error, and the channel is over. The socket stays."""
        body = {"extension": "system", "status": "error", "message": message, "channel": self.topic}
        await self.socket.send(Frame(self.name, "system", body, join_ref=self.join_ref))
        await self.close()

    async def close(self) -> None:
        """Tell the client that it is over."""
        await self.socket.send(Frame(self.name, "phx_close", {}, self.join_ref, self.join_ref))
        await self.forget()

    async def forget(self) -> None:
        """It is over, and nobody is told but the others in the room."""
        self._clock.cancel()
        self.socket.channels.pop(self.name, None)
        diff = self.room.presence.untrack(self)
        self.socket.server.rooms.leave(self)
        await self.room.tell_presence(diff)

    async def expire(self) -> None:
        """As if the token's time were over."""
        self.claims = self.claims | {"exp": time.time() - 1}
        await self.fail(expiry_words(self.claims))

    async def _watch_token(self) -> None:
        while True:
            left = float(self.claims["exp"]) - time.time()
            if left <= 0:
                break
            await asyncio.sleep(min(left, self.socket.server.limits.token_check))
        # Not by this task, which closing cancels.
        self.socket.spawn(self.fail(expiry_words(self.claims)))

    async def _broadcast(self, frame: Frame) -> None:
        if self.socket.server.count_event():
            await self.fail("Too many messages per second")
            return
        size = len(frame.binary) if frame.binary is not None else len(str(frame.payload.get("payload")))
        if size > self.socket.server.limits.payload:
            if self.acknowledged:
                await self.socket.reply(frame, {"error": "payload_size_exceeded"}, status="error")
            return
        if not await self._writes("broadcast"):
            # Nothing, ever: the client learns of it by the missing answer.
            return
        await self.room.broadcast(
            str(frame.payload.get("event")),
            frame.payload.get("payload"),
            binary=frame.binary,
            but=None if self.hears_itself else self,
        )
        if self.acknowledged:
            await self.socket.reply(frame, {})

    async def _presence(self, frame: Frame) -> None:
        limits = self.socket.server.limits
        if self._presence_calls.add() * limits.presence_window > limits.presence_calls:
            await self.fail("Client presence rate limit exceeded")
            return
        if not self.presence_enabled or not await self._writes("presence"):
            return
        diff: dict[str, Any] | None
        match frame.payload.get("event"), frame.payload.get("payload", {}):
            case "track", dict(payload):
                diff = self.room.presence.track(self, self.presence_key, payload)
            case "untrack", _:
                diff = self.room.presence.untrack(self)
            case _:
                await self.socket.reply(frame, {"reason": "Presence track payload must be a map"}, status="error")
                return
        await self.socket.reply(frame, {})
        await self.room.tell_presence(diff)

    async def _new_token(self, frame: Frame) -> None:
        token = frame.payload.get("access_token")
        # Nothing is answered to a good one; none, an API key's and the same one again are ignored.
        if not isinstance(token, str) or token.startswith("sb_"):
            return
        try:
            claims = read(token, self.socket.server.verify)
        except BadToken as error:
            await self.fail(error.words)
            return
        if self.private and not await allowed(self.socket.server.url, self.topic, claims, "read"):
            await self.fail(f"You no longer have permission to read from this Channel topic: {self.topic}")
            return
        self.claims = claims
        self._may_write.clear()
        self._clock.cancel()
        self._clock = asyncio.create_task(self._watch_token(), name="realtime: token")

    async def _writes(self, extension: str) -> bool:
        if not self.private:
            return True
        if extension not in self._may_write:
            server = self.socket.server
            self._may_write[extension] = await allowed(server.url, self.topic, self.claims, "write", extension)
        return self._may_write[extension]


__all__ = ["PREFIX", "Channel"]
