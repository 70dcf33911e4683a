"""The counters and gauges of one presence provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from umbral_chat.model.signals import PresenceSignal, RosterSignal, Signal

from umbral_chat_presence.metrics import DEVICES, METRICS, PEOPLE, REPORTS, ROSTERS, SIGNALS
from umbral_chat_presence.state.engine import Engine

if TYPE_CHECKING:
    from umbral_chat.telemetry import Telemetry


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


__all__ = ["PresenceCounters"]
