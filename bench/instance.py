"""One instance of the service as the bench of the live link uses it: send, follow, and its own counters."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench.supabase import CONTENT, KEY
from tests.labs.kit.http1 import Connection

LIVE_WITHIN = 30.0


class Instance:
    """A running one; each of its connections asks one request at a time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._asking = self.connection()

    def connection(self) -> Connection:
        """One more."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return Connection(parts.hostname, parts.port, key=KEY)

    async def becomes(self, mode: str) -> None:
        """Wait until entries of others arrive so. Raises TimeoutError."""
        async with asyncio.timeout(LIVE_WITHIN):
            while True:
                await asyncio.sleep(0.1)
                if (await self._asking.ask("GET", "/v1/status")).json()["mode"] == mode:
                    return

    async def counts(self) -> dict[str, float]:
        """Reads of the history, and calls of the database, since its start."""
        await self._asking.open()  # which was idle, and may have been closed
        text = (await self._asking.ask("GET", "/metrics")).body.decode()

        def total(name: str) -> float:
            return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))

        return {
            "reads": total("umbral_chat_history_reads_total"),
            "calls": total("umbral_chat_supabase_duration_seconds_count"),
        }


class Follower:
    """A long poll after the other on one conversation."""

    def __init__(self, instance: Instance, conversation: str) -> None:
        self._connection = instance.connection()
        self._path = f"/v1/conversations/{conversation}/events"
        self.cursor = "0"

    async def catch_up(self, key: str) -> None:
        """Go to the entry of this `client_id`, which the instance may have to hear of first."""
        while key not in (await self.next())[1]:
            pass

    async def next(self) -> tuple[float, list[str]]:
        """When something new came (`perf_counter`), and the entries' `client_id`s."""
        while True:
            body = await self._ask("wait=20")
            if body["entries"]:
                return time.perf_counter(), [entry["client_id"] for entry in body["entries"]]

    async def _ask(self, query: str) -> Any:
        answer = await self._connection.ask("GET", f"{self._path}?after={self.cursor}&{query}", timeout=40.0)
        assert answer.status == 200, answer.body
        body = answer.json()
        self.cursor = body["cursor"]
        return body


async def send(connection: Connection, conversation: str) -> str:
    """A message of 200 bytes; its `client_id`."""
    key = str(uuid4())
    body = {"content": CONTENT, "client_id": key}
    answer = await connection.ask("POST", f"/v1/conversations/{conversation}/messages", body)
    assert answer.status == 201, answer.body
    return key


__all__ = ["Follower", "Instance", "send"]
