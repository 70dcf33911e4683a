"""The one writer: a thread that takes all items in its queue into one transaction and replies after the commit."""

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
from umbral_chat._core.sqlite.engine.locking import OUTAGES, describe_outage, write_transaction
from umbral_chat._core.sqlite.engine.threads import run_in_thread
from umbral_chat._core.sqlite.engine.timestamps import to_micros
from umbral_chat._core.sqlite.engine.work_queue import Reply, WorkItem, WorkQueue
from umbral_chat._core.sqlite.log.hashed_ids import HashedIds
from umbral_chat._core.sqlite.log.housekeeping import HousekeepingTasks
from umbral_chat._core.sqlite.log.transaction import Transaction
from umbral_chat.clock import Clock
from umbral_chat.errors import HistoryUnavailable, UmbralChatError

_log = logging.getLogger(__name__)

GROUP_LIMIT = 512
"""Most operations in one transaction: more would not make a sync cheaper, only the first answer later."""

QUEUE_LIMIT = 10_000
"""Most operations that are queued or running, about half a second of them: beyond that it is better to refuse than to
let callers wait."""

OnCommit = Callable[[int, float], None]
"""Called on the loop for each group that appended: the number of entries, and the seconds from BEGIN until the commit
was synced."""


class WriterThread:
    """Owns the writing connection and its thread. What is submitted to `queue` is called with the `Transaction`."""

    def __init__(self, path: Path, clock: Clock, vfs: str | None, on_commit: OnCommit | None) -> None:
        self.queue = WorkQueue(QUEUE_LIMIT, together=GROUP_LIMIT)
        self._path, self._clock, self._vfs, self._on_commit = path, clock, vfs, on_commit
        self._housekeeping = HousekeepingTasks()
        self._thread: threading.Thread | None = None
        self.last_failure: str | None = None
        """Why the last group of operations could not be written; None: it was. Set by the thread."""

    def open(self, ids: HashedIds) -> None:
        """Start the thread, which answers to the running loop."""
        connection = database.connect(self._path, self._vfs)
        self._housekeeping.resume(connection, time.monotonic())
        self.queue.open()
        arguments = (asyncio.get_running_loop(), connection, ids)
        self._thread = threading.Thread(target=self._run, args=arguments, name="umbral-chat-writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Finish the operations that were submitted, then end the thread."""
        self.queue.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            await run_in_thread(thread.join, "umbral-chat-closing")

    def _run(self, loop: asyncio.AbstractEventLoop, connection: apsw.Connection, ids: HashedIds) -> None:
        housekeeping, queue = self._housekeeping, self.queue
        while (items := queue.take(GROUP_LIMIT, housekeeping.due(time.monotonic()))) is not None:
            if items:
                began = time.monotonic()
                replies, entries = self._write_group(connection, ids, items)
                queue.reply(loop, replies, self._report(entries, time.monotonic() - began))
            now = time.monotonic()
            if housekeeping.due(now) <= 0.0:
                released = housekeeping.step(connection, now, to_micros(self._clock.now()))
                if released:
                    queue.reply(loop, released)
        queue.reply(loop, housekeeping.finish(connection, time.monotonic()))
        connection.close()

    def _report(self, entries: int, seconds: float) -> Callable[[], None] | None:
        return partial(self._on_commit, entries, seconds) if self._on_commit and entries else None

    def _write_group(
        self, connection: apsw.Connection, ids: HashedIds, items: Sequence[WorkItem]
    ) -> tuple[list[Reply], int]:
        """Do these in one transaction; their replies, and the number of entries that were appended."""
        try:
            done = self._commit(connection, ids, items)
            self.last_failure = None
            return done
        except OUTAGES as error:
            self.last_failure = describe_outage(error)
            _log.error("The history cannot write: %s", error)
            return [(item, HistoryUnavailable(f"The history cannot write now: {error}.")) for item in items], 0
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the thread that all depend on
            if len(items) == 1:
                return [(items[0], error)], 0
            # One of them is the culprit: each in a transaction of its own, so that it alone fails.
            groups = [self._write_group(connection, ids, [item]) for item in items]
            return [reply for replies, _ in groups for reply in replies], sum(entries for _, entries in groups)

    def _commit(
        self, connection: apsw.Connection, ids: HashedIds, items: Sequence[WorkItem]
    ) -> tuple[list[Reply], int]:
        replies: list[Reply] = []
        deferred: list[Reply] = []
        deletions: list[tuple[int, Reply]] = []
        with write_transaction(connection):
            transaction = Transaction(connection, ids, self._clock.now())
            if writes := [item.write for item in items if item.write is not None]:
                transaction.load(writes)
            for item in items:
                if item.future.done():
                    replies.append((item, None))
                    continue
                try:
                    reply = (item, item.run(transaction))
                except UmbralChatError as error:
                    reply = (item, error)
                match transaction.take_deferral():
                    case None:
                        replies.append(reply)
                    case 0:
                        deferred.append(reply)
                    case log:
                        deletions.append((log, reply))
            transaction.flush()
        if deferred:
            self._housekeeping.checkpoint.request(time.monotonic(), deferred)
        for log, reply in deletions:
            self._housekeeping.schedule_deletion(log, reply)
        return replies, transaction.entries


__all__ = ["GROUP_LIMIT", "QUEUE_LIMIT", "OnCommit", "WriterThread"]
