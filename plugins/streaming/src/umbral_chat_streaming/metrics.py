"""The metrics of this plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat.telemetry import Label, Metric

from umbral_chat_streaming.status import RECONNECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from umbral_chat.telemetry import Telemetry

STREAMS = "umbral_chat.streams"
SUSPENDED = "umbral_chat.streams.suspended"
UNSENT = "umbral_chat.streams.unsent"
SLOW = "umbral_chat.streams.slow"
CLOSED = "umbral_chat.streams.closed"
FRAMES = "umbral_chat.streams.frames"

METRICS = (
    Metric(STREAMS, "gauge", "{stream}", "Streams of a conversation that are open.", (Label("edge", open=True),)),
    Metric(SUSPENDED, "gauge", "{stream}", "Of these, the ones whose client does not keep up, or catches up."),
    Metric(UNSENT, "gauge", "By", "Bytes that wait for slow clients, as far as the streams account for them."),
    Metric(SLOW, "counter", "{event}", "Times that a client fell behind and was left to read the log from its cursor."),
    Metric(
        CLOSED,
        "counter",
        "{stream}",
        "Streams that ended, by the code of their last status; `left`: the client ended it.",
        (Label("code", ("left", *RECONNECT)),),
    ),
    Metric(FRAMES, "counter", "{frame}", "Frames that were encoded, each once for all clients that get it."),
)


class StreamCounters:
    """Declares the metrics and holds the cells that the hub counts in."""

    def __init__(self, telemetry: Telemetry, streams: Callable[[], Iterable[tuple[tuple[str, ...], int]]]) -> None:
        telemetry.declare(*METRICS)
        telemetry.gauge(STREAMS, streams)
        telemetry.gauge(SUSPENDED, lambda: [((), self.suspended)])
        telemetry.gauge(UNSENT, lambda: [((), self.unsent)])
        self.slow = telemetry.counter(SLOW).labels()
        self.frames = telemetry.counter(FRAMES).labels()
        self._closed = telemetry.counter(CLOSED)
        self._deliveries = telemetry.counter("umbral_chat.deliveries")
        self.suspended = 0
        self.unsent = 0

    def ended(self, code: str) -> None:
        """Count a stream that ended."""
        self._closed.labels(code).value += 1

    def delivered(self, edge: str, entries: int) -> None:
        """Count entries that were written to clients of an edge."""
        self._deliveries.labels(edge).value += entries


__all__ = ["CLOSED", "FRAMES", "METRICS", "SLOW", "STREAMS", "SUSPENDED", "UNSENT", "StreamCounters"]
