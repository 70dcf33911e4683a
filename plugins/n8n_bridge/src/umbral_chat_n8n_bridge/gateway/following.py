"""Following the answer to one message in the log, whichever instance relays it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from umbral_chat.errors import HistoryUnavailable
from umbral_chat.model.cursor import Cursor
from umbral_chat.model.entries import Entry, Message, entry_decoder

from umbral_chat_n8n_bridge.answers.buttons import widget_text
from umbral_chat_n8n_bridge.chats import RUN_MARK
from umbral_chat_n8n_bridge.relay.ledger import Ledger, RunRecord, run_prefix

if TYPE_CHECKING:
    from umbral_chat.context import Services
    from umbral_chat.http_kit.asgi import Disconnect

LOOK_EVERY = 1.0
"""Seconds after which the ledger is looked at while no run is known here: signals between instances may be lost."""

LOOK_AGAIN = 0.01
"""Seconds after which it is looked at again when a run has ended, then twice as many each time: the run's end and the
record are stored side by side, and either may be seen first."""

LOOK_EVERY_RUNNING = 5.0
"""The same while one is known, whose end is signalled."""

PAGE = 200


class GrowingMessage(NamedTuple):
    """A message as far as it is written."""

    message_id: str
    text: str


class WrittenMessage(NamedTuple):
    """A message of the answer. `complete` False: its writing was cut short."""

    message_id: str
    text: str
    complete: bool
    shown: str = ""
    """The text as the widget takes it in a stream: with buttons."""
    generation: int = 1
    """Of its run: an interrupted one is followed by another."""


class QuietEvent(NamedTuple):
    """Nothing came for a while."""


class AnswerEnded(NamedTuple):
    """The answer is over; None: the wait is, by its time or because the service stops."""

    record: RunRecord | None


Step = GrowingMessage | WrittenMessage | QuietEvent | AnswerEnded


class AnswerFeed:
    """The answer to the message at `asked`; also when an earlier message's run answers both."""

    def __init__(self, services: Services, conversation: str, asked: Cursor) -> None:
        assert asked.epoch is not None  # noqa: S101 - a message has been written
        self._services = services
        self._conversation = conversation
        self._asked, self._epoch = asked, asked.epoch
        self._cursor = asked
        self._leader, self._first = asked.seq, 1
        self._prefix = run_prefix(asked.epoch, asked.seq)
        self._ledger = Ledger(services.storage.store)

    async def steps(self, timeout: float, quiet: float, disconnect: Disconnect) -> AsyncIterator[Step]:
        """What happens, until `AnswerEnded`. `quiet`: seconds after which a wait is reported. Raises
        ConnectionAbortedError when the client has left, ConversationDeleted and CursorExpired."""
        services, clock = self._services, self._services.base.clock
        deadline, reported = clock.monotonic() + timeout, clock.monotonic()
        looked, pause = float("-inf"), LOOK_EVERY
        async with services.feeds.reading(self._conversation) as reader:
            while True:
                version = reader.view.version
                batch = await services.feeds.read(self._conversation, self._cursor, PAGE)
                self._cursor = batch.cursor
                for step in [*self._of([entry_decoder.decode(one.json) for one in batch.entries]), *self._growing()]:
                    reported = clock.monotonic()
                    yield step
                if batch.has_more:
                    continue
                running = self._running()
                now = clock.monotonic()
                if not running or now - looked >= LOOK_EVERY_RUNNING:
                    looked = now
                    if over := await self._over():
                        for step in over:
                            yield step
                        return
                if now >= deadline or services.lifecycle.draining.is_set():
                    yield AnswerEnded(None)
                    return
                if now - reported >= quiet:
                    reported = now
                    yield QuietEvent()
                if running:
                    wait, pause = LOOK_EVERY_RUNNING, LOOK_AGAIN
                else:
                    wait, pause = pause, min(2 * pause, LOOK_EVERY)
                await reader.wait(self._cursor, version, min(wait, quiet, deadline - now), disconnect)

    def _growing(self) -> list[GrowingMessage]:
        drafts = self._services.drafts.of(self._conversation)
        return [GrowingMessage(one.message_id, one.text) for one in drafts if self._generation(one.message_id)]

    def _running(self) -> bool:
        runs = self._services.runs.of(self._conversation)
        return any(self._generation(one.run_id) for one in runs)

    async def _over(self) -> list[Step]:
        """The last steps, if the record says that the answer is over: all of it was written before that."""
        try:
            record, _ = await self._ledger.load(self._conversation, self._epoch, self._leader)
            if record is not None and record.state == "joined":
                record = await self._joined(record)
            if record is None or record.state != "over":
                return []
            return [*await self._rest(), AnswerEnded(record)]
        except HistoryUnavailable:
            return []

    async def _joined(self, own: RunRecord) -> RunRecord | None:
        """The record of the message whose run answers this one, which is followed from here on; None: there is none
        yet."""
        leader, _ = await self._ledger.load(self._conversation, self._epoch, own.leader)
        if leader is None or leader.through < self._asked.seq:
            return None
        self._leader, self._first = own.leader, own.generation
        self._prefix = run_prefix(self._epoch, own.leader)
        if self._cursor != self._asked:
            self._cursor = self._asked  # its messages were passed over so far
            return None
        return leader

    def _generation(self, name: str) -> int:
        """The generation of the run that a run or a draft is of; 0: it is none that answers."""
        number = name.removeprefix(self._prefix).partition(".")[0] if name.startswith(self._prefix) else ""
        generation = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
        return generation if generation >= self._first else 0

    async def _rest(self) -> list[Step]:
        """What the history has further."""
        found: list[Step] = []
        after = self._cursor.seq
        while True:
            page = await self._services.storage.history.read(self._conversation, after, PAGE)
            found += self._of(page.entries)
            after += len(page.entries)
            if not page.entries or page.head is None or after >= page.head.seq:
                return found

    def _of(self, entries: Sequence[Entry]) -> list[Step]:
        found: list[Step] = []
        for one in entries:
            if isinstance(one, Message) and one.sender.role != "user":
                # What the core wrote of a draft whose instance died says by its id alone which run it is of.
                marked = str((one.metadata or {}).get(RUN_MARK, ""))
                if generation := self._generation(marked) or self._generation(one.message_id):
                    shown = widget_text(one.content, one.metadata)
                    found.append(WrittenMessage(one.message_id, one.content, one.finish is None, shown, generation))
        return found


__all__ = ["AnswerEnded", "AnswerFeed", "GrowingMessage", "QuietEvent", "Step", "WrittenMessage"]
