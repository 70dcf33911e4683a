"""The metrics of this plugin. Those of each consumer, as its lag and its dead letters, are the core's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

from umbral_chat.telemetry import Label, Metric

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry

SUBSCRIPTIONS = "umbral_chat.subscriptions"
PUSHES = "umbral_chat.subscriptions.pushes"
PUSH_DURATION = "umbral_chat.subscriptions.push.duration"

Outcome = Literal["taken", "refused", "gone", "failed"]

METRICS = (
    Metric(
        SUBSCRIPTIONS,
        "gauge",
        "{subscription}",
        "Subscriptions, by how their events leave; `paused` are those that wait.",
        (Label("way", ("push", "pull", "paused")),),
    ),
    Metric(
        PUSHES,
        "counter",
        "{push}",
        "Events sent to receivers: taken (2xx), refused with another status, gone (410), or failed without an answer.",
        (Label("outcome", ("taken", "refused", "gone", "failed")),),
    ),
    Metric(
        PUSH_DURATION,
        "histogram",
        "s",
        "Time from a push to its answer, or to its failure.",
        # From a receiver on the same machine to the longest `core.outbound.timeout`.
        buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 120.0),
    ),
)


class PushCounters:
    """Declares the metrics and holds the cells that the consumers count in."""

    def __init__(self, telemetry: Telemetry, count: Callable[[], Iterable[tuple[tuple[str, ...], int]]]) -> None:
        telemetry.declare(*METRICS)
        telemetry.gauge(SUBSCRIPTIONS, count)
        self._pushes = telemetry.counter(PUSHES)
        self._duration = telemetry.histogram(PUSH_DURATION)

    def pushed(self, outcome: Outcome, seconds: float) -> None:
        """Count one push."""
        self._pushes.labels(outcome).value += 1
        self._duration.record(seconds)


__all__ = ["METRICS", "PUSHES", "PUSH_DURATION", "SUBSCRIPTIONS", "PushCounters"]
