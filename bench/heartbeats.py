"""People who heartbeat: each device reports every so many seconds by a real HTTP PUT, some leave and come again.

Run as `python -m bench.heartbeats` with the fields of `Load` as one JSON object on standard input. Prints a line when
everybody has come and the measuring begins, and one JSON object when it has ended.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
from collections import Counter, deque
from time import perf_counter
from typing import Any, cast

import msgspec
import uvloop

from bench.cases import AUTH, request


class Load(msgspec.Struct, frozen=True):
    """Who is there, and what they do."""

    port: int
    people: int = 5_000
    conversations: int = 500
    every: float = 20.0
    """Seconds between two reports of one person."""
    seconds: float = 20.0
    rest: float = 4.0
    """Seconds after everybody came in which that is told and written."""
    connections: int = 250
    """That all share: a browser keeps one, and for most of the time says nothing on it."""
    leaves: float = 0.0
    """Share of the reports instead of which the person leaves; it comes again a heartbeat later."""
    types: float = 0.0
    """Share of the reports after which the person says that it types."""
    floor: bool = False
    """Nobody reports: the same number of requests to a route that does nothing, to see what HTTP itself takes."""


class Connection(asyncio.Protocol):
    """Asks what is next when it has its answer."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._asked = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._run.idle.append(self)

    def ask(self, data: bytes) -> None:
        """Send a request; only while it is idle."""
        assert self._transport is not None
        self._asked = perf_counter()
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._buffer[:end].lower().find(b"content-length:")
        length = int(self._buffer[at + 15 : self._buffer.find(b"\r", at + 15, end + 2)])
        if len(self._buffer) < end + 4 + length:
            return
        status, self._buffer = self._buffer[9:12].decode(), b""
        self._run.idle.append(self)
        self._run.answered(status, perf_counter() - self._asked)
        self._run.feed()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class names it
        self._run.statuses["lost"] += not self._run.over

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.close()


class Run:
    """What all share, and what came of it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.over = False
        self.idle: deque[Connection] = deque()
        self.statuses: Counter[str] = Counter()
        self._waiting: deque[bytes] = deque()
        self._times: list[float] = []
        self._most_waiting = 0
        self._answer = asyncio.Event()
        self._away: set[int] = set()
        self._random = random.Random(1)

    def answered(self, status: str, seconds: float) -> None:
        """An answer came."""
        self.statuses[status] += 1
        self._times.append(seconds)
        self._answer.set()

    def feed(self) -> None:
        """Ask what waits, as far as connections are idle."""
        while self._waiting and self.idle:
            self.idle.popleft().ask(self._waiting.popleft())
        self._most_waiting = max(self._most_waiting, len(self._waiting))

    async def __call__(self) -> dict[str, Any]:
        load, loop = self.load, asyncio.get_running_loop()
        pairs = [
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", load.port)
            for _ in range(load.connections)
        ]
        # What connections and code take when they are used first is not what people take.
        await self._spread([_NOTHING] * load.connections * 8, 4.0)
        await self._spread(
            [_said("POST", n, load, "messages", {"content": "Hello"}) for n in range(load.conversations)], 2.0
        )
        print("warm", flush=True)
        sys.stdin.readline()
        everybody = list(range(load.people))
        self._random.shuffle(everybody)
        await self._spread([self._report(number) for number in everybody], load.every / 2)
        if load.leaves:  # until as many come again as leave
            await self._beat(everybody, load.every)
        await asyncio.sleep(load.rest)
        print("begun", flush=True)
        sys.stdin.readline()
        self._times, self._most_waiting, self.statuses = [], 0, Counter()
        began = perf_counter()
        await self._beat(everybody, load.seconds)
        elapsed = perf_counter() - began
        self.over = True
        for _, connection in pairs:
            connection.close()
        self._times.sort()
        return {
            "seconds": elapsed,
            "requests": self.statuses.total(),
            "median": statistics.median(self._times),
            "slowest": self._times[int(0.99 * len(self._times))],
            "waiting": self._most_waiting,
            "failed": self.statuses.total() - self.statuses["200"],
        }

    async def _beat(self, everybody: list[int], seconds: float) -> None:
        """Each in its turn, once every `every` seconds."""
        count = round(len(everybody) * seconds / self.load.every)
        some = [everybody[number % len(everybody)] for number in range(count)]
        await self._spread(some, seconds)

    async def _spread(self, what: list[Any], seconds: float) -> None:
        """Evenly over the time, and then until all is answered. Raises TimeoutError."""
        began = perf_counter()
        for number, each in enumerate(what):
            due = began + number * seconds / len(what)
            if (wait := due - perf_counter()) > 0.001:
                await asyncio.sleep(wait)
            self._waiting.extend([each] if isinstance(each, bytes) else self._turn(each))
            self.feed()
        async with asyncio.timeout(30):
            while self._waiting or len(self.idle) < self.load.connections:
                self._answer.clear()
                await self._answer.wait()

    def _turn(self, number: int) -> list[bytes]:
        if self.load.floor:
            return [_NOTHING]
        if number not in self._away and self._random.random() < self.load.leaves:
            self._away.add(number)
            return [_said("DELETE", number, self.load, f"presence?role=user&id=person-{number}")]
        self._away.discard(number)
        if self._random.random() < self.load.types:
            return [self._report(number), _said("POST", number, self.load, "typing", {"sender": _sender(number)})]
        return [self._report(number)]

    def _report(self, number: int) -> bytes:
        if self.load.floor:
            return _NOTHING
        return _said("PUT", number, self.load, "presence", {"sender": _sender(number)})


_NOTHING = request("GET", "/health/live", "", AUTH).encode()


def _sender(number: int) -> dict[str, str]:
    return {"role": "user", "id": f"person-{number}", "name": f"Person {number}"}


def _said(method: str, number: int, load: Load, what: str, body: object = None) -> bytes:
    path = f"/v1/conversations/heart-{number % load.conversations}/{what}"
    return request(method, path, "" if body is None else json.dumps(body), AUTH).encode()


async def main() -> dict[str, Any]:
    """Run what standard input asks for."""
    load = msgspec.json.decode(sys.stdin.readline(), type=Load)
    return await Run(load)()


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main())))
