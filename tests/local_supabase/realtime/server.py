"""The server: sockets, topics, limits and faults of one project, and its routes."""

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
from .replication import PUBLICATION, Replication, StoredBroadcast
from .socket import Socket
from .tokens import BadToken, Claims, Verify, verified_claims
from .topic_groups import TopicGroups

TENANT = "proj"
"""The project's name when the server is called without a gateway: the first label of the host (`proj.localhost`)."""


class Realtime:
    """The Realtime of one project. `url` is the database's, as the superuser; `role_of` gives an opaque key's role."""

    def __init__(
        self, url: str, verify: Verify, role_of: Callable[[str], str | None], limits: Limits | None = None
    ) -> None:
        self.url, self.verify, self._role_of = url, verify, role_of
        self._initial_limits = limits or Limits()
        self.limits, self.faults = replace(self._initial_limits), Faults()
        self.groups, self.sockets = TopicGroups(), set[Socket]()
        self.replication = Replication(url, self._deliver_stored)
        self.down_until = 0.0
        self.hits = Counter[str]()
        """How often each fault took effect, by the name of its command."""
        self.reset_rates()

    def reset_rates(self) -> None:
        """Start new counts, by the limits of now."""
        self.joins = Rate(self.limits, lambda: self.limits.joins_per_second)
        self.events = Rate(self.limits, lambda: self.limits.events_per_second)

    @property
    def users(self) -> int:
        """Number of sockets with at least one joined channel."""
        return sum(bool(socket.channels) for socket in self.sockets)

    @property
    def is_down(self) -> bool:
        """Whether it is restarting."""
        return time.monotonic() < self.down_until

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """A client's handshake through the gateway, and then its socket."""
        return await self._open(request, self._role_of)

    async def direct(self, request: web.Request) -> web.StreamResponse:
        """The same without a gateway: the server itself knows no opaque keys, and serves many projects."""
        if request.host.partition(".")[0] != TENANT:
            return await self._refuse(404, "Tenant not found")
        return await self._open(request, lambda _: None)

    async def _open(self, request: web.Request, role_of: Callable[[str], str | None]) -> web.StreamResponse:
        status = self.faults.refuse_status or (503 if self.is_down else None)
        if status is not None:
            self.hits["refuse_status" if self.faults.refuse_status else "restart"] += 1
            # For a server that is down a proxy answers, without a pause.
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
        return verified_claims(key, self.verify), key

    async def restart(self, seconds: float) -> None:
        """Drop all sockets and the slot, and refuse handshakes for so many seconds."""
        self.down_until = time.monotonic() + seconds
        await self.replication.stop()
        self.hits["restart"] += len(self.sockets)
        for socket in list(self.sockets):
            socket.drop()

    async def fresh(self) -> None:
        """Return to the state before any client joined: drop sockets, publication and partitions."""
        await self.replication.stop()
        for socket in list(self.sockets):
            socket.drop()
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            await connection.execute(f"drop publication if exists {PUBLICATION}")
            await connection.execute("select realtime.stand_in_no_partitions()")

    async def close(self) -> None:
        """Stop replication and drop all sockets."""
        await self.replication.stop()
        for socket in list(self.sockets):
            socket.drop()

    def reset(self) -> None:
        """Return to the start: no fault, the initial limits, no sockets."""
        self.faults, self.limits = Faults(), replace(self._initial_limits)
        self.replication.paused, self.down_until = False, 0.0
        self.reset_rates()
        for socket in list(self.sockets):
            socket.drop()

    async def _deliver_stored(self, stored: StoredBroadcast) -> None:
        raw = stored.json if stored.binary is None else stored.binary
        if raw is None or len(raw) > self.limits.payload + PADDING:
            return
        # Above the rate, the server drops messages of the database and only logs that.
        if self.events.over:
            self.hits["limits"] += 1
            return
        self.events.add()
        group = self.groups.find((stored.topic, stored.private))
        if group is not None:
            body = {"type": "broadcast", "event": stored.event, "meta": {"id": stored.id}}
            body |= {} if stored.binary is not None else {"payload": stored.payload}
            json_ = None if stored.binary is not None else stored.json
            await group.broadcast(Frame(group.topic, "broadcast", body, binary=stored.binary, json=json_))

    def state(self) -> dict[str, Any]:
        """For tests: the connections, and the faults."""
        return {
            "sockets": len(self.sockets),
            "channels": {group.key[0]: len(group.channels) for group in self.groups.all()},
            "replication": self.replication.ready.is_set(),
            "faults": json.loads(json.dumps(vars(self.faults))),
            "hits": dict(self.hits),
        }


__all__ = ["TENANT", "Realtime"]
