"""Readers: one that waits for entries after a cursor, the batch that it reads, and how many there may be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from umbral_chat._core.feed.view import View
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat.errors import TooManyRequests, Unavailable
from umbral_chat.http_kit.asgi import Disconnect
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.encoded_entry import EncodedEntry
from umbral_chat.providers.auth import Principal

RESERVED = 10
"""One in this many of an instance's readers is left to service keys: a crowd of visitors must not shut out the programs
that answer them."""


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


class ReaderCounter:
    """How many readers there are, in all and of each visitor and user, within their limits."""

    def __init__(self, limit: int, own_limit: int) -> None:
        self.count = 0
        self._limit, self._own_limit = limit, own_limit
        self._own: Counter[str] = Counter()

    def add(self, author: str | None) -> None:
        """Count one more, of `author` (None: of a service key or the service). Raises Unavailable (`too_many_readers`)
        and TooManyRequests (`too_many_own_readers`)."""
        self._check(author)
        self.count += 1
        if author is not None:
            self._own[author] += 1

    def remove(self, author: str | None) -> None:
        """Count one fewer."""
        self.count -= 1
        if author is not None:
            self._own[author] -= 1
            if not self._own[author]:
                del self._own[author]

    def _check(self, author: str | None) -> None:
        limit = self._limit
        if author is not None:
            own = self._own_limit
            if self._own[author] >= own:
                raise TooManyRequests(
                    f"You hold {own} long polls and streams already (core.limits.readers_per_principal). Close some, "
                    "or poll without `wait`.",
                    code="too_many_own_readers",
                    limit=own,
                    headers={"Retry-After": "5"},
                )
            limit -= limit // RESERVED
        if self.count >= limit:
            raise Unavailable(
                f"This instance holds {self.count} readers already: as many as core.limits.readers and the "
                "connections allow.",
                code="too_many_readers",
                retry_after=5,
            )


class ReaderRegistration:
    """`Feeds.reading`, entered once a long poll: a class, since a generator costs several times as much."""

    __slots__ = ("_author", "_conversation", "_enter", "_leave", "_reader")

    def __init__(
        self,
        conversation: str,
        author: str | None,
        enter: Callable[[str, str | None], Reader],
        leave: Callable[[Reader, str | None], None],
    ) -> None:
        self._conversation, self._author, self._enter, self._leave = conversation, author, enter, leave
        self._reader: Reader | None = None

    async def __aenter__(self) -> Reader:
        self._reader = self._enter(self._conversation, self._author)
        return self._reader

    async def __aexit__(self, *raised: object) -> None:
        if self._reader is not None:
            self._leave(self._reader, self._author)


def counted(caller: Principal | None) -> str | None:
    """The author whose readers are counted; None: the operator's own have only the instance's limit."""
    return None if caller is None or caller.trusted else caller.author


__all__ = ["NOTHING", "RESERVED", "Batch", "Reader", "ReaderCounter", "ReaderRegistration", "counted"]
