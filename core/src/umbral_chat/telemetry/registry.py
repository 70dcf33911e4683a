"""Every metric of the core, as data, from which `docs/reference/metrics.md` is made. No other metric can be used."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Kind = Literal["counter", "histogram", "gauge"]

_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+\Z")

OTHER = "other"
"""The value under which further values of an open label are counted once there are too many."""


class Label(msgspec.Struct, frozen=True):
    """One label: its known values and, if it is `open`, how many values it may have.

    Open labels are for names that plugins choose, never for what a caller sends.
    """

    name: str
    values: tuple[str, ...] = ()
    open: bool = False
    limit: int = 100
    """Most values of an open label; further ones count as `other`, so that a mistake cannot fill the memory."""


class Metric(msgspec.Struct, frozen=True):
    """A metric as it is declared. `unit` is UCUM, as OpenTelemetry has it: `s`, or `{poll}` for what is counted."""

    name: str
    kind: Kind
    unit: str
    description: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, in its unit."""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"A metric is named like umbral_chat.sends, not {self.name!r}.")
        if (self.kind == "histogram") != bool(self.buckets):
            raise ValueError(f"{self.name}: a histogram has buckets, and nothing else has.")
        if self.kind == "histogram" and self.labels:
            raise ValueError(f"{self.name}: histograms have no labels here.")
        if list(self.buckets) != sorted(set(self.buckets)):
            raise ValueError(f"{self.name}: buckets rise.")


METRICS: tuple[Metric, ...] = (
    Metric(
        "umbral_chat.sends",
        "counter",
        "{send}",
        "Writes by outcome: appended, a repeat of a known key, refused, or the history did not respond.",
        (Label("outcome", ("created", "repeated", "refused", "unavailable")),),
    ),
    Metric(
        "umbral_chat.append.duration",
        "histogram",
        "s",
        "Time from taking a group of appends to its durable commit.",
        # From a fast disk's sync (about 0.1 ms) to one that stalls.
        buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    ),
    Metric(
        "umbral_chat.append.group",
        "histogram",
        "{entry}",
        "Entries that one commit made durable.",
        buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
    ),
    Metric(
        "umbral_chat.deliveries",
        "counter",
        "{entry}",
        "Entries handed to clients.",
        (Label("edge", ("poll",), open=True),),
    ),
    Metric(
        "umbral_chat.polls",
        "counter",
        "{poll}",
        "Polls by answer; the long ones apart.",
        (Label("answer", ("new", "empty", "304", "long_new", "long_empty", "error")),),
    ),
    Metric(
        "umbral_chat.cache.reads",
        "counter",
        "{read}",
        "Reads of a log that the tail cache answered, or could not.",
        (Label("result", ("hit", "miss")),),
    ),
    Metric("umbral_chat.gaps.filled", "counter", "{gap}", "Gaps between a hint and a cursor that a read filled."),
    Metric(
        "umbral_chat.history.reads",
        "counter",
        "{read}",
        "Queries to the history, by what they were for.",
        (Label("reason", ("load", "gap", "page", "snapshot"), open=True),),
    ),
    Metric(
        "umbral_chat.transport.state",
        "gauge",
        "{transport}",
        "1 for the state that a transport is in, 0 for the others.",
        (Label("transport", open=True), Label("state", ("off", "connecting", "live", "degraded", "down"))),
    ),
    Metric("umbral_chat.readers", "gauge", "{reader}", "Long polls and streams that are open."),
    Metric("umbral_chat.watched", "gauge", "{conversation}", "Conversations with a reader on this instance."),
    Metric("umbral_chat.tasks", "gauge", "{task}", "Asyncio tasks of the process: steady while the load is."),
    Metric("umbral_chat.drafts", "gauge", "{draft}", "Messages that are being written."),
    Metric("umbral_chat.runs", "gauge", "{run}", "Runs of assistants that go on, of the whole service."),
    Metric(
        "umbral_chat.runs.ended",
        "counter",
        "{run}",
        "Runs that this instance ended; `lost` ones are those of which nothing was heard any more.",
        (Label("outcome", ("completed", "cancelled", "failed", "lost")),),
    ),
    Metric(
        "umbral_chat.drafts.interrupted",
        "counter",
        "{draft}",
        "Messages that this instance ended, since nothing was heard of their producers.",
    ),
    Metric(
        "umbral_chat.consumer.failures",
        "counter",
        "{failure}",
        "Entries that a consumer failed to take, each time.",
        (Label("consumer", open=True),),
    ),
    Metric(
        "umbral_chat.consumer.lag",
        "gauge",
        "s",
        "Age of the oldest entry that this instance knows to be unhandled; 0: it knows of none.",
        (Label("consumer", open=True),),
    ),
    Metric(
        "umbral_chat.consumer.dead_letters",
        "gauge",
        "{entry}",
        "Entries that a consumer gave up, of the whole service.",
        (Label("consumer", open=True),),
    ),
    Metric(
        "umbral_chat.http.problems",
        "counter",
        "{answer}",
        "Problem answers by code.",
        (Label("code", open=True),),
    ),
    Metric("umbral_chat.http.connections", "gauge", "{connection}", "Connections of clients that are open."),
    Metric(
        "umbral_chat.http.refused",
        "counter",
        "{request}",
        "Requests and connections that were ended before the application got the whole request, or because the client "
        "did not read the answer: by the problem's code; `idle` and `gave_way` (for a new one) are closed without an "
        "answer; `unread`; WebSockets that broke the protocol or a bound (`websocket_failed`) or answered no ping "
        "(`half_open`).",
        (
            Label(
                "reason",
                (
                    "invalid_http_request",
                    "invalid_handshake",
                    "upgrade_required",
                    "trailers_refused",
                    "request_timeout",
                    "uri_too_long",
                    "headers_too_large",
                    "too_many_connections",
                    "idle",
                    "gave_way",
                    "unread",
                    "websocket_failed",
                    "half_open",
                ),
            ),
        ),
    ),
)

__all__ = ["METRICS", "OTHER", "Kind", "Label", "Metric"]
