"""What the bench of subscriptions asks of an instance: send, receive pushes, claim, and how long an entry takes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from bench.cases import KEY
from bench.webhooks import Receiver
from tests.labs.kit.http1 import Connection

CONVERSATIONS = 200
SENDERS = 32
WORKERS = 4
"""Each claims, acknowledges, and claims again."""

CLAIMS = 32
"""That a worker asks for at once."""

PATIENCE = 120.0
"""Seconds in which everything must have come."""

_CONTENT = re.compile(rb'"content": ?"(\d{19})')


class Instance:
    """A running instance, and the calls of it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def connection(self) -> Connection:
        """A new one."""
        return Connection("127.0.0.1", self.port, key=KEY)

    async def call(self, method: str, path: str, body: object = None, expect: int = 200) -> Any:
        """The JSON of one answer. Raises RuntimeError for another status."""
        connection = self.connection()
        answer = await connection.ask(method, path, body, timeout=PATIENCE)
        connection.close()
        if answer.status != expect:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body.decode()[:500]}")
        return answer.json() if answer.body else None

    async def subscribe(self, name: str, start: str, port: int | None = None) -> None:
        """Make a subscription: pushed to that port of loopback, or to be claimed."""
        push = {} if port is None else {"push": {"url": f"http://127.0.0.1:{port}/{name}"}}
        await self.call("POST", "/v1/subscriptions", {"name": name, "filter": {}, "start": start, **push}, expect=201)

    async def send(self, number: int, conversations: int = CONVERSATIONS) -> float:
        """Store messages of 200 bytes over that many conversations; the seconds."""
        numbers = iter(range(number))

        async def work() -> None:
            connection = self.connection()
            for one in numbers:
                path = f"/v1/conversations/bench-{one % conversations}/messages"
                answer = await connection.ask("POST", path, {"content": f"{time.time_ns()} {'x' * 180}"})
                assert answer.status == 201, answer.body
            connection.close()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(SENDERS)))
        return time.perf_counter() - began

    async def send_slowly(self, rate: float, seconds: float) -> int:
        """Store a message at a time, `rate` a second; how many."""
        connection, began = self.connection(), time.perf_counter()
        number = round(rate * seconds)
        for one in range(number):
            await asyncio.sleep(max(0.0, began + one / rate - time.perf_counter()))
            path = f"/v1/conversations/bench-{one % CONVERSATIONS}/messages"
            await connection.ask("POST", path, {"content": f"{time.time_ns()} {'x' * 180}"})
        connection.close()
        return number


class Arrivals:
    """What has come, and how long after it was sent."""

    def __init__(self) -> None:
        self.number = 0
        self.delays: list[float] = []
        """Seconds."""
        self._came = asyncio.Event()

    def take(self, body: bytes) -> None:
        """The entries of a body came."""
        now = time.time_ns()
        found = _CONTENT.findall(body)
        self.delays += [(now - int(sent)) / 1e9 for sent in found]
        self.number += len(found)
        self._came.set()

    async def reach(self, number: int) -> None:
        """Wait for so many. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while self.number < number:
                self._came.clear()
                await self._came.wait()


@asynccontextmanager
async def receiving(take: Callable[[bytes], None]) -> AsyncIterator[int]:
    """A receiver of webhooks; its port."""
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(take), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def claiming(instance: Instance, name: str, take: Callable[[bytes], None]) -> AsyncIterator[None]:
    """Workers that claim and acknowledge."""
    path = f"/v1/subscriptions/{name}"

    async def work() -> None:
        connection = instance.connection()
        while True:
            body = {"max": CLAIMS, "wait": 20, "lease": 60}
            answer = await connection.ask("POST", f"{path}/claim", body, timeout=PATIENCE)
            assert answer.status == 200, answer.body
            take(answer.body)
            if ids := [claim["claim_id"] for claim in json.loads(answer.body)["claims"]]:
                done = await connection.ask("POST", f"{path}/ack", {"claim_ids": ids})
                assert done.status < 300, done.body

    tasks = [asyncio.create_task(work()) for _ in range(WORKERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def polling(instance: Instance, take: Callable[[bytes], None]) -> AsyncIterator[None]:
    """One reader of each conversation, by long poll: what the delays of subscriptions are compared with."""
    numbers = count()

    async def work() -> None:
        conversation, cursor, connection = f"bench-{next(numbers)}", "0", instance.connection()
        while True:
            path = f"/v1/conversations/{conversation}/events?after={cursor}&wait=30"
            answer = await connection.ask("GET", path, timeout=PATIENCE)
            take(answer.body)
            cursor = json.loads(answer.body)["cursor"]

    tasks = [asyncio.create_task(work()) for _ in range(CONVERSATIONS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["CONVERSATIONS", "Arrivals", "Instance", "claiming", "polling", "receiving"]
