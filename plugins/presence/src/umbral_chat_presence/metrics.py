"""The metrics of this plugin."""

from __future__ import annotations

from umbral_chat.telemetry import Label, Metric

PEOPLE = "umbral_chat.presence.people"
DEVICES = "umbral_chat.presence.devices"
REPORTS = "umbral_chat.presence.reports"
ROSTERS = "umbral_chat.presence.rosters"
SIGNALS = "umbral_chat.presence.signals"

METRICS = (
    Metric(PEOPLE, "gauge", "{person}", "People in the conversations that this instance knows of, of all instances."),
    Metric(DEVICES, "gauge", "{device}", "Devices that this instance answers for."),
    Metric(
        REPORTS,
        "counter",
        "{report}",
        "Reports of devices: taken, refused because of a bound, or of one that left.",
        (Label("outcome", ("taken", "refused", "left")),),
    ),
    Metric(
        ROSTERS,
        "counter",
        "{roster}",
        "What instances say to each other by the shared store: written, read, or failed to be.",
        (Label("outcome", ("written", "read", "failed")),),
    ),
    Metric(
        SIGNALS,
        "counter",
        "{signal}",
        "Signals for channels and other instances.",
        (Label("kind", ("presence", "typing", "roster")),),
    ),
)

__all__ = ["DEVICES", "METRICS", "PEOPLE", "REPORTS", "ROSTERS", "SIGNALS"]
