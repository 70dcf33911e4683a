"""Senders: each has conversations of its own, and sends their messages in order, each until it is acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from tests.labs.kit.http1 import Connection, NoAnswer

from .observations import Observations, Stored
from .plan import Message

PAUSE = 0.1
"""Seconds between two tries while an instance is down."""


class Sender:
    """Sends at the pace that is given, through the instances in turn."""

    def __init__(self, connections: Sequence[Connection], observed: Observations) -> None:
        self._connections, self._observed = connections, observed
        self._turn = 0

    async def send(self, messages: Sequence[tuple[float, Message]]) -> None:
        """Send each at its time (monotonic), or as soon after it as those before are through."""
        try:
            for due, message in messages:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not await self._deliver(message):
                    return
        finally:
            for connection in self._connections:
                connection.close()

    async def _deliver(self, message: Message) -> bool:
        path = f"/v1/conversations/{message.conversation}/messages"
        body = {"content": message.content, "client_id": message.key, "sender": {"role": "user", "id": "lab"}}
        while True:
            try:
                answer = await self._connections[self._turn % len(self._connections)].ask("POST", path, body)
            except NoAnswer:
                answer = None
            if answer is not None and answer.status in {200, 201}:
                found = answer.json()
                epoch, seq = found["cursor"].partition(".")[0], found["entry"]["seq"]
                stored = Stored(message.key, message.conversation, epoch, seq, message.content)
                self._observed.stored.append(stored)
                return True
            if answer is not None and answer.status != 503:
                self._observed.surprises.append(f"a send was answered {answer.status}: {answer.body[:300]!r}")
                return False
            self._turn += 1
            await asyncio.sleep(PAUSE)


__all__ = ["Sender"]
