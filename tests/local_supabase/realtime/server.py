"""The server: sockets, rooms, limits and faults of one project, and its routes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .faults import Faults
from .limits import Limits, Rate
from .replication import Replication, Stored
from .rooms import Rooms
from .socket import Socket
from .tokens import BadToken, Claims, Verify, read


class Realtime:
    """One project's. `url` is the database's, as the superuser; `role_of` names the role of an opaque API key."""

    def __init__(
        self, url: str, verify: Verify, role_of: Callable[[str], str | None], limits: Limits | None = None
    ) -> None:
        self.url, self.verify, self._role_of = url, verify, role_of
        self.limits, self.faults = limits or Limits(), Faults()
        self.rooms, self.sockets = Rooms(), set[Socket]()
        self.replication = Replication(url, self._stored)
        self.down_until = 0.0
        self.hits = Counter[str]()
        """How often each fault hit somebody, by the name that commands it."""
        self.reset_rates()

    def reset_rates(self) -> None:
        """Forget what was counted, and take the limits' windows anew."""
        self.joins, self._events = Rate(1.0), Rate(self.limits.window)

    def count_event(self) -> bool:
        """One more send or delivery; whether that is too much."""
        too_much = self._events.add() > self.limits.events_per_second
        self.hits["limits"] += too_much
        return too_much

    @property
    def is_down(self) -> bool:
        """Whether it is restarting."""
        return time.monotonic() < self.down_until

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """A client's handshake, and then its socket."""
        status = self.faults.refuse_status or (503 if self.is_down else None)
        if status is not None:
            self.hits["refuse_status" if self.faults.refuse_status else "restart"] += 1
            return web.json_response({"error": "refused on command"}, status=status)
        try:
            claims = self._handshake(request)
        except BadToken as error:
            return web.json_response({"error": str(error)}, status=401)
        if len(self.sockets) >= self.limits.users:
            return web.json_response({"error": "Too many users"}, status=429)
        connection = web.WebSocketResponse(max_msg_size=5_000_000, autoping=True, timeout=1.0)
        await connection.prepare(request)
        socket = Socket(self, connection, request, claims)
        self.sockets.add(socket)
        try:
            await socket.run()
        finally:
            self.sockets.discard(socket)
        return connection

    def _handshake(self, request: web.Request) -> Claims:
        key = request.headers.get("x-api-key") or request.query.get("apikey") or ""
        if not key:
            raise BadToken("MissingAPIKey", "an API key is required")
        if key.startswith("sb_"):
            role = self._role_of(key)
            if role is None:
                raise BadToken("MalformedJWT", "The token provided is not a valid JWT")
            # The gateway gives an opaque key a short JWT of its role.
            return {"role": role, "exp": time.time() + 3600}
        return read(key, self.verify)

    async def restart(self, seconds: float) -> None:
        """Everybody is cut off, the slot is gone, and for some seconds nobody is let in."""
        self.down_until = time.monotonic() + seconds
        await self.replication.stop()
        self.hits["restart"] += len(self.sockets)
        for socket in list(self.sockets):
            socket.drop()

    async def close(self) -> None:
        """End everything."""
        await self.replication.stop()
        for socket in list(self.sockets):
            socket.drop()

    def reset(self) -> None:
        """As at the start: no fault, the usual limits, nobody connected."""
        self.faults, self.limits = Faults(), Limits()
        self.replication.paused, self.down_until = False, 0.0
        self.reset_rates()
        for socket in list(self.sockets):
            socket.drop()

    async def _stored(self, stored: Stored) -> None:
        # Above the rate, messages of the database are dropped and only a log line says so.
        if self.count_event():
            return
        room = self.rooms.find((stored.topic, stored.private))
        if room is not None:
            await room.broadcast(stored.event, stored.payload, binary=stored.binary, meta={"id": stored.id})

    def state(self) -> dict[str, Any]:
        """For tests: who is connected, and what is wrong on command."""
        return {
            "sockets": len(self.sockets),
            "channels": {room.key[0]: len(room.channels) for room in self.rooms.all()},
            "replication": self.replication.ready.is_set(),
            "faults": json.loads(json.dumps(vars(self.faults))),
            "hits": dict(self.hits),
        }


__all__ = ["Realtime"]
