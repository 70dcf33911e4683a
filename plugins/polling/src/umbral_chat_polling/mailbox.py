"""Events on their way to their reader: bounded however slow it is, and the newest head is never lost."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from itertools import count

from umbral_chat.providers.transport import HeadHint, SignalHint, StateChanged, ToggleHint, TransportEvent

Event = HeadHint | SignalHint | ToggleHint | StateChanged


class Mailbox:
    """A queue in which a newer head, toggle or state takes the place of the unread one before it.

    Heads are therefore at most as many as conversations are watched; of signals the oldest go past `limit`.
    Iterating yields events until `close`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: OrderedDict[object, Event] = OrderedDict()
        self._signals: deque[object] = deque()
        self._numbers = count()
        self._filled = asyncio.Event()
        self.closed = False

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Take an event; nothing happens once closed."""
        if self.closed:
            return
        match event:
            case SignalHint():
                self._put_signal(event)
            case HeadHint():
                self._events["head", event.conversation] = event
            case _:
                self._events[type(event)] = event
        self._filled.set()

    def drop_head(self, conversation: str) -> None:
        """Nobody follows it any more."""
        self._events.pop(("head", conversation), None)

    def close(self) -> None:
        """The reader's iteration ends, and what it had not read is dropped."""
        self.closed = True
        self._events.clear()
        self._signals.clear()
        self._filled.set()

    def __aiter__(self) -> Mailbox:
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
        return event

    def _put_signal(self, event: SignalHint) -> None:
        if len(self._signals) >= self._limit:
            del self._events[self._signals.popleft()]
        number = next(self._numbers)
        self._signals.append(number)
        self._events[number] = event


__all__ = ["Event", "Mailbox"]
