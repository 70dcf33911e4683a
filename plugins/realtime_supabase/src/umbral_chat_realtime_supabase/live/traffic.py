"""Counters of what is sent and received: a plan limits the messages of all of a project's clients together."""

from __future__ import annotations

from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase.metrics import REALTIME_BYTES, REALTIME_MESSAGES


class Traffic:
    """Counts of this instance. Heartbeats and joins count as bytes, but not as messages."""

    def __init__(self, telemetry: Telemetry) -> None:
        messages, size = telemetry.counter(REALTIME_MESSAGES), telemetry.counter(REALTIME_BYTES)
        self._broadcasts_sent, self._broadcasts_received = messages.labels("sent"), messages.labels("received")
        self._probes_missed = messages.labels("missed")
        self._bytes_sent, self._bytes_received = size.labels("sent"), size.labels("received")

    def broadcast_sent(self) -> None:
        """Count a broadcast that is sent."""
        self._broadcasts_sent.add()

    def broadcast_received(self) -> None:
        """Count a broadcast that was received."""
        self._broadcasts_received.add()

    def probe_missed(self) -> None:
        """Count a probe that the database broadcast and that did not arrive, while the socket worked."""
        self._probes_missed.add()

    def frame_sent(self, size: int) -> None:
        """Count a frame of `size` bytes that was sent."""
        self._bytes_sent.value += size

    def frame_received(self, size: int) -> None:
        """Count a frame of `size` bytes that was received."""
        self._bytes_received.value += size


__all__ = ["Traffic"]
