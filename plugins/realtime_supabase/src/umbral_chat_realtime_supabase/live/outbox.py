"""Signals that wait to be broadcast: the newest of each, in batches, at a bounded rate. Pure."""

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
"""Most bytes of one broadcast, unless a single signal is longer: below the smallest plan's limit (256 kB)."""


class BroadcastOutbox:
    """Waiting signals by topic. A newer signal of the same identity replaces the one that waits; past `limit` the
    oldest are dropped. `take` allows `per_second` broadcasts, in bursts of as many: what waits meanwhile is merged."""

    def __init__(self, limit: int, per_second: float, now: float) -> None:
        self._limit = limit
        self._per_second = per_second
        self._allowance = per_second
        self._refilled_at = now
        self._waiting: OrderedDict[tuple[str, object], Signal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, topic: str, signal: Signal) -> None:
        """Queue a signal for `topic`."""
        key = (topic, _identity(signal))
        self._waiting.pop(key, None)
        self._waiting[key] = signal
        if len(self._waiting) > self._limit:
            self._waiting.popitem(last=False)

    def clear(self) -> None:
        """Drop the waiting signals."""
        self._waiting.clear()

    def take(self, now: float) -> list[tuple[str, list[Signal]]]:
        """Take the broadcasts that may be sent now, in monotonic seconds: topic and signals."""
        refill = (now - self._refilled_at) * self._per_second
        self._allowance = min(max(1.0, self._per_second), self._allowance + refill)
        self._refilled_at = now
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


__all__ = ["BATCH", "BATCH_BYTES", "BroadcastOutbox"]
