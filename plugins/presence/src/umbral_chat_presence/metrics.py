"""The metrics of this plugin, and the cells that a provider counts in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat.model.signals import PresenceSignal, RosterSignal, Signal
from umbral_chat.telemetry import Label, Metric

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry

    from umbral_chat_presence.state.engine import Engine

PEOPLE = "umbral_chat.presence.people"
DEVICES = "umbral_chat.presence.devices"
REPORTS = "umbral_chat.presence.reports"
ROSTERS = "umbral_chat.presence.rosters"
SIGNALS = "umbral_chat.presence.signals"

METRICS = (
    Metric(PEOPLE, "gauge", "{person}", "People in the conversations that this instance knows, at all instances."),
    Metric(DEVICES, "gauge", "{device}", "Devices that this instance owns."),
    Metric(
        REPORTS,
        "counter",
        "{report}",
        "Reports of devices: taken, refused because of a bound, or of a device that left.",
        (Label("outcome", ("taken", "refused", "left")),),
    ),
    Metric(
        ROSTERS,
        "counter",
        "{roster}",
        "Rosters exchanged through the shared store: written, read, or failed.",
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


class PresenceCounters:
    """Declares the metrics and holds the cells that the provider counts in."""

    def __init__(self, telemetry: Telemetry, engine: Engine) -> None:
        telemetry.declare(*METRICS)
        rooms = engine.rooms.all
        telemetry.gauge(PEOPLE, lambda: [((), sum(len(room.visible) for room in list(rooms.values())))])
        telemetry.gauge(DEVICES, lambda: [((), sum(room.live for room in list(rooms.values())))])
        reports = telemetry.counter(REPORTS)
        self.taken, self.refused, self.left = (reports.labels(one) for one in ("taken", "refused", "left"))
        rosters = telemetry.counter(ROSTERS)
        self.written, self.read, self.failed = (rosters.labels(one) for one in ("written", "read", "failed"))
        signals = telemetry.counter(SIGNALS)
        self._presence, self._typing, self._roster = (signals.labels(one) for one in ("presence", "typing", "roster"))

    def signal(self, signal: Signal) -> None:
        """Count a published signal by its kind."""
        match signal:
            case PresenceSignal():
                self._presence.value += 1
            case RosterSignal():
                self._roster.value += 1
            case _:
                self._typing.value += 1


__all__ = ["DEVICES", "METRICS", "PEOPLE", "REPORTS", "ROSTERS", "SIGNALS", "PresenceCounters"]
