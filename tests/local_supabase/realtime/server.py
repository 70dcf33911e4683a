"""The server: sockets, rooms, limits and faults of one project, and its routes."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
from aiohttp import web

from .faults import Faults
from .frames import Frame
from .limits import PADDING, Limits, Rate
from .replication import PUBLICATION, Replication, Stored
from .rooms import Rooms
from .socket import Socket
from .tokens import BadToken, Claims, Verify, read

TENANT = "proj"
"""The project's name, by which the server itself is asked: the first label of the host (`proj.localhost`)."""


class Realtime:
    """One project's. `url` is the database's, as the superuser; `role_of` names the role of an opaque API key."""

    def __init__(
        self, url: str, verify: Verify, role_of: Callable[[str], str | None], limits: Limits | None = None
    ) -> None:
        self.url, self.verify, self._role_of = url, verify, role_of
        self._usual = limits or Limits()
        self.limits, self.faults = replace(self._usual), Faults()
        self.rooms, self.sockets = Rooms(), set[Socket]()
        self.replication = Replication(url, self._stored)
        self.down_until = 0.0
        self.hits = Counter[str]()
        """How often each fault hit somebody, by the name that commands it."""
        self.reset_rates()

    def reset_rates(self) -> None:
        """Forget what was counted, and take the limits' buckets anew."""
        self.joins = Rate(self.limits, lambda: self.limits.joins_per_second)
        self.events = Rate(self.limits, lambda: self.limits.events_per_second)

    @property
    def users(self) -> int:
        """Sockets that count: those that have joined something."""
        return sum(bool(socket.channels) for socket in self.sockets)

    @property
    def is_down(self) -> bool:
        """Whether it is restarting."""
        return time.monotonic() < self.down_until

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """A client's handshake through the gateway, and then its socket."""
        return await self._open(request, self._role_of)

    async def direct(self, request: web.Request) -> web.StreamResponse:
        """The same without a gateway before it: the server itself knows no opaque keys, and many projects."""
        if request.host.partition(".")[0] != TENANT:
            return await self._refuse(404, "Tenant not found")
        return await self._open(request, lambda _: None)

    async def _open(self, request: web.Request, role_of: Callable[[str], str | None]) -> web.StreamResponse:
        status = self.faults.refuse_status or (503 if self.is_down else None)
        if status is not None:
            self.hits["refuse_status" if self.faults.refuse_status else "restart"] += 1
            # A proxy answers for a server that is down, and at once.
            return await self._refuse(status, "refused on command", pause=self.faults.refuse_status is not None)
        try:
            claims, token = self._handshake(request, role_of)
        except BadToken as error:
            return await self._refuse(401, error.words)
        if self.users >= self.limits.users:
            return await self._refuse(429, "Too many connected users")
        connection = web.WebSocketResponse(max_msg_size=5_000_000, autoping=True, timeout=1.0)
        await connection.prepare(request)
        socket = Socket(self, connection, request, claims, token)
        self.sockets.add(socket)
        try:
            await socket.run()
        finally:
            self.sockets.discard(socket)
        return connection

    async def _refuse(self, status: int, words: str, *, pause: bool = True) -> web.Response:
        if pause:
            await asyncio.sleep(self.limits.handshake_pause)
        return web.json_response({"error": words}, status=status)

    def _handshake(self, request: web.Request, role_of: Callable[[str], str | None]) -> tuple[Claims, str | None]:
        key = request.headers.get("x-api-key") or request.query.get("apikey") or ""
        if not key:
            raise BadToken("MissingAPIKey", "API key is missing")
        role = role_of(key) if key.startswith("sb_") else None
        if role is not None:
            # The gateway gives an opaque key a short JWT of its role.
            return {"role": role, "exp": time.time() + 3600}, None
        return read(key, self.verify), key

    async def restart(self, seconds: float) -> None:
        """Everybody is cut off, the slot is gone, and for some seconds nobody is let in."""
        self.down_until = time.monotonic() + seconds
        await self.replication.stop()
        self.hits["restart"] += len(self.sockets)
        for socket in list(self.sockets):
            socket.drop()

    async def fresh(self) -> None:
        """As before the first client ever joined."""
        await self.replication.stop()
        for socket in list(self.sockets):
            socket.drop()
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            await connection.execute(f"drop publication if exists {PUBLICATION}")
            await connection.execute("select realtime.stand_in_no_partitions()")

    async def close(self) -> None:
        """End everything."""
        await self.replication.stop()
        for socket in list(self.sockets):
            socket.drop()

    def reset(self) -> None:
        """As at the start: no fault, the usual limits, nobody connected."""
        self.faults, self.limits = Faults(), replace(self._usual)
        self.replication.paused, self.down_until = False, 0.0
        self.reset_rates()
        for socket in list(self.sockets):
            socket.drop()

    async def _stored(self, stored: Stored) -> None:
        raw = stored.json if stored.binary is None else stored.binary
        if raw is None or len(raw) > self.limits.payload + PADDING:
            return
        # Above the rate, messages of the database are dropped and only a log line says so.
        if self.events.over:
            self.hits["limits"] += 1
            return
        self.events.add()
        room = self.rooms.find((stored.topic, stored.private))
        if room is not None:
            body = {"type": "broadcast", "event": stored.event, "meta": {"id": stored.id}}
            body |= {} if stored.binary is not None else {"payload": stored.payload}
            json_ = None if stored.binary is not None else stored.json
            await room.broadcast(Frame(room.topic, "broadcast", body, binary=stored.binary, json=json_))

    def state(self) -> dict[str, Any]:
        """For tests: who is connected, and what is wrong on command."""
        return {
            "sockets": len(self.sockets),
            "channels": {room.key[0]: len(room.channels) for room in self.rooms.all()},
            "replication": self.replication.ready.is_set(),
            "faults": json.loads(json.dumps(vars(self.faults))),
            "hits": dict(self.hits),
        }


__all__ = ["TENANT", "Realtime"]
