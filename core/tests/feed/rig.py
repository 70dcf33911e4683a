"""Feeds over a history in memory, and clients that follow a conversation as an edge would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from umbral_chat._core.delivery.subscriptions import Subscriptions
from umbral_chat._core.history.monitored import MonitoredHistory
from umbral_chat._core.runtime.lifecycle import Lifecycle
from umbral_chat._core.settings import sections
from umbral_chat.errors import ConversationDeleted, CursorExpired, HistoryUnavailable
from umbral_chat.feed import EncodedEntry, Feeds, HistoryHealth
from umbral_chat.model.conversations import Deleted, Head
from umbral_chat.model.cursor import START, Cursor
from umbral_chat.model.entries import Entry, FoldedMessage, entry_decoder
from umbral_chat.model.fold import apply
from umbral_chat.telemetry import Telemetry

from .memory import Log, MemoryHistory
from .virtual import LoopClock

DOWN = HistoryUnavailable("the disk is gone")


class Rig:
    """One instance: its feeds, and the history that it shares with the others."""

    def __init__(self, *, readers: int = 100, cache: sections.Cache | None = None) -> None:
        self.clock = LoopClock()
        self.history = MemoryHistory()
        self.health = HistoryHealth(self.clock)
        self.lifecycle = Lifecycle(self.clock)
        self.subscriptions = Subscriptions()
        self.telemetry = Telemetry(None)
        self.feeds = Feeds(
            MonitoredHistory(self.history.history, self.health),
            health=self.health,
            subscriptions=self.subscriptions,
            lifecycle=self.lifecycle,
            telemetry=self.telemetry,
            clock=self.clock,
            readers_limit=readers,
            cache=cache,
        )

    @property
    def log(self) -> Log:
        return self.history.log()

    @property
    def reads(self) -> int:
        return len(self.history.reads)

    def hint(self, *entries: Entry, conversation: str = "room", epoch: str | None = None) -> None:
        """Tell of entries, as this process's bus or a transport would."""
        encoded = [EncodedEntry.of(entry) for entry in entries]
        self.feeds.hint_entries(conversation, epoch or self.history.log(conversation).epoch, encoded)

    def say(self, content: str | None = None, *, hinted: bool = True) -> Entry:
        entry = self.log.say(content)
        if hinted:
            self.hint(entry)
        return entry

    def hint_head(self, conversation: str = "room") -> None:
        log = self.history.logs.get(conversation)
        head: Head | Deleted = Deleted() if log is None else log.head
        self.feeds.hint_head(conversation, head)


@asynccontextmanager
async def service(*, readers: int = 100, cache: sections.Cache | None = None) -> AsyncIterator[Rig]:
    """A Rig whose feeds run. `run` of `virtual` sees that they leave nothing behind."""
    rig = Rig(readers=readers, cache=cache)
    running = asyncio.create_task(rig.feeds.run(), name="feeds")
    try:
        yield rig
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rig.feeds.close()


@dataclass
class Client:
    """Applies what it is given to its copy. That what it gets is contiguous is checked as it comes."""

    rig: Rig
    conversation: str = "room"
    limit: int = 100
    waits: bool = True
    pause: float = 0.5
    cursor: Cursor = START
    copy: dict[str, FoldedMessage] = field(default_factory=dict)
    seqs: list[int] = field(default_factory=list)
    started_over: int = 0
    failures: int = 0
    gone: bool = False
    reads: int = 0

    async def follow(self) -> None:
        """Until cancelled, or until the service drains."""
        while not self.rig.lifecycle.draining.is_set():
            try:
                if self.waits:
                    async with self.rig.feeds.reading(self.conversation) as reader:
                        while not self.rig.lifecycle.draining.is_set():
                            if not await self.read_all():
                                await reader.wait(self.cursor, None, 50.0)
                else:
                    await self.read_all()
                    await asyncio.sleep(self.pause)
            except CursorExpired:
                self.start_over()
            except ConversationDeleted:
                self.start_over()
                self.gone = True
                await asyncio.sleep(self.pause)
            except HistoryUnavailable:
                self.failures += 1
                await asyncio.sleep(self.pause)

    async def read_all(self) -> bool:
        """Read on until there is no more. Whether anything came."""
        came = False
        while True:
            self.reads += 1
            batch = await self.rig.feeds.read(self.conversation, self.cursor, self.limit)
            self.gone = False
            self.take(batch.entries)
            assert batch.cursor.seq == (self.seqs[-1] if self.seqs else 0), "the cursor is not where the entries end"
            self.cursor = batch.cursor
            came = came or bool(batch.entries)
            if not batch.entries:
                return came

    def take(self, entries: list[EncodedEntry]) -> None:
        assert len(entries) <= self.limit
        for entry in entries:
            assert entry.seq == len(self.seqs) + 1, f"{entry.seq} follows {self.seqs[-3:]}"
            self.seqs.append(entry.seq)
            apply(self.copy, [entry_decoder.decode(entry.json)])

    def start_over(self) -> None:
        self.started_over += 1
        self.cursor = START
        self.copy.clear()
        self.seqs.clear()


__all__ = ["DOWN", "Client", "Rig", "service"]
