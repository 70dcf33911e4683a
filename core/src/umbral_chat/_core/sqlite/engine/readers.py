"""The readers: a few threads, each with its own connection. They never wait for the writer, nor the writer for them."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import apsw

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.locking import OUTAGES
from umbral_chat._core.sqlite.engine.threads import run_in_thread
from umbral_chat._core.sqlite.engine.work_queue import WorkQueue
from umbral_chat.errors import HistoryUnavailable

THREADS = 4
"""While one read waits for the disk, three others run; more threads would only contend for the interpreter lock."""

QUEUE_LIMIT = 2_000
"""Most reads that are queued or running."""


class ReaderPool:
    """Threads that call what is submitted to `queue` with a connection that cannot write."""

    def __init__(self, path: Path, vfs: str | None) -> None:
        self.queue = WorkQueue(QUEUE_LIMIT)
        self._path, self._vfs = path, vfs
        self._threads: list[threading.Thread] = []

    def open(self) -> None:
        """Start the threads, which answer to the running loop."""
        loop = asyncio.get_running_loop()
        self.queue.open()
        for number in range(THREADS):
            connection = database.connect(self._path, self._vfs, query_only=True)
            thread = threading.Thread(
                target=self._run, args=(loop, connection), name=f"umbral-chat-reader-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    async def close(self) -> None:
        """Finish the reads that were submitted, then end the threads."""
        self.queue.close(len(self._threads))
        while self._threads:
            await run_in_thread(self._threads.pop().join, "umbral-chat-closing")

    def _run(self, loop: asyncio.AbstractEventLoop, connection: apsw.Connection) -> None:
        while (items := self.queue.take(1)) is not None:
            for item in items:
                if item.future.done():
                    self.queue.reply(loop, [(item, None)])
                    continue
                try:
                    answer = item.run(connection)
                except OUTAGES as error:
                    answer = HistoryUnavailable(f"The history cannot be read now: {error}.")
                except Exception as error:  # noqa: BLE001  # it is the caller's to handle, and the thread goes on
                    answer = error
                self.queue.reply(loop, [(item, answer)])
        connection.close()


__all__ = ["QUEUE_LIMIT", "THREADS", "ReaderPool"]
