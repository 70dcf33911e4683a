"""A client of the bare protocol that asks the questions, and records the answers by the question's name."""

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

TIME_SCALE = 0.1
"""Scale of the stand-in's pauses and ticks to the real server's: their ratios stay, and so do the answers."""

SILENCE = 1.5
"""Seconds of silence after which it closes a socket: scaled separately, since other questions are slower."""

REAL = Limits()

SHORT_LIFE = 2
"""Lifetime in seconds of a token that expires while a client listens; for the real server 5 and 6. A token's expiry is
in whole seconds, so it cannot be scaled to a tenth."""

REPLACED_LIFE = 3
"""Lifetime in seconds of a token that is replaced before it expires; for the real server 6."""

JOINS = 80
"""Number of joins in the question about their rate."""

RATE_SECONDS = 40
"""Seconds, at the real server's scale, of sending in the question about the rate of messages."""

QUIET_TIME = 0.25
"""Seconds of listening where nothing (more) is expected."""

TIMEOUT = 20.0
"""Seconds within which an expected frame must arrive."""

ReceivedFrame = dict[str, Any] | list[Any]


@dataclass
class QuestionRound:
    """One round of questions to a server. `known`: the recorded answers, which tell how many frames to expect."""

    stack: Stack
    known: Mapping[str, Any]
    user: str
    """The default subject of the tokens."""
    found: dict[str, Any] = field(default_factory=dict)

    def note(self, question: str, answer: Any) -> None:
        """Record an answer."""
        self.found[question] = answer

    def token(self, role: str | None = "authenticated", exp: int | None = 3600, **more: Any) -> str:
        """A token signed with the project's secret, or with `secret`."""
        secret = more.pop("secret", self.stack.jwt_secret)
        claims: dict[str, Any] = {"sub": self.user, "iat": int(time.time())}
        if role is not None:
            claims["role"] = role
        if exp is not None:
            claims["exp"] = int(time.time()) + exp
        return jwt.encode(claims | more, secret, "HS256")

    @property
    def service(self) -> str:
        """A token that bypasses every policy."""
        return self.token("service_role")

    async def limit(self, **limits: float) -> None:
        """Set limits; rates are counted from zero."""
        await command(self.stack, "realtime/limits", **limits)

    @property
    def base(self) -> str:
        """URL of the server itself, without a gateway."""
        return self.stack.url

    @property
    def headers(self) -> dict[str, str]:
        """Headers that name the project."""
        return {"Host": f"{TENANT}.localhost"}

    def insert(self, topic: str, event: str = "e", payload: object = None, *, private: bool = True) -> None:
        """Insert a broadcast into the database."""
        body = json.dumps({"n": 1} if payload is None else payload)
        row = (topic, event, body, private)
        with psycopg.connect(self.stack.admin_db_url, autocommit=True) as connection:
            connection.execute(
                "insert into realtime.messages (topic, extension, event, payload, private) "
                "values (%s, 'broadcast', %s, %s, %s)",
                row,
            )

    @asynccontextmanager
    async def socket(self, key: str | None = None, vsn: int = 1) -> AsyncIterator[Socket]:
        """An open socket. Raises aiohttp.WSServerHandshakeError."""
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
        """A client of the REST API."""
        async with httpx.AsyncClient(base_url=f"{self.base}/api", headers=self.headers, timeout=30) as client:
            yield client


class Socket:
    """A client's socket. `connection` is for data that is no frame."""

    def __init__(self, round_: QuestionRound, connection: aiohttp.ClientWebSocketResponse, vsn: int) -> None:
        self.connection, self.vsn = connection, vsn
        self._round, self._number = round_, 0

    async def send(
        self, topic: str, event: str, payload: object = None, *, join_ref: str | None = None, ref: str | None = None
    ) -> None:
        """Send a frame."""
        self._number += 1
        ref, body = ref or str(self._number), {} if payload is None else payload
        if self.vsn == 2:
            await self.connection.send_json([join_ref, ref, topic, event, body])
        else:
            named = {"topic": topic, "event": event, "payload": body, "ref": ref}
            await self.connection.send_json(named | ({"join_ref": join_ref} if join_ref else {}))

    async def read(self, within: float = TIMEOUT) -> ReceivedFrame | None:
        """The next frame, None if none arrives; the socket's end is returned as one."""
        try:
            message = await self.connection.receive(timeout=within)
        except TimeoutError:
            return None
        if message.type == aiohttp.WSMsgType.TEXT:
            found: ReceivedFrame = json.loads(message.data)
            return found
        if message.type == aiohttp.WSMsgType.BINARY:
            return {"binary": message.data.hex()}
        code = message.data if message.type == aiohttp.WSMsgType.CLOSE else self.connection.close_code
        return {"CLOSE": str(message.type), "code": code, "extra": str(message.extra or "")}

    async def receive(
        self, question: str | None = None, *, quiet: float = QUIET_TIME, many: int | None = None
    ) -> list[ReceivedFrame]:
        """As many frames as the recorded answer has, and those that follow within `quiet` seconds."""
        if many is None:
            many = len(self._round.known[question]) if question is not None else 0
        found: list[ReceivedFrame] = []
        while (frame := await self.read(TIMEOUT if len(found) < many else quiet)) is not None:
            found.append(frame)
            if isinstance(frame, dict) and "CLOSE" in frame:
                break
        if question is not None:
            self._round.note(question, found)
        return found

    async def join(self, topic: str, token: str | None = None, **config: Any) -> tuple[Any, float]:
        """The reply's payload, and after how many seconds at the real server's scale it arrived."""
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

    async def ask_join(self, question: str, topic: str, token: str | None = None, **config: Any) -> None:
        """Join, and record the answer and its time."""
        self._round.note(question, list(await self.join(topic, token, **config)))


def since(begun: float) -> float:
    """Seconds since `begun`, at the real server's scale."""
    return (time.monotonic() - begun) / TIME_SCALE


async def scale_time(stack: Stack) -> None:
    """Scale the stand-in's pauses and ticks by TIME_SCALE."""
    scaled = {name: getattr(REAL, name) * TIME_SCALE for name in ("error_pause", "handshake_pause", "tick")}
    await command(stack, "realtime/limits", **scaled)
    # A join does not wait until the database's broadcasts are delivered.
    await command(stack, "realtime/replication", on=True)


__all__ = [
    "JOINS",
    "QUIET_TIME",
    "RATE_SECONDS",
    "REPLACED_LIFE",
    "SHORT_LIFE",
    "SILENCE",
    "TIME_SCALE",
    "QuestionRound",
    "ReceivedFrame",
    "Socket",
    "scale_time",
    "since",
]
