"""A reader that waits for entries after a cursor, and the batch that it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from umbral_chat._core.feed.view import View
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat.http_kit.asgi import Disconnect
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.encoded_entry import EncodedEntry


@dataclass(frozen=True, slots=True)
class Batch:
    """A contiguous run of entries after a cursor, in order, and where the log stood.

    `epoch` None: the log was never made, so there is no entry yet.
    """

    epoch: str | None
    entries: list[EncodedEntry]
    cursor: Cursor
    """To go on from."""
    head: int
    redaction: int
    stale_since: datetime | None = None
    """The history does not answer since then: these are from memory, and there may be more."""

    @property
    def has_more(self) -> bool:
        """Whether the log has entries after these."""
        return self.cursor.seq < self.head


NOTHING = Batch(epoch=None, entries=[], cursor=START, head=0, redaction=0)
"""The batch of a conversation that was never made."""


class Reader:
    """Registered with a view for as long as `Feeds.reading` is entered."""

    __slots__ = ("_catch_up", "_lifecycle", "view")

    def __init__(self, view: View, lifecycle: Lifecycle, catch_up: Callable[[View], None]) -> None:
        self.view = view
        self._lifecycle = lifecycle
        self._catch_up = catch_up

    async def wait(
        self, cursor: Cursor, version: int | None, timeout: float, disconnect: Disconnect | None = None
    ) -> None:
        """Return when there may be an entry past `cursor`, when the signals are no longer of `version` (None: they do
        not matter), when the log is deleted or another, when the service drains, or after `timeout` seconds.

        Which of them it was is found by reading: `wait` promises only not to miss it. Raises ConnectionAbortedError
        when the client of `disconnect` has left before that.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        self._catch_up(self.view)
        while not self._lifecycle.draining.is_set() and not self.view.has_news(cursor, version):
            if disconnect is not None and disconnect.happened:
                raise ConnectionAbortedError("the client left")
            remaining = deadline - loop.time()
            if remaining <= 0:
                return
            await self.view.changed(remaining, disconnect)


__all__ = ["NOTHING", "Batch", "Reader"]
