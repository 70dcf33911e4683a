"""Following a conversation without waiting: a listener is called with each change, and reads what memory has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from umbral_chat._core.feed.reader import ReaderCounter
from umbral_chat._core.feed.view import View
from umbral_chat._core.history.health import HistoryHealth
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.encoded_entry import EncodedEntry


class Follower:
    """A conversation that is followed until `close`. It holds the view in memory and brings it up to date, as a reader
    does, but takes no future and no task: one serves any number of subscribers."""

    __slots__ = ("_health", "_leave", "_listener", "view")

    def __init__(
        self, view: View, health: HistoryHealth, on_change: Callable[[], None], leave: Callable[[View], None]
    ) -> None:
        self.view = view
        self._health = health
        self._listener = on_change
        self._leave = leave
        view.readers += 1
        view.listeners = (*view.listeners, on_change)

    def close(self) -> None:
        """Stop following it. A second time nothing happens."""
        if self._listener in self.view.listeners:
            self.view.listeners = tuple(one for one in self.view.listeners if one is not self._listener)
            self.view.readers -= 1
            self._leave(self.view)

    @property
    def known(self) -> bool:
        """Whether memory has the conversation, and nothing contradicts what it has."""
        return self.view.merge.loaded and not self.view.merge.hidden

    @property
    def gone(self) -> bool:
        """Whether a read found the conversation deleted."""
        return self.view.merge.gone

    @property
    def cursor(self) -> Cursor:
        """Where the log stands as memory has it."""
        merge = self.view.merge
        return Cursor(merge.epoch, merge.head)

    @property
    def version(self) -> int:
        """The version of the signals: another one whenever one changed."""
        return self.view.version

    @property
    def stale_since(self) -> datetime | None:
        """When the history stopped answering; None while it answers."""
        return self._health.since

    def since(self, cursor: Cursor, limit: int) -> list[EncodedEntry] | None:
        """Up to `limit` entries after `cursor`, from memory, without waiting; None when only a read can tell: they are
        not here any more, or the cursor is of another log or past its head."""
        merge = self.view.merge
        if not self.known or merge.gone or cursor.seq > merge.head:
            return None
        if cursor.epoch is not None and cursor.epoch != merge.epoch:
            return None
        return merge.since(cursor.seq, limit)


class ReaderPermit:
    """One reader's place within the limits of an instance and its caller, until `close`."""

    __slots__ = ("_author", "_counter", "_held")

    def __init__(self, counter: ReaderCounter, author: str | None) -> None:
        counter.add(author)
        self._counter, self._author, self._held = counter, author, True

    def close(self) -> None:
        """Give the place back. A second time nothing happens."""
        if self._held:
            self._held = False
            self._counter.remove(self._author)


__all__ = ["Follower", "ReaderPermit"]
