"""One client's channel: what it may, what it is told, and what ends it."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

import psycopg

from .authorization import allowed
from .calls import Calls
from .frames import Frame, dumps
from .limits import PADDING
from .policies import Reads, Unavailable, reads
from .replay import Replayed
from .tokens import BadToken, Claims, expiry_words, read

if TYPE_CHECKING:
    from .rooms import Room
    from .socket import Socket

PREFIX = "realtime:"


class Channel:
    """Joined. `config` is that of the join, `reads` what policies let it hear."""

    def __init__(
        self,
        socket: Socket,
        frame: Frame,
        config: dict[str, Any],
        claims: Claims,
        token: str | None,
        reads: Reads,
    ) -> None:
        self.socket, self.claims, self.reads = socket, claims, reads
        self.join_ref = frame.join_ref or frame.ref
        self.topic = frame.topic.removeprefix(PREFIX)
        self.private = config.get("private") in (True, "true", "1")
        broadcast, presence = config.get("broadcast") or {}, config.get("presence") or {}
        self.hears_itself, self.acknowledged = bool(broadcast.get("self")), bool(broadcast.get("ack"))
        self.presence_enabled = bool(presence.get("enabled"))
        self.presence_key = presence.get("key") or str(uuid.uuid1())
        self.room: Room = socket.server.rooms.enter((self.topic, self.private), self)
        self.replayed: list[Replayed] = []
        self.is_open = True
        self._token = token
        # Asked once and remembered, until the token changes.
        self._may_write: dict[str, bool] = {}
        self._presence_calls = Calls(socket.server.limits)
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
            case _:
                self.socket.server.events.add()

    async def deliver(self, frame: Frame) -> None:
        """Hand a broadcast to the client. It counts, and ends the channel once there were too many."""
        if not self.reads.broadcast or self._has_heard(frame):
            return
        await self.socket.deliver(frame)
        self.socket.server.events.add()
        if self.socket.server.events.over:
            self.socket.server.hits["limits"] += 1
            await self.fail("Too many messages per second")

    async def deliver_presence(self, diff: dict[str, Any]) -> None:
        """Hand a change of who is here to the client, if it may know."""
        if self.reads.presence:
            await self.socket.deliver(Frame(self.name, "presence_diff", diff))

    async def tell_replayed(self) -> None:
        """What was stored before the join."""
        for stored in self.replayed:
            body = Frame(self.name, "broadcast", stored.body, join_ref=self.join_ref, binary=stored.binary)
            await self.socket.deliver(body)

    async def push(self, event: str, payload: dict[str, Any]) -> None:
        """Tell this client alone."""
        await self.socket.send(Frame(self.name, event, payload, join_ref=self.join_ref))

    async def system(self, status: str, message: str) -> None:
        """A system message."""
        body = {"extension": "system", "status": status, "message": message, "channel": self.topic}
        await self.push("system", body)

    async def fail(self, message: str) -> None:
        """A system error, and the channel is over. The socket stays."""
        if self.is_open:
            await self.system("error", message)
            await self.close()

    async def close(self) -> None:
        """Tell the client that it is over."""
        await self.say_closed()
        await self.forget()

    async def say_closed(self) -> None:
        """As the server does of a channel's end."""
        await self.socket.send(Frame(self.name, "phx_close", {}, self.join_ref, self.join_ref))

    async def forget(self) -> None:
        """It is over, and nobody is told but the others in the room."""
        self.is_open = False
        self._clock.cancel()
        if self.socket.channels.get(self.name) is self:
            del self.socket.channels[self.name]
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

    def _has_heard(self, frame: Frame) -> bool:
        id_ = frame.payload.get("meta", {}).get("id")
        return id_ is not None and any(id_ == stored.body["meta"]["id"] for stored in self.replayed)

    async def _broadcast(self, frame: Frame) -> None:
        try:
            if not await self._writes("broadcast"):
                # Nothing, ever: the client learns of it by the missing answer.
                return
        except psycopg.Error:
            return
        server = self.socket.server
        # A rate that is exceeded is told to nobody who sends.
        server.events.add()
        too_big = _size(frame) > server.limits.payload + PADDING
        if not too_big:
            # A text frame's payload is passed on as it is, whatever it lacks.
            said = Frame(self.name, "broadcast", frame.payload, binary=frame.binary, json=frame.json)
            await self.room.broadcast(said, but=None if self.hears_itself else self)
        if self.acknowledged and self.is_open:
            response: Any = "payload_size_exceeded" if too_big else {}
            await self.socket.reply(frame, response, status="error" if too_big else "ok")

    async def _presence(self, frame: Frame) -> None:
        event = frame.payload.get("event")
        if isinstance(event, str):
            if not self._presence_calls.add():
                await self.fail("Client presence rate limit exceeded")
                return
            match event.lower():
                case "track":
                    await self._track(frame)
                    return
                case "untrack":
                    await self.socket.reply(frame, {})
                    await self.room.tell_presence(self.room.presence.untrack(self))
                    return
            await self.socket.reply(frame, {}, status="error")
            return
        await self.socket.reply(frame, {})

    async def _track(self, frame: Frame) -> None:
        payload = frame.payload.get("payload", {})
        try:
            may = await self._tracks()
        except (Unavailable, psycopg.Error):
            may = False
        if not may:
            await self.socket.reply(frame, {}, status="error")
            return
        if not isinstance(payload, dict):
            await self.socket.reply(frame, {"reason": "Presence track payload must be a map"}, status="error")
            return
        if len(dumps(payload).encode()) > self.socket.server.limits.payload + PADDING:
            await self.fail("Track message size exceeded")
            return
        # Whoever tracks takes part, also without having asked for it.
        self.presence_enabled = True
        diff = self.room.presence.track(self, self.presence_key, payload)
        await self.socket.reply(frame, {})
        await self.room.tell_presence(diff)

    async def _tracks(self) -> bool:
        if self.private and self.reads.presence is None:
            self.reads = await reads(self.socket.server.url, self.topic, self.claims, presence=True)
        return await self._writes("presence")

    async def _new_token(self, frame: Frame) -> None:
        token = frame.payload.get("access_token")
        # Nothing is answered to a good one; none, an API key's and the same one again are ignored.
        if not isinstance(token, str) or token.startswith("sb_") or token == self._token:
            return
        self._token = token
        try:
            claims = read(token, self.socket.server.verify)
            found = await self._read_anew(claims)
        except BadToken as error:
            await self.fail(error.system)
            return
        except Unavailable:
            await self.fail("Realtime was unable to connect to the project database")
            return
        before, self.reads = self.reads, found
        if not found.broadcast and not found.presence:
            await self.fail(f"You do not have permissions to read from this Channel topic: {self.topic}")
            return
        if _revoked(before, found):
            await self.fail(f"You no longer have permission to read from this Channel topic: {self.topic}")
            return
        self.claims = claims
        self._may_write.clear()
        self._clock.cancel()
        self._clock = asyncio.create_task(self._watch_token(), name="realtime: token")

    async def _read_anew(self, claims: Claims) -> Reads:
        if not self.private:
            return Reads(broadcast=True, presence=True)
        return await reads(self.socket.server.url, self.topic, claims, presence=self.presence_enabled)

    async def _writes(self, extension: str) -> bool:
        if not self.private:
            return True
        if extension not in self._may_write:
            server = self.socket.server
            self._may_write[extension] = await allowed(server.url, self.topic, self.claims, "write", extension)
        return self._may_write[extension]


def _revoked(before: Reads, now: Reads) -> bool:
    return (before.broadcast and not now.broadcast) or (before.presence is True and now.presence is False)


def _size(frame: Frame) -> int:
    if frame.binary is not None:
        return len(frame.binary)
    return len(frame.json if frame.json is not None else dumps(frame.payload).encode())


__all__ = ["PREFIX", "Channel"]
