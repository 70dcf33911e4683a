"""A receiver of webhooks that fails as it is asked to: one HTTP/1.1 server, a path for each subscription."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from .observations import Delivery, Event, Observations
from .plan import MERCY, Kind

ERRORS = (400, 404, 500, 502, 503)
"""What `error` answers."""

SLOW = 1.2
"""Seconds that a slow answer takes at most: less than the service waits, on a busy machine too."""

UNHIT = 10.0
"""Seconds for which a fault that hit nothing goes on."""

ELSEWHERE = "/elsewhere"
"""Where a redirect leads: nothing must ever ask for it."""


@dataclass
class Receiver:
    """Takes what it is sent, and records it."""

    observed: Observations
    random: random.Random
    refused: dict[str, dict[str, Kind]] = field(default_factory=dict)
    """For each subscription the keys of the messages that it fails on for ever, and how."""
    secrets: dict[str, str] = field(default_factory=dict)
    """For each subscription what signs its requests."""
    failing: Kind | None = None
    """How it fails at present, where it does."""
    hits: Counter[str] = field(default_factory=Counter)
    """Requests that a fault met, by kind; connections that broke while it was gone are not known to it."""
    port: int = 0

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._failures = Counter[tuple[str, str]]()

    async def listen(self) -> None:
        """Take connections, on the port that was taken first."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def leave(self) -> None:
        """Stop to listen, and break the connections that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers.values():
            writer.transport.abort()

    async def close(self) -> None:
        """The same for good: what serves a connection has ended."""
        self.leave()
        await asyncio.gather(*self._writers)

    async def fail(self, kind: Kind, seconds: float) -> None:
        """Fail so for that time, and until a request met it: on a slow machine all may be waiting to be tried again."""
        if kind == "gone":
            self.leave()
        self.failing, before = kind, self.hits[kind]
        try:
            await asyncio.sleep(seconds)
            end = time.monotonic() + UNHIT
            while kind != "gone" and self.hits[kind] == before and time.monotonic() < end:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.1)
        finally:
            self.failing = None
            if kind == "gone":
                await self.listen()

    def mend(self) -> None:
        """From now on take everything."""
        self.refused.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._writers[task] = writer
        try:
            while await self._take(reader, writer):
                pass
        except (OSError, EOFError, asyncio.LimitOverrunError):
            return
        finally:
            del self._writers[task]
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection goes on."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        name = path.removeprefix("/")
        if method != "POST" or name not in self.secrets:
            (self.observed.followed if path == ELSEWHERE else self.observed.surprises).append(f"{method} {path}")
            _answer(writer, 404)
            return True
        event = _event(body)
        how = self._failure(name, event)
        delivery = Delivery(
            order=self.observed.next_order(),
            at=time.monotonic(),
            subscription=name,
            event=event,
            webhook_id=headers.get("webhook-id", ""),
            signed=self._signed(name, headers, body),
            failed=how,
        )
        self.observed.deliveries.append(delivery)
        return await self._reply(how, delivery, reader, writer)

    async def _reply(
        self, how: Kind | None, delivery: Delivery, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        match how:
            case "cut" | "cut_late":
                # Before an answer, or within its first line: the service cannot know whether it was taken.
                if how == "cut_late":
                    writer.write(b"HTTP/1.1 20")
                    with contextlib.suppress(OSError):
                        await writer.drain()
                return False
            case "mute":
                await reader.read()  # until the service hangs up
                return False
            case "error":
                _answer(writer, self.random.choice(ERRORS))
            case "busy":
                _answer(writer, self.random.choice((429, 503)), "retry-after: 1\r\n")
            case "redirect":
                _answer(writer, self.random.choice((301, 302, 307, 308)), f"location: {ELSEWHERE}\r\n")
            case _:
                if self.failing == "slow":
                    self.hits["slow"] += 1
                    await asyncio.sleep(self.random.uniform(0.2, SLOW))
                delivery.answered = self.observed.next_order()
                _answer(writer, 200)
        await writer.drain()
        return True

    def _failure(self, name: str, event: Event) -> Kind | None:
        """How it fails on this request. A fault that passes does so a few times on an entry at most."""
        if (forever := self.refused.get(name, {}).get(event.key)) is not None:
            return forever
        if self.failing in {None, "slow", "gone"} or self._failures[name, event.id] >= MERCY:
            return None
        self._failures[name, event.id] += 1
        self.hits[str(self.failing)] += 1
        return self.failing

    def _signed(self, name: str, headers: dict[str, str], body: bytes) -> bool:
        try:
            Webhook(self.secrets[name]).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True


def _event(body: bytes) -> Event:
    return event_of(json.loads(body))


def event_of(found: dict[str, Any]) -> Event:
    """The event that its JSON shows; raises KeyError or TypeError when it has not the contract's form."""
    entry = found.get("entry") or {}
    content = entry.get("content", "")
    seq = int(found["cursor"].rpartition(".")[2])
    key = content.partition(" ")[0]
    return Event(found["id"], found["type"], found["conversation"], found["cursor"], key, content, seq)


def _answer(writer: asyncio.StreamWriter, status: int, more: str = "") -> None:
    writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n{more}\r\n".encode())


__all__ = ["ELSEWHERE", "Receiver", "event_of"]
