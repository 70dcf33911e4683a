"""Events on their way to their reader: bounded however slow it is, and no change of a head is lost."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from itertools import count

from umbral_chat.model.conversations import Head
from umbral_chat.model.entries import Redaction
from umbral_chat.providers.transport import EntryHint, HeadHint, SignalHint, TransportEvent


class EventQueue:
    """A queue in which a newer toggle or state takes the place of the unread one before it, and of the heads of one log
    the highest remains.

    A head that was read from a store may be of an earlier moment than one that was pushed, and which of them is newer
    is not visible when they are of different logs, or one is a deletion. So the last two of those are kept: they
    differ, and at least one differs from what the reader knows. Heads are therefore at most three times as many as
    conversations are watched. Of entries and of signals at most `limit` each are kept: past it the oldest entry becomes
    a head, and the oldest signal is dropped. Iterating yields until `close`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: OrderedDict[object, TransportEvent] = OrderedDict()
        self._entries: deque[object] = deque()
        self._signals: deque[object] = deque()
        self._numbers = count()
        self._filled = asyncio.Event()
        self.closed = False

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: TransportEvent) -> None:
        """Queue an event. Does nothing once closed."""
        if self.closed:
            return
        match event:
            case SignalHint():
                if self._number(event, self._signals):
                    del self._events[self._signals.popleft()]
            case EntryHint():
                if self._number(event, self._entries):
                    self._shorten(self._events.pop(self._entries.popleft()))
            case HeadHint():
                self._put_head(event)
            case _:
                self._events[type(event)] = event
        self._filled.set()

    def drop_head(self, conversation: str) -> None:
        """Drop the unread heads of a conversation that is no longer watched."""
        for kind in ("head", "earlier", "reached"):
            self._events.pop((kind, conversation), None)

    def close(self) -> None:
        """End the reader's iteration, and drop the unread events."""
        self.closed = True
        self._events.clear()
        self._entries.clear()
        self._signals.clear()
        self._filled.set()

    def __aiter__(self) -> EventQueue:
        return self

    async def __anext__(self) -> TransportEvent:
        while not self._events:
            if self.closed:
                raise StopAsyncIteration
            self._filled.clear()
            await self._filled.wait()
        _, event = self._events.popitem(last=False)
        if isinstance(event, SignalHint):
            self._signals.popleft()
        elif isinstance(event, EntryHint):
            self._entries.popleft()
        return event

    def _put_head(self, event: HeadHint) -> None:
        key = ("head", event.conversation)
        match (self._events.get(key), event.head):
            case (HeadHint(head=Head() as known), Head() as head) if known.epoch == head.epoch:
                highest = Head(head.epoch, max(known.seq, head.seq), max(known.redaction, head.redaction))
                self._events[key] = HeadHint(event.conversation, highest)
                return
            case (HeadHint(head=known), head) if known != head:
                self._events["earlier", event.conversation] = self._events.pop(key)
        self._events[key] = event

    def _number(self, event: TransportEvent, numbers: deque[object]) -> bool:
        """Queue an event; whether there are now more of its kind than `limit`."""
        number = next(self._numbers)
        numbers.append(number)
        self._events[number] = event
        return len(numbers) > self._limit

    def _shorten(self, event: TransportEvent) -> None:
        # Of a dropped entry only the head remains, and readers read the log up to it. It is kept apart from heads that
        # were read from a store, which may be of an earlier moment.
        if not isinstance(event, EntryHint):
            return
        seq, key = event.entry.seq, ("reached", event.conversation)
        redaction = seq if isinstance(event.entry, Redaction) else 0
        match self._events.get(key):
            case HeadHint(head=Head(epoch=epoch) as head) if epoch == event.epoch:
                seq, redaction = max(seq, head.seq), max(redaction, head.redaction)
        self._events[key] = HeadHint(event.conversation, Head(event.epoch, seq, redaction))


__all__ = ["EventQueue"]
