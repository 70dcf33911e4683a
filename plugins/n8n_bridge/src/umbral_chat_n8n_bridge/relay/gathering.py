"""Gathering the messages of a turn from the log, while its user types and writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Entry, Message, entry_decoder
from umbral_chat.providers.presence import Viewer

from umbral_chat_n8n_bridge.chats import RUN_MARK
from umbral_chat_n8n_bridge.files.reference import reference_of

if TYPE_CHECKING:
    from umbral_chat.context import Services

    from umbral_chat_n8n_bridge.relay.turns import Turn

PAGE = 200

SETTLE_PAGES = 20
"""Pages of a log in which an answer is looked for after a crash."""

LOOK_EVERY = 1.0
"""Seconds after which it is looked whether the user still types: that is no entry, and what notifies of it may be
lost."""

Questions = Callable[[str, Sequence[Entry]], Awaitable[list[Message]]]
"""Returns those of a conversation's entries that are for the workflow."""


class TurnReader:
    """Reads one conversation for a turn. Methods raise HistoryUnavailable, ConversationDeleted and CursorExpired."""

    def __init__(self, services: Services, conversation: str, epoch: str, after: int, questions: Questions) -> None:
        self._services = services
        self._conversation = conversation
        self._questions = questions
        self._after = after
        self.cursor = Cursor(epoch, after)
        """Up to here the log was read for the turn."""

    async def gather(self, turn: Turn) -> None:
        """Give the turn what its user writes until its run is due. Raises Unavailable (`too_many_readers`)."""
        if not turn.gathers:
            return
        services, clock = self._services, self._services.base.clock
        async with services.feeds.reading(self._conversation) as reader:
            while turn.open_after(self.cursor.seq):
                version = reader.view.version
                if await self._read(turn):
                    continue
                now = clock.monotonic()
                if self._types():
                    turn.typing(now)
                if (wait := turn.due - now) <= 0:
                    return
                if services.lifecycle.draining.is_set():
                    await asyncio.sleep(min(wait, LOOK_EVERY))  # a reader does not wait any more
                else:
                    await reader.wait(self.cursor, version, min(wait, LOOK_EVERY))

    async def take(self, turn: Turn, entries: Sequence[Entry]) -> bool:
        """Give the turn these entries, the next ones of the log; whether they interrupt its run."""
        interrupted = False
        for message in await self._questions(self._conversation, entries):
            at, files = self.time_of(message.at), reference_of(message.metadata)
            place = turn.said(message.seq, len(message.content), at, files)
            interrupted = interrupted or place == "interrupts"
        if entries:
            self.cursor = Cursor(self.cursor.epoch, max(self.cursor.seq, entries[-1].seq))
        return interrupted

    async def messages(self, turn: Turn) -> list[Message]:
        """The turn's messages as they are now: without one that was redacted."""
        history, found, after, last = self._services.storage.history, list[Message](), turn.seqs[0] - 1, turn.seqs[-1]
        while after < last:
            page = await history.read(self._conversation, after, PAGE)
            found += await self._questions(self._conversation, [one for one in page.entries if one.seq in turn.seqs])
            after += len(page.entries)
            if not page.entries:
                break
        return found

    async def more(self, after: int) -> bool:
        """Whether the user has written after this seq."""
        history = self._services.storage.history
        while entries := (await history.read(self._conversation, after, PAGE)).entries:
            if await self._questions(self._conversation, entries):
                return True
            after += len(entries)
        return False

    async def has_answer(self, run_id: str) -> bool:
        """Whether the log has a complete message of the run."""
        history, after = self._services.storage.history, self._after
        for _ in range(SETTLE_PAGES):
            page = await history.read(self._conversation, after, PAGE)
            for one in page.entries:
                if (
                    isinstance(one, Message)
                    and one.sender.role != "user"
                    and one.finish is None
                    and (one.metadata or {}).get(RUN_MARK) == run_id
                ):
                    return True
            after += len(page.entries)
            if not page.entries:
                break
        return False

    def time_of(self, at: datetime) -> float:
        """When that was, by the clock that does not jump: never in the future, however wrong the wall clock is."""
        clock = self._services.base.clock
        return clock.monotonic() - max(0.0, (clock.now() - at).total_seconds())

    async def _read(self, turn: Turn) -> bool:
        """Read on; whether there is more."""
        batch = await self._services.feeds.read(self._conversation, self.cursor, PAGE)
        await self.take(turn, [entry_decoder.decode(one.json) for one in batch.entries])
        return batch.has_more and bool(batch.entries)

    def _types(self) -> bool:
        presence = self._services.presence
        if presence is None:
            return False
        return any(one.role == "user" for one in presence.state(self._conversation, Viewer()).typing)


def combined(messages: Sequence[Message]) -> Message:
    """What the workflow is sent for several messages: the last one, with the texts of all, a line each, and what their
    metadata says, of which the later counts."""
    if len(messages) == 1:
        return messages[0]
    metadata: dict[str, Any] = {}
    for message in messages:
        metadata |= message.metadata or {}
    content = "\n".join(message.content for message in messages)
    return msgspec.structs.replace(messages[-1], content=content, metadata=metadata or None)


__all__ = ["LOOK_EVERY", "TurnReader", "combined"]
