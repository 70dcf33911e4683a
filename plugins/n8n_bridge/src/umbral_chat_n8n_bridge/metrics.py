"""The metrics of this plugin. Those of each chat's consumer, as its lag and its dead letters, are the core's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from umbral_chat.telemetry import Label, Metric

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry

RUNNING = "umbral_chat.n8n.calls.running"
CALLS = "umbral_chat.n8n.calls"
REQUESTS = "umbral_chat.n8n.gateway.requests"

CallOutcome = Literal["completed", "cancelled", "interrupted", "failed", "human", "not_accepted", "given_up"]
RequestOutcome = Literal["answered", "pushed", "history", "refused", "limited", "failed"]

METRICS = (
    Metric(RUNNING, "gauge", "{call}", "Calls of workflows that this instance is reading the answers of."),
    Metric(
        CALLS,
        "counter",
        "{call}",
        "User messages by what became of them: the workflow answered, was cancelled, was interrupted by a further "
        "message, or failed; an agent answers instead; n8n did not accept the call, which is repeated; or it was given "
        "up.",
        (Label("outcome", ("completed", "cancelled", "interrupted", "failed", "human", "not_accepted", "given_up")),),
    ),
    Metric(
        REQUESTS,
        "counter",
        "{request}",
        "Requests of widgets: answered, answered over a WebSocket, answered with the history, refused, past a limit, "
        "or without an answer.",
        (Label("outcome", ("answered", "pushed", "history", "refused", "limited", "failed")),),
    ),
)


class RelayCounters:
    """Declares the metrics and counts."""

    def __init__(self, telemetry: Telemetry) -> None:
        telemetry.declare(*METRICS)
        self._running = 0
        telemetry.gauge(RUNNING, lambda: [((), self._running)])
        self._calls = telemetry.counter(CALLS)
        self._requests = telemetry.counter(REQUESTS)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count a call while its answer is read."""
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def ended(self, outcome: CallOutcome) -> None:
        """Count what became of a message."""
        self._calls.labels(outcome).value += 1

    def asked(self, outcome: RequestOutcome) -> None:
        """Count a request of a widget."""
        self._requests.labels(outcome).value += 1


__all__ = ["CALLS", "METRICS", "REQUESTS", "RUNNING", "CallOutcome", "RelayCounters", "RequestOutcome"]
