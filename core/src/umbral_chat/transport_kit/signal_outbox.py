"""Signals on their way out, until what sends them takes them: the one place that decides which are dropped."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from umbral_chat.model.signals import (
    DraftSignal,
    PresenceSignal,
    ReadSignal,
    RosterSignal,
    Signal,
    TypingSignal,
    signal_encoder,
)

LIMIT = 1000
"""Signals that wait, unless another limit is given."""


class SignalOutbox:
    """Waiting signals by topic, which `put` adds without waiting.

    A newer signal of the same identity replaces the one that waits, at the end of the queue. Past `limit` the oldest is
    dropped: signals are ephemeral, and a newer one follows.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: OrderedDict[tuple[str, object], Signal] = OrderedDict()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, signal: Signal, topic: str | None = None) -> None:
        """Queue a signal for `topic` (None: its conversation), best effort. Never waits, never raises."""
        key = (signal.conversation if topic is None else topic, _identity(signal))
        self._waiting.pop(key, None)
        self._waiting[key] = signal
        if len(self._waiting) > self._limit:
            self._waiting.popitem(last=False)
        self._filled.set()

    def clear(self) -> None:
        """Drop the waiting signals."""
        self._waiting.clear()

    async def filled(self) -> None:
        """Wait until there is a signal. For a single reader."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()

    def pop(self) -> tuple[str, Signal]:
        """Take the oldest one, with its topic. Raises KeyError when there is none."""
        (topic, _), signal = self._waiting.popitem(last=False)
        return topic, signal

    def pop_batch(self, number: int, size: int) -> tuple[str, list[Signal]]:
        """Take the oldest one and the next ones of its topic, in order: at most `number`, and at most `size` encoded
        bytes unless the first alone is longer. Raises KeyError when there is none."""
        if not self._waiting:
            raise KeyError("no signal waits")
        topic = next(iter(self._waiting))[0]
        keys: list[tuple[str, object]] = []
        encoded = 0
        for key, signal in self._waiting.items():
            if key[0] != topic:
                continue
            encoded += len(signal_encoder.encode(signal))
            if keys and (encoded > size or len(keys) == number):
                break
            keys.append(key)
        return topic, [self._waiting.pop(key) for key in keys]


def _identity(signal: Signal) -> object:
    """Of two signals with the same identity only the newer one matters."""
    match signal:
        case DraftSignal():
            return (DraftSignal, signal.conversation, signal.message_id)
        case ReadSignal():
            return (ReadSignal, signal.conversation, signal.subject)
        case TypingSignal():
            return (TypingSignal, signal.conversation, signal.person)
        case RosterSignal():
            return (RosterSignal, signal.conversation, signal.instance)
        case PresenceSignal():  # a change since the one before it, so both are needed
            return (PresenceSignal, signal.conversation, signal.version)
        case _:
            return (type(signal), signal.conversation)


__all__ = ["LIMIT", "SignalOutbox"]
