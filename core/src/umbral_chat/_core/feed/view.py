"""A view: one conversation as this instance follows it, with those who wait on it."""

from __future__ import annotations

import asyncio
import secrets

from umbral_chat._core.feed.merge import Merge
from umbral_chat.errors import HistoryUnavailable
from umbral_chat.http_kit.asgi import Disconnect
from umbral_chat.model.cursor import Cursor


class View:
    """A merged log, the version of its signals, and the futures of who waits for either to change."""

    __slots__ = (
        "_waiters",
        "conversation",
        "interest",
        "last_activity",
        "last_used",
        "merge",
        "pump",
        "readers",
        "settler",
        "since",
        "version",
    )

    def __init__(self, conversation: str, keep: int, now: float) -> None:
        self.conversation = conversation
        self.merge = Merge(keep)
        self.version = secrets.randbits(48)
        """Rises with every change of a signal. It begins at random, so that two instances' versions do not collide
        in an ETag."""
        self.readers = 0
        self.since = now
        """Monotonic time from which on it is followed."""
        self.last_used = now
        self.interest = float("-inf")
        """Monotonic time at which presence was last asked about it on behalf of a reader."""
        self.last_activity: float | None = None
        """Monotonic time at which an entry last came, None when none came while it was followed."""
        self.pump: asyncio.Task[HistoryUnavailable | None] | None = None
        """The read that settles the merge now; everybody who needs it waits for the one."""
        self.settler: asyncio.Task[None] | None = None
        """Tries again until it is settled, while somebody waits."""
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def in_use(self) -> bool:
        """Whether somebody waits on it or for it."""
        return self.readers > 0 or self.pump is not None

    @property
    def epoch(self) -> str | None:
        """The log's epoch; None when it was never made."""
        return self.merge.epoch

    @property
    def head(self) -> int:
        """Highest seq up to which everything is known."""
        return self.merge.head

    @property
    def redaction(self) -> int:
        """Seq of the newest redaction."""
        return self.merge.redaction

    def has_news(self, cursor: Cursor, version: int | None) -> bool:
        """Whether a reader at `cursor` (and `version` of the signals) has something to fetch, bad news included."""
        merge = self.merge
        if merge.gone:
            return True
        if version is not None and version != self.version:
            return True
        if cursor.epoch is None:
            return merge.head > 0
        return cursor.epoch != merge.epoch or merge.head != cursor.seq

    def wake(self) -> None:
        """Let everybody who waits look again."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            _resolve(waiter)

    def touch_signals(self) -> None:
        """A signal changed."""
        self.version += 1
        self.wake()

    async def changed(self, timeout: float, disconnect: Disconnect | None = None) -> None:
        """Wait until something changed or the client disconnected, `timeout` seconds at most."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.add(waiter)
        # One future for all three, instead of `asyncio.timeout` and a task that waits for the client: this is most of
        # what a long poll costs.
        timer = loop.call_later(timeout, _resolve, waiter)
        if disconnect is not None:
            disconnect.waiter = waiter
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.discard(waiter)
            if disconnect is not None:
                disconnect.waiter = None


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


__all__ = ["View"]
