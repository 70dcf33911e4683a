"""What goes over the socket, counted: a plan limits the sends and deliveries of all of a project's clients together."""

from __future__ import annotations

from umbral_chat.telemetry import Telemetry

from umbral_chat_realtime_supabase.metrics import REALTIME_BYTES, REALTIME_MESSAGES


class Traffic:
    """Counts of this instance. Heartbeats and joins are bytes and no messages."""

    def __init__(self, telemetry: Telemetry) -> None:
        messages, size = telemetry.counter(REALTIME_MESSAGES), telemetry.counter(REALTIME_BYTES)
        self._said, self._heard = messages.labels("sent"), messages.labels("received")
        self._missed = messages.labels("missed")
        self._went, self._came = size.labels("sent"), size.labels("received")

    def said(self) -> None:
        """A broadcast goes out."""
        self._said.add()

    def heard(self) -> None:
        """A broadcast came in."""
        self._heard.add()

    def missed(self) -> None:
        """A probe was broadcast by the database and did not come, while the socket was well."""
        self._missed.add()

    def went(self, size: int) -> None:
        """A frame of so many bytes went out."""
        self._went.value += size

    def came(self, size: int) -> None:
        """A frame of so many bytes came in."""
        self._came.value += size


__all__ = ["Traffic"]
