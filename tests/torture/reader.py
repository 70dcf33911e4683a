"""A reader: long polls from its cursor, hangs up now and then, and comes again with the cursor that it had."""

from __future__ import annotations

import asyncio
import random
import time

from tests.wire.http1 import Answer, Lost

from .facts import Item, Reading, item_of
from .run import Run

WAIT = 20  # seconds a long poll may wait; short, so that a reader that was forgotten shows within the run
HANG_UP = 0.005  # share of polls that hang up before the answer
PAUSE = 0.02  # seconds between tries while the service is down


class Reader:
    """Follows one conversation on behalf of `name`; the reader that follows four has four of these."""

    def __init__(self, run: Run, name: str, conversation: str, pool: dict[Item, Item]) -> None:
        self.reading = Reading(name, conversation)
        self._run = run
        self._pool = pool  # equal items are kept once, whoever saw them: there are readers × messages of them
        self._random = random.Random(f"{run.plan.seed}/{name}/{conversation}")
        self._cursor = "0"
        self.highest = 0
        self.ended = False

    async def work(self) -> None:
        """Follow until cancelled, or until an answer comes that the contract does not allow."""
        connection = self._run.connection()
        path = f"/v1/conversations/{self.reading.conversation}/events"
        try:
            while True:
                hang_up = self._random.random() < HANG_UP
                patience = self._random.uniform(0.0, 0.01) if hang_up else WAIT + 40.0
                query = f"after={self._cursor}&wait={WAIT}"
                try:
                    answer = await connection.ask("GET", f"{path}?{query}", patience=patience)
                except Lost:
                    await asyncio.sleep(PAUSE)
                    continue
                self._run.polls += 1
                if answer.status == 503:
                    await asyncio.sleep(PAUSE)
                elif not self._take(query, answer):
                    return
        finally:
            self.ended = True
            connection.close()

    def _take(self, query: str, answer: Answer) -> bool:
        try:
            body = answer.json()
            items = [item_of(entry) for entry in body["entries"]]
            cursor = body["cursor"]
        except (ValueError, KeyError, TypeError):
            items, cursor = [], None
        if answer.status != 200 or not isinstance(cursor, str):
            who = f"{self.reading.reader} in {self.reading.conversation} after {len(self.reading.items)} entries"
            self._run.surprise(f"{who}: {query} was answered {answer.status}: {answer.body[:300]!r}")
            return False
        self._cursor = cursor
        now = time.monotonic()
        for item in items:
            self.reading.items.append(self._pool.setdefault(item, item))
            self.highest = max(self.highest, item.seq)
            lag = now - self._run.acknowledged_at.get(item.key, now)
            self._run.worst_lag = max(self._run.worst_lag, lag)
        return True


__all__ = ["Reader"]
