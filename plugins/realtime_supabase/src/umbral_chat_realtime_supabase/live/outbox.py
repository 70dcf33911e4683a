"""Signals that wait to be broadcast, in batches, at a bounded rate. Pure."""

from __future__ import annotations

from umbral_chat.model.signals import Signal
from umbral_chat.transport_kit.signal_outbox import SignalOutbox

BATCH = 100
"""Most signals of one broadcast."""

BATCH_BYTES = 100_000
"""Most bytes of one broadcast, unless a single signal is longer: below the smallest plan's limit (256 kB)."""


class BroadcastOutbox(SignalOutbox):
    """A `SignalOutbox` of which `take` allows `per_second` broadcasts, in bursts of as many: what waits meanwhile is
    merged."""

    def __init__(self, limit: int, per_second: float, now: float) -> None:
        super().__init__(limit)
        self._per_second = per_second
        self._allowance = per_second
        self._refilled_at = now

    def take(self, now: float) -> list[tuple[str, list[Signal]]]:
        """Take the broadcasts that may be sent now, in monotonic seconds: topic and signals."""
        refill = (now - self._refilled_at) * self._per_second
        self._allowance = min(max(1.0, self._per_second), self._allowance + refill)
        self._refilled_at = now
        batches = []
        while self and self._allowance >= 1:
            self._allowance -= 1
            batches.append(self.pop_batch(BATCH, BATCH_BYTES))
        return batches


__all__ = ["BATCH", "BATCH_BYTES", "BroadcastOutbox"]
