"""Signals on their way to other instances: the newest of each, in batches, at a bounded rate. Pure."""

from __future__ import annotations

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

BATCH = 100
"""Most signals of one broadcast."""

BATCH_BYTES = 100_000
"""Most bytes of one broadcast, short of a single signal that is longer: below what the smallest plan takes (256 kB)."""


class Outbox:
    """Waiting signals by topic. A newer one of the same thing takes the place of the one that waits; past `limit` the
    oldest go. At most `per_second` broadcasts go out, in bursts of as many: what waits meanwhile is merged."""

    def __init__(self, limit: int, per_second: float, now: float) -> None:
        self._limit = limit
        self._per_second = per_second
        self._allowance = per_second
        self._counted = now
        self._waiting: OrderedDict[tuple[str, object], Signal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, topic: str, signal: Signal) -> None:
        """Take one."""
        key = (topic, _identity(signal))
        self._waiting.pop(key, None)
        self._waiting[key] = signal
        if len(self._waiting) > self._limit:
            self._waiting.popitem(last=False)

    def clear(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    def take(self, now: float) -> list[tuple[str, list[Signal]]]:
        """The broadcasts that may go out now: topic and signals."""
        self._allowance = min(max(1.0, self._per_second), self._allowance + (now - self._counted) * self._per_second)
        self._counted = now
        batches = []
        while self._waiting and self._allowance >= 1:
            self._allowance -= 1
            batches.append(self._batch(next(iter(self._waiting))[0]))
        return batches

    def _batch(self, topic: str) -> tuple[str, list[Signal]]:
        keys: list[tuple[str, object]] = []
        size = 0
        for key, signal in self._waiting.items():
            if key[0] != topic:
                continue
            size += len(signal_encoder.encode(signal))
            if keys and (size > BATCH_BYTES or len(keys) == BATCH):
                break
            keys.append(key)
        return topic, [self._waiting.pop(key) for key in keys]


def _identity(signal: Signal) -> object:
    """Two signals of the same say the same thing, the newer one better."""
    match signal:
        case DraftSignal():
            return (DraftSignal, signal.conversation, signal.message_id)
        case ReadSignal():
            return (ReadSignal, signal.conversation, signal.subject)
        case TypingSignal():
            return (TypingSignal, signal.conversation, signal.person)
        case RosterSignal():
            return (RosterSignal, signal.conversation, signal.instance)
        case PresenceSignal():  # what changed since the one before it, so both are needed
            return (PresenceSignal, signal.conversation, signal.version)
        case _:
            return (type(signal), signal.conversation)


__all__ = ["BATCH", "BATCH_BYTES", "Outbox"]
