"""A client of the bare protocol that asks, and notes what it is answered under the question's name."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx
import jwt
import psycopg

from tests.local_supabase.people import command
from tests.local_supabase.realtime.limits import Limits
from tests.local_supabase.realtime.server import TENANT
from tests.local_supabase.stack.api import Stack

PACE = 0.1
"""Share of the real server's pauses and ticks that the stand-in takes: their ratios stay, and so do the answers."""

SILENCE = 1.5
"""Seconds of silence after which it closes a socket meanwhile: scaled by itself, since other questions are slower."""

REAL = Limits()

SHORT_LIFE = 2
"""Seconds for which a token holds that is to end while somebody listens; the real server was given 5 and 6. A token's
end is written in whole seconds, so that there is no tenth of it."""

REPLACED_LIFE = 3
"""Those of a token that is replaced before it ends; the real server was given 6."""

JOINS = 80
"""How many joins are asked for where their rate is tried."""

RATE_SECONDS = 40
"""The real server's seconds for which is sent where the rate of messages is tried."""

QUIET = 0.25
"""Seconds for which is listened where nothing is to come, or nothing more."""

PATIENCE = 20.0
"""Seconds within which what was answered to the question before must come."""

Heard = dict[str, Any] | list[Any]


@dataclass
class Asked:
    """One round of questions. `known`: the answers to compare with, which say for how many frames to listen."""

    stack: Stack
    known: Mapping[str, Any]
    user: str
    """Of the tokens, unless another one is named."""
    found: dict[str, Any] = field(default_factory=dict)

    def note(self, question: str, answer: Any) -> None:
        """What was answered."""
        self.found[question] = answer

    def token(self, role: str | None = "authenticated", exp: int | None = 3600, **more: Any) -> str:
        """A token of the project's, or with `secret` of somebody else's."""
        secret = more.pop("secret", self.stack.jwt_secret)
        claims: dict[str, Any] = {"sub": self.user, "iat": int(time.time())}
        if role is not None:
            claims["role"] = role
        if exp is not None:
            claims["exp"] = int(time.time()) + exp
        return jwt.encode(claims | more, secret, "HS256")

    @property
    def service(self) -> str:
        """A token that passes by every policy."""
        return self.token("service_role")

    async def limit(self, **limits: float) -> None:
        """Set limits; rates are counted anew."""
        await command(self.stack, "realtime/limits", **limits)

    @property
    def base(self) -> str:
        """The server itself, without a gateway."""
        return self.stack.url

    @property
    def headers(self) -> dict[str, str]:
        """What says of which project it is asked."""
        return {"Host": f"{TENANT}.localhost"}

    def insert(self, topic: str, event: str = "e", payload: object = None, *, private: bool = True) -> None:
        """A broadcast of the database's."""
        said = json.dumps({"n": 1} if payload is None else payload)
        row = (topic, event, said, private)
        with psycopg.connect(self.stack.admin_db_url, autocommit=True) as connection:
            connection.execute(
                "insert into realtime.messages (topic, extension, event, payload, private) "
                "values (%s, 'broadcast', %s, %s, %s)",
                row,
            )

    @asynccontextmanager
    async def socket(self, key: str | None = None, vsn: int = 1) -> AsyncIterator[Socket]:
        """Open. Raises aiohttp.WSServerHandshakeError."""
        query = {"apikey": key or self.token("anon")} | ({"vsn": "2.0.0"} if vsn == 2 else {})
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                f"{self.base}/socket/websocket", params=query, headers=self.headers, max_msg_size=0
            ) as connection,
        ):
            yield Socket(self, connection, vsn)

    @asynccontextmanager
    async def http(self) -> AsyncIterator[httpx.AsyncClient]:
        """The REST API."""
        async with httpx.AsyncClient(base_url=f"{self.base}/api", headers=self.headers, timeout=30) as client:
            yield client


class Socket:
    """One client's. `connection` is for what is no frame."""

    def __init__(self, asked: Asked, connection: aiohttp.ClientWebSocketResponse, vsn: int) -> None:
        self.connection, self.vsn = connection, vsn
        self._asked, self._number = asked, 0

    async def send(
        self, topic: str, event: str, payload: object = None, *, join_ref: str | None = None, ref: str | None = None
    ) -> None:
        """A frame."""
        self._number += 1
        ref, body = ref or str(self._number), {} if payload is None else payload
        if self.vsn == 2:
            await self.connection.send_json([join_ref, ref, topic, event, body])
        else:
            named = {"topic": topic, "event": event, "payload": body, "ref": ref}
            await self.connection.send_json(named | ({"join_ref": join_ref} if join_ref else {}))

    async def read(self, within: float = PATIENCE) -> Heard | None:
        """The next frame, None if there is none; the socket's end is told as one."""
        try:
            message = await self.connection.receive(timeout=within)
        except TimeoutError:
            return None
        if message.type == aiohttp.WSMsgType.TEXT:
            found: Heard = json.loads(message.data)
            return found
        if message.type == aiohttp.WSMsgType.BINARY:
            return {"binary": message.data.hex()}
        code = message.data if message.type == aiohttp.WSMsgType.CLOSE else self.connection.close_code
        return {"CLOSE": str(message.type), "code": code, "extra": str(message.extra or "")}

    async def heard(self, question: str | None = None, *, quiet: float = QUIET, many: int | None = None) -> list[Heard]:
        """As many frames as were answered to the question before, and whatever comes soon after them; noted."""
        if many is None:
            many = len(self._asked.known[question]) if question is not None else 0
        found: list[Heard] = []
        while (frame := await self.read(PATIENCE if len(found) < many else quiet)) is not None:
            found.append(frame)
            if isinstance(frame, dict) and "CLOSE" in frame:
                break
        if question is not None:
            self._asked.note(question, found)
        return found

    async def join(self, topic: str, token: str | None = None, **config: Any) -> tuple[Any, float]:
        """The reply's payload, and after how many of the real server's seconds it came."""
        payload: dict[str, Any] = {"config": config} | ({} if token is None else {"access_token": token})
        self._number += 1
        ref, begun = str(self._number), time.monotonic()
        await self.send(f"realtime:{topic}", "phx_join", payload, join_ref=ref, ref=ref)
        while True:
            frame = await self.read()
            spent = since(begun)
            if frame is None or (isinstance(frame, dict) and ("CLOSE" in frame or "binary" in frame)):
                return frame, spent
            event, its, body = (
                (frame["event"], frame["ref"], frame["payload"])
                if isinstance(frame, dict)
                else (frame[3], frame[1], frame[4])
            )
            if event == "phx_reply" and its == ref:
                return body, spent

    async def asked(self, question: str, topic: str, token: str | None = None, **config: Any) -> None:
        """Join, and note what was answered when."""
        self._asked.note(question, list(await self.join(topic, token, **config)))


def since(begun: float) -> float:
    """Seconds, as the real server would have taken them."""
    return (time.monotonic() - begun) / PACE


async def pace(stack: Stack) -> None:
    """Let the stand-in go through its pauses and ticks faster, in their ratios."""
    scaled = {name: getattr(REAL, name) * PACE for name in ("error_pause", "handshake_pause", "tick")}
    await command(stack, "realtime/limits", **scaled)
    # A join does not wait until the database's broadcasts come.
    await command(stack, "realtime/replication", on=True)


__all__ = [
    "JOINS",
    "PACE",
    "QUIET",
    "RATE_SECONDS",
    "REPLACED_LIFE",
    "SHORT_LIFE",
    "SILENCE",
    "Asked",
    "Heard",
    "Socket",
    "pace",
    "since",
]
