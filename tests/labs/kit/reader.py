"""A reader: long polls from its cursor, hangs up now and then, and reconnects with the cursor that it had."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from .facts import Item, Reading, Shown, item_of
from .http1 import Answer, Connection, NoAnswer
from .run import Run

WAIT = 20  # seconds a long poll may wait; short, so that a reader that was forgotten shows within the run
HANG_UP = 0.005  # share of polls that hang up before the answer
PAUSE = 0.02  # seconds between tries while the service is down


class Reader:
    """Follows one conversation on behalf of the reader `number`; the reader that follows four has four of these.

    With `pause` it does not wait in its polls but between them, and asks only for what changed (`If-None-Match`)."""

    def __init__(
        self, run: Run, number: int, conversation: str, pool: dict[Item, Item], *, pause: float | None = None
    ) -> None:
        name = f"r{number}"
        self.reading = Reading(name, conversation, instance=run.instance(number))
        self._run = run
        self._pool = pool  # equal items are kept once for all readers: there are readers × messages of them
        self._random = random.Random(f"{run.plan.seed}/{name}/{conversation}")
        self._cursor = "0"
        self._pause = pause
        self._etag: str | None = None
        self.highest = 0
        self.ended = False

    @property
    def conversation(self) -> str:
        """Its id."""
        return self.reading.conversation

    async def work(self) -> None:
        """Follow until cancelled, or until an answer that the contract does not allow."""
        connection = self._run.connection(self.reading.instance)
        try:
            while await self._poll(connection):
                pass
        finally:
            self.ended = True
            connection.close()

    async def _poll(self, connection: Connection) -> bool:
        """Poll once, and pause; False: the answer is not allowed."""
        path = f"/v1/conversations/{self.reading.conversation}/events"
        hang_up = self._random.random() < HANG_UP
        timeout = self._random.uniform(0.0, 0.01) if hang_up else WAIT + 40.0
        query = f"after={self._cursor}" + (f"&wait={WAIT}" if self._pause is None else "")
        known = {"If-None-Match": self._etag} if self._etag else None
        try:
            answer = await connection.ask("GET", f"{path}?{query}", headers=known, timeout=timeout)
        except NoAnswer:
            await asyncio.sleep(PAUSE)
            return True
        self._run.polls += 1
        if answer.status == 503:
            await asyncio.sleep(PAUSE)
        elif not (answer.status == 304 and known) and not self._take(query, answer):
            return False
        if self._pause is not None:
            self._etag = answer.headers.get("etag", self._etag)
            await asyncio.sleep(self._pause)
        return True

    def _take(self, query: str, answer: Answer) -> bool:
        try:
            body = answer.json()
            items = self._items(body)
            cursor, mode = body["cursor"], body.get("mode", "")
        except (ValueError, KeyError, TypeError):
            items, cursor, mode = [], None, ""
        if answer.status != 200 or not isinstance(cursor, str):
            who = f"{self.reading.reader} in {self.reading.conversation} after {len(self.reading.items)} entries"
            self._run.surprise(f"{who}: {query} was answered {answer.status}: {answer.body[:300]!r}")
            return False
        self._cursor = cursor
        self._show(items, Shown(time.monotonic(), mode))
        return True

    def _items(self, body: dict[str, Any]) -> list[Item]:
        """What an answer shows; raises KeyError or TypeError when it has not the contract's form."""
        return [item_of(entry) for entry in body["entries"]]

    def _show(self, items: list[Item], shown: Shown) -> None:
        for item in items:
            self.reading.items.append(self._pool.setdefault(item, item))
            self.reading.shown.append(shown)
            self.highest = max(self.highest, item.seq)
            lag = shown.at - self._run.acknowledged_at.get(item.key, shown.at)
            self._run.worst_lag = max(self._run.worst_lag, lag)


__all__ = ["Reader"]
