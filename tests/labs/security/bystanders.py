"""The other users, who send and poll all the while: how long they wait, and what fails for them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from statistics import median

from tests.labs.kit.http1 import NoAnswer

from .target import Target

PAUSE = 0.02
"""Seconds between two requests of one of them."""


@dataclass
class Seen:
    """What they met during one attack."""

    times: list[float] = field(default_factory=list)
    """Seconds from asking to the whole answer, newcomers' connecting included."""
    failures: list[str] = field(default_factory=list)
    """Of those who are connected."""
    turned_away: int = 0
    """Newcomers who were asked to try again later, or got no answer."""
    let_in: int = 0
    peak: int = 0
    """Most resident memory of the service, in MB."""

    @property
    def median(self) -> float:
        return median(self.times) if self.times else 0.0

    @property
    def worst(self) -> float:
        return max(self.times, default=0.0)


class Bystanders:
    """Two senders, two who poll, one who opens a connection for each request, and one who looks at the memory."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.seen = Seen()

    @contextlib.asynccontextmanager
    async def present(self) -> AsyncIterator[Seen]:
        """They are there, each on a connection that was open before."""
        self.seen = Seen()
        async with asyncio.TaskGroup() as group:
            tasks = [
                *(group.create_task(self._sender(number)) for number in range(2)),
                *(group.create_task(self._poller(number)) for number in range(2)),
                group.create_task(self._newcomers()),
                group.create_task(self._memory()),
            ]
            await asyncio.sleep(0.3)
            try:
                yield self.seen
            finally:
                for task in tasks:
                    task.cancel()

    async def _sender(self, number: int) -> None:
        body = {"content": "Is anybody there?", "sender": {"role": "user", "id": f"bystander-{number}"}}
        await self._repeat("POST", f"/v1/conversations/bystanders-{number}/messages", body)

    async def _poller(self, number: int) -> None:
        await self._repeat("GET", f"/v1/conversations/bystanders-{number}/messages?limit=5")

    async def _repeat(self, method: str, path: str, body: object = None) -> None:
        connection = self._target.connection()
        try:
            while True:
                began = time.perf_counter()
                try:
                    answer = await connection.ask(method, path, body)
                except NoAnswer as error:
                    self.seen.failures.append(f"{method}: {error}")
                else:
                    self.seen.times.append(time.perf_counter() - began)
                    if answer.status not in {200, 201}:
                        self.seen.failures.append(f"{method}: {answer.status} {answer.body[:120]!r}")
                await asyncio.sleep(PAUSE)
        finally:
            connection.close()

    async def _newcomers(self) -> None:
        while True:
            connection = self._target.connection()
            began = time.perf_counter()
            try:
                answer = await connection.ask("GET", "/v1/conversations/bystanders-0/messages?limit=1", timeout=10)
                came_in = answer.status == 200
            except NoAnswer:
                came_in = False
            finally:
                connection.close()
            self.seen.times.append(time.perf_counter() - began)
            self.seen.let_in += came_in
            self.seen.turned_away += not came_in
            await asyncio.sleep(PAUSE)

    async def _memory(self) -> None:
        while True:
            self.seen.peak = max(self.seen.peak, self._target.memory())
            await asyncio.sleep(0.05)


__all__ = ["Bystanders", "Seen"]
