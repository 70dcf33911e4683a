"""The metrics of this plugin."""

from __future__ import annotations

from umbral_chat.telemetry import Label, Metric

DURATION = "umbral_chat.supabase.duration"
RETRIES = "umbral_chat.supabase.retries"
FAILURES = "umbral_chat.supabase.failures"
REALTIME_MESSAGES = "umbral_chat.supabase.realtime.messages"
REALTIME_BYTES = "umbral_chat.supabase.realtime.bytes"
REALTIME_LOST = "umbral_chat.supabase.realtime.lost"
REALTIME_PROBE = "umbral_chat.supabase.realtime.probe"
REALTIME_GARBLED = "umbral_chat.supabase.realtime.garbled"
MEMBER_SIGNALS = "umbral_chat.supabase.member_signals"

METRICS = (
    Metric(
        DURATION,
        "histogram",
        "s",
        "Time of one call of a function in Supabase's database, as it was tried once.",
        buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    ),
    Metric(RETRIES, "counter", "{try}", "Calls of Supabase that were tried again.", (Label("reason", open=True),)),
    Metric(FAILURES, "counter", "{call}", "Calls of Supabase that failed for good.", (Label("reason", open=True),)),
)

REALTIME_METRICS = (
    Metric(
        REALTIME_MESSAGES,
        "counter",
        "{message}",
        "Broadcasts that this instance sent to Realtime and received from it: both count towards the plan's messages a "
        "second. Missed: probes that did not arrive while the socket worked, as when that rate is used up.",
        (Label("direction", ("sent", "received", "missed")),),
    ),
    Metric(
        REALTIME_BYTES,
        "counter",
        "By",
        "Bytes of frames to and from Realtime, without TLS and the WebSocket's own.",
        (Label("direction", ("sent", "received")),),
    ),
    Metric(REALTIME_LOST, "counter", "{link}", "Links to Realtime that were lost.", (Label("kind", open=True),)),
    Metric(
        REALTIME_PROBE,
        "histogram",
        "s",
        "Time of a probe from the database through Realtime to this instance.",
        buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    ),
    Metric(REALTIME_GARBLED, "counter", "{message}", "Broadcasts of a form that this version does not know."),
    Metric(
        MEMBER_SIGNALS,
        "counter",
        "{message}",
        "Broadcasts of drafts and typing to members' own channels: told, refused by the plan's rate, or failed.",
        (Label("outcome", ("told", "limited", "failed")),),
    ),
)

__all__ = [
    "DURATION",
    "FAILURES",
    "MEMBER_SIGNALS",
    "METRICS",
    "REALTIME_BYTES",
    "REALTIME_GARBLED",
    "REALTIME_LOST",
    "REALTIME_MESSAGES",
    "REALTIME_METRICS",
    "REALTIME_PROBE",
    "RETRIES",
]
