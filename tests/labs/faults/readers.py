"""Readers of every edge."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tests.labs.kit.facts import Item, Shown, item_of
from tests.labs.kit.reader import Reader
from tests.labs.kit.stream_readers import SocketReader, SseReader, StreamEnded

from .run import Lab
from .schedule import Edge, edges
from .snapshots import Copy, SnapshotReading, unfolded

PAUSE = 0.2
"""Seconds between two polls."""


class SnapshotReader(Reader):
    """Replaces its copy by each snapshot that it is given. What a service answers from memory, while its history is
    away, is no snapshot: it goes on from there."""

    def __init__(
        self, run: Lab, number: int, conversation: str, pool: dict[Item, Item], *, pause: float | None = None
    ) -> None:
        super().__init__(run, number, conversation, pool, pause=pause)
        self.given = SnapshotReading(f"r{number}", conversation, run.instance(number))
        self._copy: tuple[Item, ...] = ()

    def _items(self, body: dict[str, Any]) -> list[Item]:
        if body.get("snapshot"):
            self._copy = ()
            found = [item_of(message) for message in map(unfolded, body["messages"])]
        else:
            found = super()._items(body)
        return found

    def _show(self, items: list[Item], shown: Shown) -> None:
        self._copy += tuple(self._pool.setdefault(item, item) for item in items if item.kind == "message")
        copy = Copy(shown.at, shown.mode, self._copy)
        self.highest = max(self.highest, copy.highest)
        if not self.given.copies or self.given.copies[-1].items != copy.items:
            self.given.copies.append(copy)


class StreamedReader(Reader):
    """Reads a stream, and polls where there is none: while realtime is switched off."""

    def __init__(self, run: Lab, number: int, conversation: str, pool: dict[Item, Item], edge: Edge) -> None:
        super().__init__(run, number, conversation, pool, pause=PAUSE)
        kind: type[SseReader | SocketReader] = SseReader if edge == "sse" else SocketReader
        self._connection = run.connection(self.reading.instance)
        self._mode = ""
        self._stream = kind(
            run.url(self.reading.instance),
            None,
            conversation,
            self._streamed,
            status=self._status,
            without=self._poll_instead,
        )

    async def work(self) -> None:
        """Follow until cancelled, or until an answer or an event that the contract does not allow."""
        try:
            await self._stream.run()
        except (StreamEnded, ValueError, KeyError, TypeError) as error:
            self._run.surprise(f"{self.reading.reader} in {self.conversation}: {type(error).__name__}: {error}")
        finally:
            self.ended = True
            self._connection.close()

    def _streamed(self, entry: dict[str, Any]) -> None:
        self._show([item_of(entry)], Shown(time.monotonic(), self._mode))

    def _status(self, status: dict[str, Any]) -> None:
        self._mode = status.get("mode", self._mode)

    async def _poll_instead(self) -> None:
        self._cursor = self._stream.cursor
        if not await self._poll(self._connection):
            raise StreamEnded("an answer to a poll")
        self._stream.cursor = self._cursor


def readers(run: Lab, pool: dict[Item, Item]) -> Sequence[Reader]:
    """Those of every conversation; of each instance some poll, some wait in their polls, and some read a stream."""
    kind = SnapshotReader if run.schedule.snapshot else Reader
    made: list[Reader] = []
    for number, edge in enumerate(edges(run.schedule)):
        if edge in {"sse", "websocket"}:
            made += [StreamedReader(run, number, name, pool, edge) for name in run.plan.names]
        else:
            pause = PAUSE if edge == "poll" else None
            made += [kind(run, number, name, pool, pause=pause) for name in run.plan.names]
    run.facts.readings = [reader.reading for reader in made if not isinstance(reader, SnapshotReader)]
    run.snapshots = [reader.given for reader in made if isinstance(reader, SnapshotReader)]
    return made


__all__ = ["PAUSE", "SnapshotReader", "StreamedReader", "readers"]
