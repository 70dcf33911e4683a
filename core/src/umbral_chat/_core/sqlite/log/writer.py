"""The one writer: a thread that takes all that waits into one transaction and answers after its commit."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import apsw

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.locking import OUTAGES, reason, writing
from umbral_chat._core.sqlite.engine.threads import once
from umbral_chat._core.sqlite.engine.timestamps import micros
from umbral_chat._core.sqlite.engine.work_queue import Lane, Outcome, Work
from umbral_chat._core.sqlite.log.chores import Chores
from umbral_chat._core.sqlite.log.hashed_ids import Names
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable, UmbralChatError

_log = logging.getLogger(__name__)

GROUP = 512
"""Most operations in one transaction: more would not make a sync cheaper, only the first answer later."""

QUEUE = 10_000
"""Most operations under way: about half a second of them; past that it is better to refuse than to let callers wait."""

OnCommit = Callable[[int, float], None]
"""Called on the loop for each group that appended: how many entries, and the seconds from BEGIN until the commit was
synced."""


class Writer:
    """Owns the writing connection and its thread. What is submitted to `lane` is called with the `Transaction`."""

    def __init__(self, path: Path, clock: Clock, vfs: str | None, on_commit: OnCommit | None) -> None:
        self.lane = Lane(QUEUE, together=GROUP)
        self._path, self._clock, self._vfs, self._on_commit = path, clock, vfs, on_commit
        self._chores = Chores()
        self._thread: threading.Thread | None = None
        self.refusal: str | None = None
        """Why the last group of operations could not be written; None: it was. Set by the thread."""

    def open(self, names: Names) -> None:
        """Start the thread, which answers to the running loop."""
        connection = database.connect(self._path, self._vfs)
        self._chores.resume(connection, time.monotonic())
        self.lane.open()
        arguments = (asyncio.get_running_loop(), connection, names)
        self._thread = threading.Thread(target=self._run, args=arguments, name="umbral-chat-writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Finish what was handed in, and the thread."""
        self.lane.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            await once(thread.join, "umbral-chat-closing")

    def _run(self, loop: asyncio.AbstractEventLoop, connection: apsw.Connection, names: Names) -> None:
        chores, lane = self._chores, self.lane
        while (works := lane.take(GROUP, chores.due(time.monotonic()))) is not None:
            if works:
                begun = time.monotonic()
                outcomes, entries = self._group(connection, names, works)
                lane.answer(loop, outcomes, self._report(entries, time.monotonic() - begun))
            now = time.monotonic()
            if chores.due(now) <= 0.0 and (freed := chores.step(connection, now, micros(self._clock.now()))):
                lane.answer(loop, freed)
        lane.answer(loop, chores.finish(connection, time.monotonic()))
        connection.close()

    def _report(self, entries: int, seconds: float) -> Callable[[], None] | None:
        return partial(self._on_commit, entries, seconds) if self._on_commit and entries else None

    def _group(self, connection: apsw.Connection, names: Names, works: Sequence[Work]) -> tuple[list[Outcome], int]:
        """Do these in one transaction; their answers, and how many entries were appended."""
        try:
            done = self._commit(connection, names, works)
            self.refusal = None
            return done
        except OUTAGES as error:
            self.refusal = reason(error)
            _log.error("The history cannot write: %s", error)
            return [(work, HistoryUnavailable(f"The history cannot write now: {error}.")) for work in works], 0
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the thread that all depend on
            if len(works) == 1:
                return [(works[0], error)], 0
            # One of them is the culprit: each for itself, so that it alone fails.
            groups = [self._group(connection, names, [work]) for work in works]
            return [outcome for outcomes, _ in groups for outcome in outcomes], sum(entries for _, entries in groups)

    def _commit(self, connection: apsw.Connection, names: Names, works: Sequence[Work]) -> tuple[list[Outcome], int]:
        outcomes: list[Outcome] = []
        waiting: list[Outcome] = []
        dooming: list[tuple[int, Outcome]] = []
        with writing(connection):
            transaction = Transaction(connection, names, self._clock.now())
            if writes := [work.write for work in works if work.write is not None]:
                transaction.load(writes)
            for work in works:
                if work.future.done():
                    outcomes.append((work, None))
                    continue
                try:
                    outcome = (work, work.run(transaction))
                except UmbralChatError as error:
                    outcome = (work, error)
                match transaction.take_erasure():
                    case None:
                        outcomes.append(outcome)
                    case 0:
                        waiting.append(outcome)
                    case log:
                        dooming.append((log, outcome))
            transaction.flush()
        if waiting:
            self._chores.scrub.owe(time.monotonic(), waiting)
        for log, outcome in dooming:
            self._chores.doom(log, outcome)
        return outcomes, transaction.entries


__all__ = ["GROUP", "QUEUE", "OnCommit", "Writer"]
