"""Instances of the drafts on one store, without a service around them: they may crash, and their store may fail."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from umbral_chat._core.conversations.draft_keeper import DraftKeeper
from umbral_chat._core.conversations.draft_pieces import Piece
from umbral_chat._core.conversations.drafts import Drafts
from umbral_chat.clock import Clock
from umbral_chat.errors import Conflict, HistoryUnavailable
from umbral_chat.model.conversations import Head
from umbral_chat.model.entries import Edit, FoldedMessage, Message, Sender
from umbral_chat.model.fold import apply
from umbral_chat.model.signals import DraftSignal, Writer
from umbral_chat.model.writes import WriteMessage
from umbral_chat.providers.store import Lease, Record, check_names, check_size

BOT = Sender(role="assistant", id="bot")


class MemoryStore:
    """The records of a `SharedStore`. Each call yields to the others at random, before and after it takes effect."""

    def __init__(self, clock: Clock, draw: random.Random) -> None:
        self._clock, self._draw = clock, draw
        self._records: dict[tuple[str, str], tuple[Record, float]] = {}
        self._version = 0
        self.down = False
        self.loses_answers = False
        self.calls: list[str] = []

    async def _hop(self, name: str = "") -> None:
        if name:
            self.calls.append(name)
        for _ in range(self._draw.randrange(3)):
            await asyncio.sleep(0)
        if self.down or (not name and self.loses_answers):
            raise HistoryUnavailable("The store is away.")

    def all(self, namespace: str) -> dict[str, Record]:
        now = self._clock.monotonic()
        found = ((key, one) for (name, key), (one, until) in self._records.items() if name == namespace and until > now)
        return dict(sorted(found, key=lambda item: item[0]))

    async def get(self, namespace: str, key: str) -> Record | None:
        check_names(namespace, key)
        await self._hop("get")
        return self.all(namespace).get(key)

    async def scan(self, namespace: str, *, prefix: str = "", limit: int = 1000) -> dict[str, Record]:
        await self._hop("scan")
        found = {key: record for key, record in self.all(namespace).items() if key.startswith(prefix)}
        return dict(list(found.items())[:limit])

    async def put(self, namespace: str, key: str, value: bytes, *, ttl: float | None = None) -> Record:
        check_names(namespace, key)
        check_size("value", value)
        await self._hop("put")
        self._version += 1
        record = Record(value, self._version)
        self._records[namespace, key] = record, float("inf") if ttl is None else self._clock.monotonic() + ttl
        await self._hop()
        return record

    async def compare_and_set(
        self,
        namespace: str,
        key: str,
        value: bytes,
        *,
        expect: int,
        ttl: float | None = None,
        fence: Lease | None = None,
    ) -> Record | None:
        check_size("value", value)
        await self._hop("compare_and_set")
        assert fence is None
        current = self.all(namespace).get(key)
        written = None
        if (current.version if current else 0) == expect:
            self._version += 1
            written = Record(value, self._version)
            self._records[namespace, key] = written, float("inf") if ttl is None else self._clock.monotonic() + ttl
        await self._hop()
        return written

    async def delete(self, namespace: str, key: str) -> bool:
        await self._hop("delete")
        return self._records.pop((namespace, key), None) is not None


class MemoryLog:
    """A history of one conversation, with what `History.append` promises of message ids and keys."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.reserved: dict[str, Writer] = {}
        """For whom runs reserve message ids; kept here, since the runs' records are as shared as the log."""
        self.entries: list[Message | Edit] = []
        self._authors: dict[str, str] = {}
        self.down = False

    async def _hop(self) -> None:
        for _ in range(self._draw.randrange(3)):
            await asyncio.sleep(0)
        if self.down:
            raise HistoryUnavailable("The history is away.")

    async def append(self, write: WriteMessage) -> Message | Edit:
        await self._hop()
        message_id = write.message_id
        assert message_id is not None
        known = self.messages().get(message_id)
        common: dict[str, Any] = {"seq": len(self.entries) + 1, "at": None, "sender": write.sender}
        entry: Message | Edit
        if known is None:
            entry = Message(**common, message_id=message_id, content=write.content, finish=write.finish)
            self._authors[message_id] = write.subject
        elif known.finish == "interrupted" and write.finish is None and self._authors[message_id] == write.subject:
            entry = Edit(**common, message_id=message_id, content=write.content)
        else:
            raise Conflict("taken", code="message_id_taken")
        self.entries.append(entry)
        return entry

    def messages(self) -> dict[str, FoldedMessage]:
        return apply({}, self.entries)

    async def message(self, _conversation: str, message_id: str) -> FoldedMessage | None:
        await self._hop()
        return self.messages().get(message_id)

    async def reserved_by(self, _conversation: str, message_id: str) -> Writer | None:
        """See `RunRecords.reserved_by`."""
        await self._hop()
        return self.reserved.get(message_id)

    async def heads(self, conversations: Sequence[str]) -> dict[str, Head]:
        await self._hop()
        return {name: Head("aaaaaaaaaa", len(self.entries), 0) for name in conversations if self.entries}


class Instance:
    """One process."""

    def __init__(
        self,
        clock: Clock,
        store: MemoryStore,
        log: MemoryLog,
        *,
        publish: Callable[[Instance, DraftSignal], None] = lambda _one, _signal: None,
        silence: float = 30.0,
        limit: int = 100_000,
        followed: Sequence[str] = ("room",),
        per_conversation: int = 8,
    ) -> None:
        self.clock, self.log = clock, log
        self.changed: list[str] = []
        self.drafts = Drafts(
            clock,
            per_conversation=per_conversation,
            silence=silence,
            changed=self.changed.append,
            publish=lambda signal: publish(self, signal),
        )
        self.interrupted = 0
        self.keeper = DraftKeeper(
            self.drafts,
            store,  # type: ignore[arg-type]  # the records are all that it uses
            log,  # type: ignore[arg-type]  # as are these methods
            clock,
            limit=limit,
            append=self._append,
            reserved_by=log.reserved_by,
            followed=lambda: followed,
            counted=self._count,
        )
        self.reconciler = self.keeper.reconciler
        self._run: asyncio.Task[None] | None = None

    def _count(self) -> None:
        self.interrupted += 1

    async def _append(self, write: WriteMessage) -> None:
        entry = await self.log.append(write)
        self.drafts.end(write.conversation, entry.message_id)  # as the bus does it

    def start(self) -> Instance:
        self._run = asyncio.create_task(self.reconciler.run())
        return self

    async def crash(self) -> None:
        """Nothing of it goes on, and nothing is saved."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)

    async def piece(self, offset: int, text: str, message_id: str = "m", **given: Any) -> int:
        plain: dict[str, Any] = {"sender": BOT, "author": "key:bot", "trusted": True, "conversation": "room"}
        return await self.keeper.piece(Piece(message_id=message_id, offset=offset, text=text, **(plain | given)))

    async def send(self, content: str, message_id: str = "m", author: str = "key:bot", *, trusted: bool = True) -> None:
        """As `Chat.send` does it."""
        drafted = await self.keeper.check_send("room", message_id, author=author, sender=BOT, trusted=trusted)
        await self._append(
            WriteMessage(conversation="room", subject=author, sender=BOT, content=content, message_id=message_id)
        )
        if drafted:
            self.keeper.written("room", message_id)

    def text(self, message_id: str = "m") -> str | None:
        return next((draft.text for draft in self.drafts.of("room") if draft.message_id == message_id), None)


async def settled(what: Callable[[], Awaitable[object]] | None = None) -> None:
    """Let everything go on that waits for nothing but its turn."""
    for _ in range(200):
        await asyncio.sleep(0)
    if what is not None:
        await what()


__all__ = ["BOT", "Instance", "MemoryLog", "MemoryStore", "settled"]
