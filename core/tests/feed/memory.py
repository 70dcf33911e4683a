"""A history in memory that follows `providers/history.py`, slow, failing and out of step when it is told to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import msgspec
from umbral_chat.errors import ConversationDeleted
from umbral_chat.model.conversations import Conversation, Deleted, Head, InboxPage, LogPage
from umbral_chat.model.entries import Changes, Edit, Entry, Message, Redaction, Sender, Update
from umbral_chat.model.ids import new_epoch
from umbral_chat.providers.history import History

E = TypeVar("E", Message, Edit, Redaction, Update)

VISITOR = Sender(role="user", id="visitor")
DAWN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Log:
    """One log as a store has it."""

    epoch: str = field(default_factory=new_epoch)
    entries: list[Entry] = field(default_factory=list)
    redaction: int = 0
    redacted_by: dict[int, int] = field(default_factory=dict)
    """Seq of a blanked entry: seq of the redaction that blanked it."""
    last_activity: datetime = DAWN
    clock: Callable[[], datetime] | None = None
    """The store's; without one, each entry is a second later than the one before."""

    @property
    def head(self) -> Head:
        return Head(self.epoch, len(self.entries), self.redaction)

    @property
    def messages(self) -> list[Message]:
        """Those that can still be edited or redacted."""
        return [entry for entry in self.entries if isinstance(entry, Message) and not entry.redacted]

    def say(self, content: str | None = None) -> Message:
        seq = len(self.entries) + 1
        return self._add(
            Message(seq=seq, at=self._now(), sender=VISITOR, message_id=f"m{seq}", content=content or f"text {seq}")
        )

    def edit(self, message: Message) -> Edit:
        seq = len(self.entries) + 1
        return self._add(
            Edit(seq=seq, at=self._now(), sender=VISITOR, message_id=message.message_id, content=f"edited {seq}")
        )

    def redact(self, message: Message) -> Redaction:
        seq = len(self.entries) + 1
        redaction = self._add(Redaction(seq=seq, at=self._now(), sender=VISITOR, message_id=message.message_id))
        for index, entry in enumerate(self.entries):
            if isinstance(entry, Message | Edit) and entry.message_id == message.message_id:
                self.entries[index] = msgspec.structs.replace(entry, content="", redacted=True)
                self.redacted_by[entry.seq] = redaction.seq
        self.redaction = redaction.seq
        return redaction

    def update(self, title: str) -> Update:
        seq = len(self.entries) + 1
        return self._add(Update(seq=seq, at=self._now(), sender=VISITOR, changes=Changes(title=title)))

    def page(self, after: int, limit: int) -> LogPage:
        return LogPage(self.head, self.entries[after : after + limit])

    def _now(self) -> datetime:
        later = self.last_activity + timedelta(seconds=1)
        self.last_activity = later if self.clock is None else max(self.last_activity, self.clock())
        return self.last_activity

    def _add(self, entry: E) -> E:
        self.entries.append(entry)
        return entry


class MemoryHistory:
    """Logs by conversation; None: deleted. Each read is counted, waits for `delay()` before and after its snapshot is
    taken, and fails while `failure` is set, as found at its end."""

    name = "memory"

    def __init__(self) -> None:
        self.logs: dict[str, Log | None] = {}
        self.reads: list[tuple[str, int, int]] = []
        self.running = 0
        self.most_at_once = 0
        self.failure: Exception | None = None
        self.delay: Callable[[], float] = lambda: 0.0
        self.gates: list[asyncio.Event] = []
        """Each next read waits for the next of these after its snapshot, if there is one."""
        self.clock: Callable[[], datetime] | None = None
        """That of the logs that are made from now on."""

    def log(self, conversation: str = "room") -> Log:
        """The log, made when it is not there."""
        log = self.logs.get(conversation)
        if log is None:
            log = self.logs[conversation] = Log(clock=self.clock)
        return log

    async def read(self, conversation: str, after: int, limit: int) -> LogPage:
        self.reads.append((conversation, after, limit))
        gate = self.gates.pop(0) if self.gates else None
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await asyncio.sleep(self.delay())
            page = self._page(conversation, after, limit)
            await asyncio.sleep(self.delay())
            if gate is not None:
                await gate.wait()
        finally:
            self.running -= 1
        if self.failure is not None:
            raise self.failure
        if page is None:
            raise ConversationDeleted(conversation)
        return page

    async def heads(self, conversations: Sequence[str]) -> dict[str, Head | Deleted]:
        await asyncio.sleep(self.delay())
        if self.failure is not None:
            raise self.failure
        found = {name: self.logs[name] for name in conversations if name in self.logs}
        return {name: Deleted() if log is None else log.head for name, log in found.items()}

    async def conversations(self, *, limit: int, before: str | None = None, **_: Any) -> InboxPage:
        await asyncio.sleep(self.delay())
        if self.failure is not None:
            raise self.failure
        every = sorted(
            ((log.last_activity, name, log) for name, log in self.logs.items() if log is not None),
            key=lambda item: item[:2],
            reverse=True,
        )
        page = [item for item in every if before is None or f"{item[0].isoformat()} {item[1]}" < before]
        last = f"{page[limit - 1][0].isoformat()} {page[limit - 1][1]}" if len(page) > limit else None
        return InboxPage([_conversation(name, log) for _, name, log in page[:limit]], last)

    @property
    def history(self) -> History:
        return cast("History", cast("Any", self))

    def _page(self, conversation: str, after: int, limit: int) -> LogPage | None:
        if conversation not in self.logs:
            return LogPage(None, [])
        log = self.logs[conversation]
        return None if log is None else log.page(after, limit)


def _conversation(name: str, log: Log) -> Conversation:
    return Conversation(
        id=name, epoch=log.epoch, head=len(log.entries), created_at=DAWN, last_activity=log.last_activity
    )


__all__ = ["DAWN", "VISITOR", "Log", "MemoryHistory"]
