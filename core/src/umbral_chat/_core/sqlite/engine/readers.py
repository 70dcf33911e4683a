"""The readers: a few threads, each with a connection of its own, which never wait for the writer nor it for them."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import apsw

from umbral_chat._core.sqlite.engine import database
from umbral_chat._core.sqlite.engine.locking import OUTAGES
from umbral_chat._core.sqlite.engine.threads import once
from umbral_chat._core.sqlite.engine.work_queue import Lane
from umbral_chat.errors import HistoryUnavailable

THREADS = 4
"""A read that waits for the disk leaves room for three others; more would only fight for the interpreter."""

QUEUE = 2_000
"""Most reads under way."""


class Readers:
    """Threads that call what is submitted to `lane` with a connection that cannot write."""

    def __init__(self, path: Path, vfs: str | None) -> None:
        self.lane = Lane(QUEUE)
        self._path, self._vfs = path, vfs
        self._threads: list[threading.Thread] = []

    def open(self) -> None:
        """Start the threads, which answer to the running loop."""
        loop = asyncio.get_running_loop()
        self.lane.open()
        for number in range(THREADS):
            connection = database.connect(self._path, self._vfs, query_only=True)
            thread = threading.Thread(
                target=self._run, args=(loop, connection), name=f"umbral-chat-reader-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    async def close(self) -> None:
        """Finish what was handed in, and the threads."""
        self.lane.close(len(self._threads))
        while self._threads:
            await once(self._threads.pop().join, "umbral-chat-closing")

    def _run(self, loop: asyncio.AbstractEventLoop, connection: apsw.Connection) -> None:
        while (works := self.lane.take(1)) is not None:
            for work in works:
                if work.future.done():
                    self.lane.answer(loop, [(work, None)])
                    continue
                try:
                    outcome = work.run(connection)
                except OUTAGES as error:
                    outcome = HistoryUnavailable(f"The history cannot be read now: {error}.")
                except Exception as error:  # noqa: BLE001  # it is the caller's to handle, and the thread goes on
                    outcome = error
                self.lane.answer(loop, [(work, outcome)])
        connection.close()


__all__ = ["QUEUE", "THREADS", "Readers"]
