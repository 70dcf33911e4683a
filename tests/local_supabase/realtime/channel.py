"""One client's channel: what it may do, what is sent to it, and what ends it."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

import psycopg

from .authorization import ReadRights, Unavailable, allowed, read_rights
from .frames import Frame, dumps
from .limits import PADDING, CallWindow
from .replay import ReplayedBroadcast
from .tokens import BadToken, Claims, expiry_words, verified_claims

if TYPE_CHECKING:
    from .socket import Socket
    from .topic_groups import TopicGroup

PREFIX = "realtime:"


class Channel:
    """A joined channel. `config` is that of the join, `rights` what policies let it receive."""

    def __init__(
        self,
        socket: Socket,
        frame: Frame,
        config: dict[str, Any],
        claims: Claims,
        token: str | None,
        rights: ReadRights,
    ) -> None:
        self.socket, self.claims, self.rights = socket, claims, rights
        self.join_ref = frame.join_ref or frame.ref
        self.topic = frame.topic.removeprefix(PREFIX)
        self.private = config.get("private") in (True, "true", "1")
        broadcast, presence = config.get("broadcast") or {}, config.get("presence") or {}
        self.receives_own, self.acknowledges = bool(broadcast.get("self")), bool(broadcast.get("ack"))
        self.presence_enabled = bool(presence.get("enabled"))
        self.presence_key = presence.get("key") or str(uuid.uuid1())
        self.group: TopicGroup = socket.server.groups.join((self.topic, self.private), self)
        self.replayed: list[ReplayedBroadcast] = []
        self.is_open = True
        self._token = token
        # Checked once and cached until the token changes.
        self._write_rights: dict[str, bool] = {}
        self._presence_calls = CallWindow(socket.server.limits)
        self._token_task = asyncio.create_task(self._watch_token(), name="realtime: token")

    @property
    def name(self) -> str:
        """The topic as frames name it."""
        return PREFIX + self.topic

    async def handle(self, frame: Frame) -> None:
        """Handle a frame that the client sent on this channel."""
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
        """Send a broadcast to the client. It counts towards the rate, whose excess ends the channel."""
        if not self.rights.broadcast or self._was_replayed(frame):
            return
        await self.socket.deliver(frame)
        self.socket.server.events.add()
        if self.socket.server.events.over:
            self.socket.server.hits["limits"] += 1
            await self.fail("Too many messages per second")

    async def deliver_presence(self, diff: dict[str, Any]) -> None:
        """Send a presence diff to the client, if it may read presence."""
        if self.rights.presence:
            await self.socket.deliver(Frame(self.name, "presence_diff", diff))

    async def send_replayed(self) -> None:
        """Send the broadcasts that the join asked to replay."""
        for stored in self.replayed:
            body = Frame(self.name, "broadcast", stored.body, join_ref=self.join_ref, binary=stored.binary)
            await self.socket.deliver(body)

    async def push(self, event: str, payload: dict[str, Any]) -> None:
        """Send an event to this client only."""
        await self.socket.send(Frame(self.name, event, payload, join_ref=self.join_ref))

    async def system(self, status: str, message: str) -> None:
        """Send a system message."""
        body = {"extension": "system", "status": status, "message": message, "channel": self.topic}
        await self.push("system", body)

    async def fail(self, message: str) -> None:
        """Send a system error and close the channel. The socket stays open."""
        if self.is_open:
            await self.system("error", message)
            await self.close()

    async def close(self) -> None:
        """End the channel, and notify its client."""
        await self.send_close()
        await self.detach()

    async def send_close(self) -> None:
        """Send `phx_close`, as the server does at a channel's end."""
        await self.socket.send(Frame(self.name, "phx_close", {}, self.join_ref, self.join_ref))

    async def detach(self) -> None:
        """End the channel without notifying its client; the others on the topic get a presence diff."""
        self.is_open = False
        self._token_task.cancel()
        if self.socket.channels.get(self.name) is self:
            del self.socket.channels[self.name]
        diff = self.group.presence.untrack(self)
        self.socket.server.groups.leave(self)
        await self.group.broadcast_presence(diff)

    async def expire(self) -> None:
        """End the channel as if its token had expired."""
        self.claims = self.claims | {"exp": time.time() - 1}
        await self.fail(expiry_words(self.claims))

    async def _watch_token(self) -> None:
        while True:
            left = float(self.claims["exp"]) - time.time()
            if left <= 0:
                break
            await asyncio.sleep(min(left, self.socket.server.limits.token_check))
        # Not in this task, which closing cancels.
        self.socket.spawn(self.fail(expiry_words(self.claims)))

    def _was_replayed(self, frame: Frame) -> bool:
        id_ = frame.payload.get("meta", {}).get("id")
        return id_ is not None and any(id_ == stored.body["meta"]["id"] for stored in self.replayed)

    async def _broadcast(self, frame: Frame) -> None:
        try:
            if not await self._may_send("broadcast"):
                # The server never answers a refused write.
                return
        except psycopg.Error:
            return
        server = self.socket.server
        # An exceeded rate is not reported to the sender.
        server.events.add()
        too_big = _size(frame) > server.limits.payload + PADDING
        if not too_big:
            # A text frame's payload is passed on unchecked.
            sent = Frame(self.name, "broadcast", frame.payload, binary=frame.binary, json=frame.json)
            await self.group.broadcast(sent, but=None if self.receives_own else self)
        if self.acknowledges and self.is_open:
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
                    await self.group.broadcast_presence(self.group.presence.untrack(self))
                    return
            await self.socket.reply(frame, {}, status="error")
            return
        await self.socket.reply(frame, {})

    async def _track(self, frame: Frame) -> None:
        payload = frame.payload.get("payload", {})
        try:
            may_track = await self._may_track()
        except (Unavailable, psycopg.Error):
            may_track = False
        if not may_track:
            await self.socket.reply(frame, {}, status="error")
            return
        if not isinstance(payload, dict):
            await self.socket.reply(frame, {"reason": "Presence track payload must be a map"}, status="error")
            return
        if len(dumps(payload).encode()) > self.socket.server.limits.payload + PADDING:
            await self.fail("Track message size exceeded")
            return
        # Tracking enables presence, also where the join did not.
        self.presence_enabled = True
        diff = self.group.presence.track(self, self.presence_key, payload)
        await self.socket.reply(frame, {})
        await self.group.broadcast_presence(diff)

    async def _may_track(self) -> bool:
        if self.private and self.rights.presence is None:
            self.rights = await read_rights(self.socket.server.url, self.topic, self.claims, presence=True)
        return await self._may_send("presence")

    async def _new_token(self, frame: Frame) -> None:
        token = frame.payload.get("access_token")
        # A valid token gets no answer; a missing one, an API key and the same token again are ignored.
        if not isinstance(token, str) or token.startswith("sb_") or token == self._token:
            return
        self._token = token
        try:
            claims = verified_claims(token, self.socket.server.verify)
            found = await self._new_rights(claims)
        except BadToken as error:
            await self.fail(error.system)
            return
        except Unavailable:
            await self.fail("Realtime was unable to connect to the project database")
            return
        before, self.rights = self.rights, found
        if not found.broadcast and not found.presence:
            await self.fail(f"You do not have permissions to read from this Channel topic: {self.topic}")
            return
        if _revoked(before, found):
            await self.fail(f"You no longer have permission to read from this Channel topic: {self.topic}")
            return
        self.claims = claims
        self._write_rights.clear()
        self._token_task.cancel()
        self._token_task = asyncio.create_task(self._watch_token(), name="realtime: token")

    async def _new_rights(self, claims: Claims) -> ReadRights:
        if not self.private:
            return ReadRights(broadcast=True, presence=True)
        return await read_rights(self.socket.server.url, self.topic, claims, presence=self.presence_enabled)

    async def _may_send(self, extension: str) -> bool:
        if not self.private:
            return True
        if extension not in self._write_rights:
            server = self.socket.server
            self._write_rights[extension] = await allowed(server.url, self.topic, self.claims, "write", extension)
        return self._write_rights[extension]


def _revoked(before: ReadRights, now: ReadRights) -> bool:
    return (before.broadcast and not now.broadcast) or (before.presence is True and now.presence is False)


def _size(frame: Frame) -> int:
    if frame.binary is not None:
        return len(frame.binary)
    return len(frame.json if frame.json is not None else dumps(frame.payload).encode())


__all__ = ["PREFIX", "Channel"]
